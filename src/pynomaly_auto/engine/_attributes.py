"""What a fitted detector says of itself beside its result: shorter names for parts of it."""

from __future__ import annotations

from sklearn.utils.validation import check_is_fitted

from pynomaly_auto.records import Ensemble, Profile, Ranking, Result, Trial


class FittedAttributes:
    """The attributes that scikit-learn's users look for after ``fit``, read off ``result_``."""

    result_: Result

    @property
    def profile_(self) -> Profile:
        """What the table looks like."""
        return self._result_now().profile

    @property
    def ranking_(self) -> Ranking:
        """All candidates, best first."""
        return self._result_now().ranking

    @property
    def trials_(self) -> tuple[Trial, ...]:
        """What was tried, in order."""
        return self._result_now().search.trials

    @property
    def ensemble_(self) -> Ensemble:
        """The members and their weights."""
        return self._result_now().ensemble

    @property
    def threshold_(self) -> float:
        """A row is an anomaly when ``-score_samples`` exceeds this."""
        return self._result_now().verdict.threshold

    @property
    def contamination_(self) -> float:
        """Estimated or given share of anomalies."""
        return self._result_now().verdict.contamination

    @property
    def offset_(self) -> float:
        """Minus `threshold_`."""
        return -self.threshold_

    def _result_now(self) -> Result:
        # AttributeError keeps hasattr() honest before fit; scikit-learn's own error is one, too.
        check_is_fitted(self, "result_")
        return self.result_
