"""Whether new rows have the columns fitted on, in scikit-learn's words."""

from __future__ import annotations

import warnings

from pynomaly_auto.dataset._table import Table
from pynomaly_auto.errors import SchemaError

_SHOWN = 5


def check_schema(table: Table, names: tuple[str, ...], *, labelled: bool, named: bool, owner: str) -> None:
    """Compare a table's columns with those fitted on.

    Args:
        table: The new rows.
        names: Names of the columns fitted on.
        labelled: Whether these were the user's.
        named: Whether they were all text.
        owner: Class name of the estimator that speaks.

    Raises:
        SchemaError: Columns are missing, unexpected, in another order, or too many or too few.
    """
    if table.named and not named:
        warnings.warn(f"X has feature names, but {owner} was fitted without feature names", stacklevel=4)
    if named and not table.named:
        warnings.warn(f"X does not have valid feature names, but {owner} was fitted with feature names", stacklevel=4)
    if table.labelled and labelled and table.named == named and table.names != names:
        moved = sorted(table.names) == sorted(names)
        fix = "X[detector.feature_names_in_] has that order." if moved else "Give the columns of the rows fitted on."
        raise SchemaError(_names_message(table.names, names), fix=fix)
    if table.n_columns != len(names):
        raise SchemaError(f"X has {table.n_columns} features, but {owner} is expecting {len(names)} features as input.")


def _names_message(given: tuple[str, ...], expected: tuple[str, ...]) -> str:
    """The wording of ``sklearn.utils.validation._check_feature_names``, which its estimator checks ask for."""
    message = "The feature names should match those that were passed during fit.\n"
    unexpected, missing = sorted(set(given) - set(expected)), sorted(set(expected) - set(given))
    for title, names in (("unseen at fit time", unexpected), ("seen at fit time, yet now missing", missing)):
        if names:
            more = ["- ..."] if len(names) > _SHOWN else []
            message += f"Feature names {title}:\n" + "\n".join([*(f"- {n}" for n in names[:_SHOWN]), *more]) + "\n"
    if not unexpected and not missing:
        message += "Feature names must be in the same order as they were in fit.\n"
    return message
