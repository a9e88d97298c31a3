"""What a fitted detector says of itself beside its result: shorter names for parts of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.utils.validation import check_is_fitted

from pynomaly_auto.errors import InvalidInputError
from pynomaly_auto.records import CellEvidence, Ensemble, Profile, Ranking, Result, Trial

if TYPE_CHECKING:
    import pandas as pd

    from pynomaly_auto.engine._model import Model


class FittedAttributes:
    """The attributes that scikit-learn's users look for after ``fit``, read off ``result_``."""

    result_: Result
    _model: Model

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

    def cell_evidence(self, X: Any) -> CellEvidence:
        """What is odd about single cells of rows: bits of surprise, and what was expected where that is known.

        Args:
            X: Rows to look at, shape (n_rows, n_columns).

        Raises:
            InvalidInputError: Nobody looked at the cells of the table fitted on: it holds numbers alone, the setting
                ``cells`` is ``"off"``, or ``novelty`` is set.
            SchemaError: The columns are not those fitted on.
        """
        from pynomaly_auto.dataset import open_table

        self._result_now()
        model = self._model
        if model.looking is None:
            raise InvalidInputError(
                "nobody looked at the cells of this table: it holds numbers alone, or the settings say so.",
                fix='Set cells="always", without novelty; or use explain(X) for what columns add to a row\'s score.',
            )
        evidence: CellEvidence = model.looking.evidence(model.encoder, open_table(X))
        return evidence

    def leaderboard(self) -> pd.DataFrame:
        """Every candidate, tried or left out, with predicted and reached quality, cost, weight and reason."""
        import pandas as pd

        from pynomaly_auto.records import Standing

        rows = [vars(standing) for standing in self._result_now().leaderboard]
        return pd.DataFrame(rows, columns=list(Standing.__dataclass_fields__))

    def explain_decisions(self) -> pd.DataFrame:
        """Every decision of the run in the order taken: code, subject, text, evidence."""
        import pandas as pd

        rows = [(r.code, r.subject, r.text, dict(r.evidence)) for r in self._result_now().reasons]
        return pd.DataFrame(rows, columns=["code", "subject", "text", "evidence"])

    def _result_now(self) -> Result:
        # AttributeError keeps hasattr() honest before fit; scikit-learn's own error is one, too.
        check_is_fitted(self, "result_")
        return self.result_
