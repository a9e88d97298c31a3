"""Our own linear estimators, where PyOD and scikit-learn have none or none that scores a row alone as in a batch."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from sklearn.decomposition import FactorAnalysis, FastICA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import SGDOneClassSVM
from sklearn.svm import OneClassSVM

from pynomaly_auto.detectors.estimators._scales import Moments, blocks, one_of, squared_distances
from pynomaly_auto.detectors.estimators._scaling import Scaling
from pynomaly_auto.detectors.estimators._stored import Array, Part, Stored, Value

if TYPE_CHECKING:
    from typing import Self

    from pynomaly_auto.detectors.estimators._scales import Batches
    from pynomaly_auto.records import FloatArray

_BLOCK_CELLS = 500_000


class PrincipalComponents(Stored):
    """Principal components of the standardised columns (Shyu et al. 2003).

    Args:
        explained: Share of the variance that the kept components explain, in (0, 1].
        score: ``"mahalanobis"``: squared coordinates on all components, each divided by its variance;
            ``"reconstruction"``: squared distance from the space of the kept components.
        ridge: Added to every variance, as a share of the mean variance, so that directions without any do not rule.
        n_components: Kept components: a number, or a share below 1 of the variance that they explain; None: what
            ``explained`` says, or for the Mahalanobis score all of them.
    """

    layout: ClassVar = {"scaling_": Part(kind=Scaling), "axes_": Array(shape=("d", "d"))}

    def __init__(
        self, *, explained: float = 0.9, score: str = "mahalanobis", ridge: float = 0.2,
        n_components: float | None = None,
    ) -> None:  # fmt: skip
        self.explained, self.score, self.ridge, self.n_components = explained, score, ridge, n_components

    def fit(self, X: FloatArray) -> Self:
        """Find the components of ``X``, shape (n_rows, n_features)."""
        self.scaling_ = Scaling(X)
        Z = self.scaling_.apply(X)
        return self._along(Z.T @ Z / len(Z))

    def fit_batches(self, batches: Batches) -> Self:
        """The same, up to rounding, from rows some of which are looked at at a time; they are gone through twice."""
        found = Moments.of(batches())
        self.scaling_ = Scaling.of(found)
        products = np.zeros((len(found.mean), len(found.mean)))
        for X in batches():
            Z = self.scaling_.apply(X)
            products += Z.T @ Z
        return self._along(products / found.n_rows)

    def _along(self, covariance: FloatArray) -> Self:
        variances, directions = np.linalg.eigh(covariance)
        variances, directions = np.clip(variances[::-1], 0.0, None), directions[:, ::-1]
        weights = 1.0 / (variances + self.ridge * max(float(variances.mean()), 1e-12))
        kept = self._kept(variances)
        if self.score == "reconstruction":
            # All components kept would reconstruct everything; the last one is always left to show a departure.
            weights = (np.arange(len(variances)) >= min(kept, max(len(variances) - 1, 0))).astype(np.float64)
        elif self.n_components is not None:
            weights[kept:] = 0.0
        self.axes_ = np.ascontiguousarray(directions * np.sqrt(weights))
        return self

    def _kept(self, variances: FloatArray) -> int:
        """How many components are kept; at least one."""
        wanted = self.explained if self.n_components is None else self.n_components
        if wanted > 1 or isinstance(wanted, int):
            return max(1, min(int(wanted), len(variances)))
        share = np.cumsum(variances) / max(float(variances.sum()), 1e-12)
        return int(np.searchsorted(share, wanted - 1e-12)) + 1

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Squared length of the weighted coordinates; shape (n_rows,)."""
        return np.asarray(np.square(self.scaling_.apply(X) @ self.axes_).sum(axis=1))


