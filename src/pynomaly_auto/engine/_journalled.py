"""What an estimator's class does with a run that was begun in another process."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Self

from pynomaly_auto._checks import path_of


class GoingOn:
    """The method by which a run goes on."""

    @classmethod
    def resume(cls, directory: str | Path, X: Any = None) -> Self:
        """Go on with a run that `fit` has begun with this folder as its ``checkpoint``.

        The journalled trials are taken as they are; what was running when the process was killed is made again, and so
        is what follows the search. With ``n_trials`` the result is that of an uninterrupted run, to the last bit. A
        time budget has what earlier attempts have left of it, at least 5 seconds and a tenth. Of a finished run the
        result is loaded, as by `load`.

        Args:
            directory: The folder.
            X: The table the run began with, where the folder does not hold it; checked where it is given.

        Raises:
            StorageError: There is no run in the folder, another process is at work on it, it is damaged, was begun by
                another version, or is of another table.
            SettingError: The folder does not hold the table, and ``X`` is not given.
            NothingFinishedError: Not one detector completed.
        """
        started = time.monotonic()
        from pynomaly_auto._deadline import waiting_since

        with waiting_since(started):
            from pynomaly_auto.engine._resuming import go_on

            return go_on(cls, path_of(directory), X)
