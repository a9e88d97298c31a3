"""What a detector leaves on the disk, and what is made of that again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pynomaly_auto._checks import flag, path_of, trust

if TYPE_CHECKING:
    from pynomaly_auto.engine._fitted import Fitted


class OnDisk:
    """The methods by which a detector is saved and loaded, and a run goes on."""

    if TYPE_CHECKING:

        def __init__(self, **params: Any) -> None: ...

        @classmethod
        def _get_param_names(cls) -> list[str]: ...

        def _adopt(self, model: Any, result: Any) -> None: ...

        def _fitted_now(self) -> Fitted: ...

    def save(self, path: str | Path, *, key: bytes | str | None = None, trusted: bool = False) -> Path:
        """Save to one file, of data only: arrays and JSON, with a checksum and, with a key, a signature.

        Args:
            path: The file, usually named ``….pynomaly``; an earlier one of ours is replaced.
            key: A secret; loading with the same one proves that nobody else wrote the file.
            trusted: Also store detectors of third parties that are not data, as pickles, which only those who trust
                the file can load.

        Raises:
            StorageError: The file cannot be written, or holds something that is not ours.
            SettingError: The path, the key or ``trusted`` is none.
            UntrustedError: A detector is not data, and ``trusted`` is False.
        """
        from pynomaly_auto.engine._storage import save

        return save(self._fitted_now(), path_of(path), key=key, trusted=flag("trusted", trusted))

    @classmethod
    def load(cls, path: str | Path, *, trusted: bool | Sequence[str] = False, key: bytes | str | None = None) -> Self:
        """Load what `save` wrote; nothing in it can run, and its checksum is verified before anything is unpacked.

        Args:
            path: The file.
            trusted: Full names of third parties' types whose pickles may be loaded; True: any.
            key: What the file must have been signed with. Without one a signed file is loaded, too, with a warning
                that nobody has checked who wrote it.

        Raises:
            StorageError: Something is missing, altered, of a format this version does not read, or not signed with
                the key.
            SettingError: The path, the key or ``trusted`` is none.
            UntrustedError: The file holds pickles of types nobody has said to trust.
        """
        from pynomaly_auto.engine._storage import load

        fitted = load(path_of(path), cls._get_param_names(), trusted=trust(trusted), key=key)
        detector = cls(**fitted.params)
        detector._adopt(fitted.model, fitted.result)
        return detector

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

            made: Self = go_on(cls, path_of(directory), X).detector
        return made