class IndependentComponents(Stored):
    """Negative log-likelihood of rows under independent components (Hyvärinen and Oja 2000).

    The components' densities are taken as hyperbolic secants, the super-Gaussian shape the contrast itself assumes;
    what the kept components leave over counts as Gaussian noise.

    Args:
        n_components: Most components; None: as many as there are columns.
        fun: Contrast: ``"logcosh"``, ``"exp"`` or ``"cube"``.
        max_iter: Most iterations.
        random_state: Seed.
    """

    layout: ClassVar = {
        "scaling_": Part(kind=Scaling),
        "basis_": Array(shape=("d", "components"), empty=True),
        "unmixing_": Array(shape=("d", "components"), empty=True),
        "noise_": Value(least=1e-9),
    }

    def __init__(
        self, *, n_components: int | None = 20, fun: str = "logcosh", max_iter: int = 200, random_state: int = 0
    ) -> None:
        self.n_components, self.fun, self.max_iter, self.random_state = n_components, fun, max_iter, random_state

    def fit(self, X: FloatArray) -> Self:
        """Separate the components of ``X``, shape (n_rows, n_features)."""
        self.scaling_ = Scaling(X)
        Z = self.scaling_.apply(X)
        variances, directions = np.linalg.eigh(Z.T @ Z / len(Z))
        order = np.argsort(variances)[::-1][: min(self.n_components or Z.shape[1], len(Z) - 1)]
        order = order[variances[order] > 1e-6 * max(float(variances.max()), 1e-12)]
        self.basis_ = np.ascontiguousarray(directions[:, order])
        whitening = self.basis_ / np.sqrt(variances[order])
        self.unmixing_ = np.ascontiguousarray(whitening @ self._rotation(Z @ whitening))
        left_over = float(np.clip(variances.sum() - variances[order].sum(), 0.0, None))
        self.noise_ = max(left_over / max(Z.shape[1] - len(order), 1), 0.05)
        return self

    def _rotation(self, whitened: FloatArray) -> FloatArray:
        if whitened.shape[1] < 2:
            return np.eye(whitened.shape[1])
        ica = FastICA(whiten=False, fun=self.fun, max_iter=self.max_iter, tol=1e-3, random_state=self.random_state)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            # A rotation that has not settled still separates better than none, and is a rotation all the same.
            warnings.simplefilter("ignore", ConvergenceWarning)
            rotation = np.asarray(ica.fit(whitened).components_).T
        return rotation if np.isfinite(rotation).all() else np.eye(whitened.shape[1])

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Negative log-likelihood up to a constant; shape (n_rows,)."""
        Z = self.scaling_.apply(X)
        sources = np.abs(Z @ self.unmixing_) * (np.pi / 2)
        # log cosh without overflow; unit-variance hyperbolic secant: density 1 / (2 cosh(pi s / 2)).
        surprise = (sources + np.log1p(np.exp(-2 * sources))).sum(axis=1)
        rest = np.square(Z - (Z @ self.basis_) @ self.basis_.T).sum(axis=1)
        return np.asarray(surprise + rest / (2 * self.noise_))


class FactorModel(Stored):
    """Negative log-likelihood of rows under a factor analysis of the standardised columns.

    Args:
        n_components: Most factors, None: any number; never more than half the columns, so that there is something to
            share.
        max_iter: Most iterations of the expectation-maximisation.
        random_state: Seed of the randomised decomposition.
    """

    layout: ClassVar = {"scaling_": Part(kind=Scaling), "axes_": Array(shape=("d", "d"))}

    def __init__(self, *, n_components: int | None = 5, max_iter: int = 200, random_state: int = 0) -> None:
        self.n_components, self.max_iter, self.random_state = n_components, max_iter, random_state

    def fit(self, X: FloatArray) -> Self:
        """Estimate loadings and noise of ``X``, shape (n_rows, n_features)."""
        self.scaling_ = Scaling(X)
        most = X.shape[1] // 2
        n_factors = max(1, min(self.n_components or most, most, len(X) - 1))
        model = FactorAnalysis(n_components=n_factors, max_iter=self.max_iter, random_state=self.random_state)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(self.scaling_.apply(X))
        # A Heywood case drives a column's noise to zero, and the likelihood of any other row with it; hence the floor.
        noise = np.maximum(np.nan_to_num(model.noise_variance_), 0.05)
        loadings = np.nan_to_num(model.components_)  # a table without any variance leaves none to load on
        precision = np.linalg.inv(loadings.T @ loadings + np.diag(noise))
        values, vectors = np.linalg.eigh((precision + precision.T) / 2)
        self.axes_ = np.ascontiguousarray(vectors * np.sqrt(np.clip(values, 0.0, None)))
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Twice the negative log-likelihood up to a constant; shape (n_rows,)."""
        return np.asarray(np.square(self.scaling_.apply(X) @ self.axes_).sum(axis=1))


KERNELS = ("rbf", "linear", "poly", "sigmoid")


