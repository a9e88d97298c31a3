"""The choice that several objectives leave, for those who have a fitted detector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from sklearn.utils.validation import check_is_fitted

from pynomaly_auto.records import Front, FrontPoint, Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pynomaly_auto.engine._model import Model


class AlongFront:
    """What a detector fitted with ``objectives`` offers beside the model it has taken."""

    result_: Result
    _model: Model

    if TYPE_CHECKING:

        def get_params(self, deep: bool = True) -> dict[str, Any]:
            """The estimator's own."""

    @property
    def front_(self) -> Front | None:
        """The models that no other beats in all ``objectives``, and the one taken; None: none were asked for."""
        check_is_fitted(self, "result_")
        return self.result_.front

    def choose(self, point: int | FrontPoint | Mapping[str, float]) -> Self:
        """A detector at another point of the front; this one stays as it is, and no member is fitted again.

        As with `compact`, training rows keep the scores they have, and a threshold that was moved stays. With labels
        only what learns from them learns anew beside the members that are left, and the threshold is that of `fit`;
        the explanations are those of `fit`, too.

        Args:
            point: The number of a point of `front_`, the point itself, or other weights of the same objectives.

        Raises:
            SettingError: There is no front or no such point, the detector was loaded from a file, which holds the
                chosen model alone, or people have given feedback since the fit.
            UnknownNameError: An objective is unknown.
        """
        from pynomaly_auto.engine._choosing_again import at_point

        check_is_fitted(self, "result_")
        made: Self = at_point(self, point)
        return made
