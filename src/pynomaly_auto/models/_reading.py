"""Models as the knowledge base holds them: LightGBM's text, read into trees that are checked."""

from __future__ import annotations

from pynomaly_auto.errors import StorageError
from pynomaly_auto.forest import Forest, from_lightgbm_text


def read_model(text: str, n_features: int, what: str) -> Forest:
    """Read a model's text.

    Args:
        text: As LightGBM wrote it.
        n_features: Inputs it must have.
        what: The model, for the error.

    Raises:
        StorageError: The text is no model, or one over other inputs.
    """
    try:
        return fitting(from_lightgbm_text(text), n_features)
    except StorageError as error:
        raise StorageError(f"{what} is damaged: {error.what}") from None


def fitting(forest: Forest, n_features: int) -> Forest:
    """The forest itself, if it has so many inputs.

    Raises:
        StorageError: It has others.
    """
    if forest.n_features != n_features:
        raise StorageError(f"it has {forest.n_features} inputs, not {n_features}.")
    return forest