class KernelOneClassSVM(Stored):
    """A one-class SVM of the rows as they are (Schölkopf et al. 2001).

    Args:
        kernel: ``"rbf"``, ``"linear"``, ``"poly"`` or ``"sigmoid"``.
        gamma: Width of the kernel: a number, ``"scale"`` (1 / (n_features · variance)) or ``"auto"`` (1 / n_features).
        degree: Of the polynomial.
        coef0: Constant of the polynomial and of the sigmoid.
        **machine: Further parameters of scikit-learn's machine, such as ``nu``.
    """

    layout: ClassVar = {
        "kernel": Value(kind=str, among=KERNELS),
        "gamma_": Value(least=0.0),
        "degree": Value(kind=int, least=0),
        "coef0": Value(),
        "support_": Array(shape=("support", "d")),
        "weights_": Array(shape=("support",)),
        "offset_": Value(),
    }

    def __init__(
        self,
        *,
        kernel: str = "rbf",
        gamma: float | str = "scale",
        degree: int = 3,
        coef0: float = 0.0,
        **machine: float | bool,
    ) -> None:
        self.kernel = one_of("kernel", kernel, KERNELS)
        self.gamma, self.degree, self.coef0, self.machine = gamma, degree, coef0, machine
        self._machine()  # an unknown parameter fails here, not in fit

    def _machine(self) -> OneClassSVM:
        return OneClassSVM(kernel=self.kernel, gamma=self.gamma, degree=self.degree, coef0=self.coef0, **self.machine)

    def fit(self, X: FloatArray) -> Self:
        """Find the supporting rows of ``X``, shape (n_rows, n_features), and their weights."""
        machine = self._machine().fit(X)
        variance = float(X.var())
        widths = {"auto": 1.0 / X.shape[1], "scale": 1.0 / (X.shape[1] * variance) if variance > 0 else 1.0}
        self.gamma_ = widths[self.gamma] if isinstance(self.gamma, str) else float(self.gamma)
        self.support_ = np.ascontiguousarray(machine.support_vectors_, dtype=np.float64)
        self.weights_ = np.ascontiguousarray(machine.dual_coef_, dtype=np.float64).reshape(-1)
        self.offset_ = float(machine.offset_[0])
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Distance from the plane, on the side of the origin; shape (n_rows,)."""
        scores = np.empty(len(X))
        for part in blocks(len(X), _BLOCK_CELLS // len(self.support_) + 1):
            scores[part] = self.offset_ - self._kernel(X[part]) @ self.weights_
        return scores

    def _kernel(self, X: FloatArray) -> FloatArray:
        if self.kernel == "rbf":
            return _rbf(X, self.support_, self.gamma_)
        products: FloatArray = X @ self.support_.T
        if self.kernel == "linear":
            return products
        products = self.gamma_ * products + self.coef0
        return np.asarray(products**self.degree if self.kernel == "poly" else np.tanh(products))


class NystroemOneClassSVM(Stored):
    """A one-class SVM on a Nyström map of the kernel, fitted by stochastic gradients: linear in the number of rows.

    Args:
        nu: Upper bound on the share of training errors, in (0, 1].
        gamma: Kernel width as a multiple of 1 / n_features, on standardised columns; ``"scale"`` and ``"auto"``: 1,
            which is what both come to there.
        n_components: Most landmarks of the map.
        random_state: Seed.
    """

    layout: ClassVar = {
        "scaling_": Part(kind=Scaling),
        "gamma": Value(least=0.0),
        "landmarks_": Array(shape=("landmarks", "d")),
        "normal_": Array(shape=("landmarks",)),
    }

    def __init__(
        self, *, nu: float = 0.5, gamma: float | str = 1.0, n_components: int = 200, random_state: int = 0
    ) -> None:
        self.nu, self.n_components, self.random_state = nu, n_components, random_state
        self.gamma = 1.0 if isinstance(gamma, str) and one_of("gamma", gamma, ("scale", "auto")) else gamma

    def fit(self, X: FloatArray) -> Self:
        """Fit map and machine to ``X``, shape (n_rows, n_features)."""
        rng = np.random.default_rng(self.random_state)
        self.scaling_ = Scaling(X)
        Z = self.scaling_.apply(X)
        self.landmarks_ = Z[np.sort(rng.choice(len(Z), min(self.n_components, len(Z)), replace=False))]
        values, vectors = np.linalg.eigh(self._kernel(self.landmarks_))
        # Directions without weight in the kernel would only magnify rounding.
        whitening = vectors / np.sqrt(np.maximum(values, 1e-6 * len(values)))
        machine = SGDOneClassSVM(nu=self.nu, average=True, max_iter=100, random_state=self.random_state)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            machine.fit(self._kernel(Z) @ whitening)
        self.normal_ = whitening @ machine.coef_.reshape(-1)
        return self

    def _kernel(self, Z: FloatArray) -> FloatArray:
        return _rbf(Z, self.landmarks_, self.gamma / Z.shape[1])

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Negative distance from the origin along the hyperplane's normal; shape (n_rows,)."""
        return -np.asarray(self._kernel(self.scaling_.apply(X)) @ self.normal_)


def _rbf(X: FloatArray, Y: FloatArray, gamma: float) -> FloatArray:
    """The Gaussian kernel of all rows of both; shape (len(X), len(Y))."""
    far = squared_distances(X, Y)
    far *= -gamma
    return np.exp(far, out=far)
