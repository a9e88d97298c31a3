"""What a fitted detector asks people, and hears from them."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING, Any, Self

from sklearn.utils.validation import check_is_fitted

from pynomaly_auto.records import Feedback, Result

if TYPE_CHECKING:
    import pandas as pd

    from pynomaly_auto.engine._model import Model


# A detector is moved by one thread at a time: of two that hear people at once one would forget what the other heard. A
# lock of all detectors, as one of its own could neither be copied nor pickled with a detector.
ONE_AT_A_TIME = RLock()


class AmongPeople:
    """The methods of a detector by which people are asked about rows and say what they are."""

    result_: Result
    _model: Model

    @property
    def feedback_(self) -> tuple[Feedback, ...]:
        """What people have said of rows since the fit and nobody has taken back, in the order it was said."""
        check_is_fitted(self, "result_")
        return self._model.sayings.feedback

    def query(self, n: int = 10, X: Any = None, *, strategy: str = "auto") -> pd.DataFrame:
        """Propose rows that are worth a label, best first.

        No row with a label is proposed, nor one that equals such a row; of rows that equal each other one.

        Args:
            n: At most so many.
            X: Rows to choose from, with the columns fitted on; None: the training rows.
            strategy: ``"top"``: the highest probabilities; ``"uncertainty"``: nearest to the threshold;
                ``"disagreement"``: the models disagree most; ``"diversity"``: high rows far from each other and from
                labelled ones; ``"random"``; or ``"auto"``: a mixture.

        Returns:
            Row label, probability of being an anomaly, the strategy that chose the row and the reason in a sentence,
            indexed by position, which `feedback` takes.

        Raises:
            SettingError: ``n`` or the strategy is none, ``novelty`` is set, or ``X`` is needed: a detector that was
                loaded does not hold its training rows, but where it has labels and these rows are few.
            SchemaError: The columns are not those fitted on.
        """
        from pynomaly_auto.engine._feedback import query

        check_is_fitted(self, "result_")
        with ONE_AT_A_TIME:
            self._model, found = query(self._model, self.result_, n, X, strategy)
        return found

    def feedback(self, rows: Any, labels: Any, *, by: str = "", X: Any = None) -> Self:
        """Say what rows are; heeded at once, and nothing of the detectors is fitted again.

        What learns from labels learns again, from those given to ``fit`` and from all feedback so far; scores,
        probabilities, threshold, ``result_.verdict``, ``result_.supervision`` and ``result_.performance`` move; a
        threshold moved by hand is decided anew. ``result_.explanations`` stay those of the fit. Of a row of which
        something was said before the last word counts; both are kept in `feedback_`. Rows that equal one of which
        somebody speaks are judged as that one.

        Args:
            rows: Positions among the training rows, or in ``X``; also the table that `query` returned.
            labels: 1 for an anomaly, 0 for a normal row, one for each.
            by: Who says so.
            X: The table that ``rows`` counts in; None: the training rows. Rows in it that are training rows are known
                as these.

        Raises:
            InvalidInputError: There is no such row, a label is none, or there are more or fewer labels than rows.
            SettingError: ``novelty`` is set, or ``X`` is needed, as for `query`: the table fitted on.
            SchemaError: The columns are not those fitted on.
        """
        from pynomaly_auto.engine._feedback import hear

        check_is_fitted(self, "result_")
        with ONE_AT_A_TIME:
            self._model, self.result_ = hear(self._model, self.result_, (rows, labels, by), X)
        return self

    def forget(self, number: int | None = None, *, by: str | None = None, X: Any = None) -> Self:
        """Take back what somebody said: one saying, or all of one person's.

        After all feedback is forgotten the detector answers as before any of it, to the last bit.

        Args:
            number: Of the saying, as in `feedback_`.
            by: Whose sayings.
            X: The table fitted on, where the detector does not hold what it needs of that and some feedback stays.

        Raises:
            SettingError: Not exactly one of the two is given, nothing such was said, or ``X`` is needed.
        """
        from pynomaly_auto.engine._feedback import forget

        check_is_fitted(self, "result_")
        with ONE_AT_A_TIME:
            self._model, self.result_ = forget(self._model, self.result_, number, by, X)
        return self
