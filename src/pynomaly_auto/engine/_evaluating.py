"""How right a fitted detector was, once labels are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pynomaly_auto.errors import InvalidInputError, shown
from pynomaly_auto.records import Evaluation, FloatArray, Judgement, ThresholdQuality
from pynomaly_auto.scoring import average_precision, roc_auc

Flags = np.ndarray[Any, np.dtype[np.bool_]]

_SHARES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)  # shares of the rows whose labelling is compared
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_FORMS = "Give 1 for an anomaly and 0 for a normal row, or -1 for an anomaly and 1 for a normal row."


def labels_of(y: Any, n_rows: int) -> tuple[Flags, Flags]:
    """Which rows have a label, and which of those are anomalies; shapes (n_rows,) and (n_labelled,).

    Args:
        y: 1 or True for an anomaly and 0 or False for a normal row, or scikit-learn's -1 and 1; missing: not known.
        n_rows: Rows there should be.

    Raises:
        InvalidInputError: There are more or fewer labels than rows, other values, or nothing that tells the two
            conventions apart.
    """
    try:
        given = pd.Series(np.asarray(y, dtype=object).reshape(-1))
        numbers = pd.to_numeric(given.map(_plain), errors="coerce").to_numpy(dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise InvalidInputError(f"the labels cannot be read: {error}.", where="y", fix=_FORMS) from error
    if len(given) != n_rows:
        raise InvalidInputError(f"{len(given):,} labels for {n_rows:,} rows.", where="y", fix="Give one label per row.")
    known = given.notna().to_numpy() & (given != "").to_numpy()
    strange = known & ~np.isin(numbers, (-1.0, 0.0, 1.0))
    values = set(numbers[known & ~strange].tolist())
    if strange.any():
        what = shown(given[int(np.argmax(strange))])
    elif not values:
        what = "no value at all"
    elif values in ({1.0}, {-1.0, 0.0, 1.0}, {-1.0, 0.0}):
        what = f"only {', '.join(f'{v:g}' for v in sorted(values))}"
    else:
        return known, numbers[known] == (-1.0 if -1.0 in values else 1.0)
    raise InvalidInputError(f"the labels hold {what}.", where="y", fix=_FORMS)


def evaluation(judged: Judgement, y: Any, *, seconds: float) -> Evaluation:
    """Compare what was said of rows with what they are.

    Args:
        judged: What was said of them.
        y: What they are; see `labels_of`.
        seconds: What judging them took.

    Raises:
        InvalidInputError: The labels cannot be used.
    """
    known, anomalous = labels_of(y, len(judged.labels))
    scores, probabilities = judged.scores[known], judged.probabilities[known]
    flagged = judged.labels[known] == -1
    n, found = len(anomalous), int((flagged & anomalous).sum())
    n_anomalies, n_flagged = int(anomalous.sum()), int(flagged.sum())
    both = 0 < n_anomalies < n
    return Evaluation(
        n_rows=n,
        n_unlabelled=len(known) - n,
        n_anomalies=n_anomalies,
        n_flagged=n_flagged,
        n_found=found,
        expected=float(probabilities[flagged].sum()),
        precision=found / max(n_flagged, 1),
        recall=found / n_anomalies if n_anomalies else None,
        f1=2 * found / max(n_flagged + n_anomalies, 1),
        accuracy=float((flagged == anomalous).mean()),
        false_positive_rate=(n_flagged - found) / (n - n_anomalies) if n_anomalies < n else None,
        roc_auc=roc_auc(anomalous.astype(np.int64), scores) if both else None,
        average_precision=average_precision(anomalous.astype(np.int64), scores) if both else None,
        brier=float(np.square(probabilities - anomalous).mean()),
        thresholds=tuple(_quality_at(scores, anomalous, share) for share in _SHARES if round(share * n) >= 1),
        quantiles={
            name: tuple(np.quantile(scores[rows], _QUANTILES).tolist()) if rows.any() else ()
            for name, rows in (("normal", ~anomalous), ("anomalies", anomalous))
        },
        seconds_per_row=seconds / max(len(known), 1),
    )


def _quality_at(scores: FloatArray, anomalous: Flags, share: float) -> ThresholdQuality:
    threshold = float(np.sort(scores)[-round(share * len(scores))])
    flagged = scores >= threshold
    found, n_flagged, n_anomalies = int((flagged & anomalous).sum()), int(flagged.sum()), int(anomalous.sum())
    return ThresholdQuality(
        share=share,
        n_flagged=n_flagged,
        threshold=threshold,
        precision=found / n_flagged,
        recall=found / n_anomalies if n_anomalies else None,
        f1=2 * found / (n_flagged + n_anomalies),
    )


def _plain(label: Any) -> Any:
    """Truth values as numbers, also where they are written out."""
    if isinstance(label, str):
        label = {"true": 1, "false": 0}.get(label.strip().lower(), label.strip())
    return int(label) if isinstance(label, (bool, np.bool_)) else label
