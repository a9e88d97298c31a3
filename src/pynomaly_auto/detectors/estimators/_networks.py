"""Our neural estimators: what the network is, what it learns, what its score is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pynomaly_auto import _optional
from pynomaly_auto.detectors.estimators._grown import Trees
from pynomaly_auto.detectors.estimators._scaling import Scaling
from pynomaly_auto.detectors.estimators._stored import Array, Part, Sizes, Stored, Value
from pynomaly_auto.detectors.estimators._torch import TorchDetector, layers, noise_like
from pynomaly_auto.errors import StorageError
from pynomaly_auto.forest import Growing, expected_length, isolation, side_by_side, single
from pynomaly_auto.records import State

if TYPE_CHECKING:
    from typing import Self

    from pynomaly_auto.records import FloatArray


_BLOCK = 2_048  # rows whose representations are in hand at a time
_MOST_LAYERS = 100


@dataclass(frozen=True, kw_only=True)
class Layers:
    """The field of the weights of random networks: a list of arrays, each of all networks' weights of one layer."""

    def write(self, name: str, held: Sequence[FloatArray]) -> State:
        """The arrays, under its name and their numbers."""
        arrays = {f"{name}.{i}": layer for i, layer in enumerate(held)}
        return State(arrays=arrays, values={f"{name}.count": len(held)})

    def read(self, name: str, state: State, sizes: Sizes) -> list[FloatArray]:
        """The arrays again, each as wide as the next one is high."""
        count = state.value(f"{name}.count", int)
        if not 1 <= count <= _MOST_LAYERS:
            raise StorageError(f"the value '{name}.count' is {count!r}.")
        out, width = [], "d"
        for i in range(count):
            wide = "width" if i == count - 1 else f"width {i}"
            out.append(Array(shape=("networks", width, wide)).read(f"{name}.{i}", state, sizes))
            width = wide
        return out


class AutoEncoder(TorchDetector):
    """Squared error of reconstructing a row through a bottleneck.

    Args:
        hidden: Sizes of the encoder's hidden layers; the decoder mirrors them.
        latent: Size of the bottleneck; never more than half the features, rounded up.
        dropout: Share of hidden units left out in training.
        **training: Settings of the training loop, see `TorchDetector`.
    """

    settings = ("hidden", "latent", "dropout")

    def __init__(
        self, *, hidden: Sequence[int] = (64, 32), latent: int = 8, dropout: float = 0.0, **training: Any
    ) -> None:
        self.hidden, self.latent, self.dropout = tuple(hidden), latent, dropout
        self._training(**training)

    def _network(self, n_features: int) -> Any:
        sizes = (n_features, *self.hidden, bottleneck(self.latent, n_features))
        return _optional.require("torch").nn.ModuleDict(
            {"encoder": layers(sizes, dropout=self.dropout), "decoder": layers(sizes[::-1], dropout=self.dropout)}
        )

    def _score(self, rows: Any) -> Any:
        rebuilt = self.network_["decoder"](self.network_["encoder"](rows))
        return (rebuilt - rows).square().mean(dim=1)


class VariationalAutoEncoder(TorchDetector):
    """Reconstruction error plus the divergence of a row's code from the prior (the negative ELBO at the mean code).

    Args:
        hidden: Sizes of the encoder's hidden layers; the decoder mirrors them.
        latent: Size of the code; never more than half the features, rounded up.
        beta: Weight of the divergence.
        **training: Settings of the training loop, see `TorchDetector`.
    """

    settings = ("hidden", "latent", "beta")

    def __init__(
        self, *, hidden: Sequence[int] = (64, 32), latent: int = 8, beta: float = 0.1, **training: Any
    ) -> None:
        self.hidden, self.latent, self.beta = tuple(hidden), latent, beta
        self._training(**training)

    def _network(self, n_features: int) -> Any:
        size = bottleneck(self.latent, n_features)
        return _optional.require("torch").nn.ModuleDict(
            {
                "encoder": layers((n_features, *self.hidden, 2 * size)),
                "decoder": layers((size, *self.hidden[::-1], n_features)),
            }
        )

    def _elbo(self, rows: Any, *, sample: bool) -> Any:
        mean, log_variance = self.network_["encoder"](rows).chunk(2, dim=1)
        log_variance = log_variance.clamp(-10.0, 10.0)
        code = mean + noise_like(mean) * (log_variance / 2).exp() if sample else mean
        error = (self.network_["decoder"](code) - rows).square().sum(dim=1)
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum(dim=1)
        return (error + self.beta * divergence) / rows.shape[1]

    def _loss(self, batch: Any) -> Any:
        return self._elbo(batch, sample=True).mean()

    def _score(self, rows: Any) -> Any:
        return self._elbo(rows, sample=False)


class DeepSVDD(TorchDetector):
    """Squared distance from a fixed centre of a mapping trained to draw all rows towards it.

    No layer has a bias, so that the mapping cannot become constant (Ruff et al. 2018, proposition 2).

    Args:
        hidden: Sizes of the hidden layers.
        latent: Dimensions of the mapping.
        **training: Settings of the training loop, see `TorchDetector`.
    """

    settings = ("hidden", "latent")

    def __init__(self, *, hidden: Sequence[int] = (64, 32), latent: int = 16, **training: Any) -> None:
        self.hidden, self.latent = tuple(hidden), latent
        self._training(**training)

    def _network(self, n_features: int) -> Any:
        torch = _optional.require("torch")
        network = torch.nn.ModuleDict({"map": layers((n_features, *self.hidden, self.latent), bias=False)})
        network.register_buffer("centre", torch.zeros(self.latent))
        return network

    def _steps(self, rows: Any) -> list[Callable[[Any], Any]]:
        torch = _optional.require("torch")
        with torch.no_grad():
            centre = self.network_["map"](rows).mean(dim=0)
            # A coordinate near zero could be reached by zero weights; the paper's remedy.
            away = torch.where(centre < 0, -0.1, 0.1).to(centre)
            self.network_.centre.copy_(torch.where(centre.abs() < 0.1, away, centre))
        return super()._steps(rows)

    def _score(self, rows: Any) -> Any:
        return (self.network_["map"](rows) - self.network_.centre).square().sum(dim=1)


class BidirectionalGAN(TorchDetector):
    """A bidirectional GAN: error of encoding and generating a row again, in values and in the critic's features.

    Encoder and generator also learn to invert each other, without which few passes leave them unrelated.

    Args:
        hidden: Sizes of the encoder's hidden layers; generator and discriminator are as large.
        latent: Size of the code; never more than half the features, rounded up.
        feature_weight: Share of the discriminator's features in the score, in [0, 1].
        **training: Settings of the training loop, see `TorchDetector`.
    """

    settings = ("hidden", "latent", "feature_weight")

    def __init__(
        self, *, hidden: Sequence[int] = (64, 32), latent: int = 8, feature_weight: float = 0.3, **training: Any
    ) -> None:
        self.hidden, self.latent, self.feature_weight = tuple(hidden), latent, feature_weight
        self._training(**training)

    def _network(self, n_features: int) -> Any:
        torch = _optional.require("torch")
        sizes = (n_features, *self.hidden, bottleneck(self.latent, n_features))
        return torch.nn.ModuleDict(
            {
                "encoder": layers(sizes),
                "generator": layers(sizes[::-1]),
                "features": layers((sizes[0] + sizes[-1], *self.hidden)),
                "verdict": torch.nn.Sequential(torch.nn.LeakyReLU(0.1), torch.nn.Linear(self.hidden[-1], 1)),
            }
        )

    def _steps(self, rows: Any) -> list[Callable[[Any], Any]]:
        critic = [*self.network_["features"].parameters(), *self.network_["verdict"].parameters()]
        makers = [*self.network_["encoder"].parameters(), *self.network_["generator"].parameters()]
        return [self._step(critic, self._critic_loss), self._step(makers, self._maker_loss)]

    def _verdicts(self, batch: Any) -> tuple[Any, Any, Any]:
        torch = _optional.require("torch")
        network = self.network_
        code = network["encoder"](batch)
        prior = noise_like(code)
        real = torch.cat([batch, code], dim=1)
        made = torch.cat([network["generator"](prior), prior], dim=1)
        real_verdict, made_verdict = (network["verdict"](network["features"](pair)) for pair in (real, made))
        return real_verdict, made_verdict, code

    def _critic_loss(self, batch: Any) -> Any:
        softplus = _optional.require("torch").nn.functional.softplus
        real, made, _ = self._verdicts(batch)
        return (softplus(-real) + softplus(made)).mean()

    def _maker_loss(self, batch: Any) -> Any:
        softplus = _optional.require("torch").nn.functional.softplus
        real, made, code = self._verdicts(batch)
        cycle = (self.network_["generator"](code) - batch).square().mean()
        return (softplus(real) + softplus(-made)).mean() + 5.0 * cycle

    def _score(self, rows: Any) -> Any:
        torch = _optional.require("torch")
        network = self.network_
        code = network["encoder"](rows)
        again = network["generator"](code)
        seen, copied = (network["features"](torch.cat([half, code], dim=1)) for half in (rows, again))
        values, features = (again - rows).square().mean(dim=1), (copied - seen).square().mean(dim=1)
        return (1 - self.feature_weight) * values + self.feature_weight * features


class DeepIsolationForest(Stored):
    """Isolation forests on the outputs of random networks (Xu et al. 2023); nothing is trained, so numpy does.

    Args:
        n_representations: Number of random networks.
        n_estimators: Trees per network.
        hidden: Sizes of the hidden layers.
        latent: Outputs of a network.
        max_samples: Rows per tree; fewer when the table has fewer.
        random_state: Seed.
    """

    layout: ClassVar = {
        "scaling_": Part(kind=Scaling),
        "layers_": Layers(),
        "forest_": Trees(columns="width", times="networks"),
        "expected_": Value(kind=float, least=0.0),
    }

    def __init__(
        self,
        *,
        n_representations: int = 24,
        n_estimators: int = 12,
        hidden: Sequence[int] = (64,),
        latent: int = 20,
        max_samples: int = 256,
        random_state: int = 0,
    ) -> None:
        self.n_representations, self.n_estimators, self.hidden = n_representations, n_estimators, tuple(hidden)
        self.latent, self.max_samples, self.random_state = latent, max_samples, random_state

    def fit(self, X: FloatArray) -> Self:
        """Draw the networks and grow a forest on the outputs of each; ``X`` of shape (n_rows, n_features)."""
        rng = np.random.default_rng(self.random_state)
        self.scaling_ = Scaling(X)
        Z = self.scaling_.apply(X)
        sizes = (X.shape[1], *self.hidden, self.latent)
        sample = min(self.max_samples, len(X))
        networks, forests = [], []
        for _ in range(self.n_representations):
            networks.append([rng.standard_normal(size) / size[0] ** 0.5 for size in pairwise(sizes)])
            growing = Growing(n_trees=self.n_estimators, sample=sample, n_columns=self.latent)
            forests.append(growing.grow(single(_represent(networks[-1], Z)), rng))
        self.layers_: list[FloatArray] = [np.stack(layer) for layer in zip(*networks, strict=True)]
        self.forest_ = side_by_side(forests)
        self.expected_ = self.n_estimators * float(expected_length(np.array([sample]))[0])
        return self

    def check(self) -> None:
        """Every network has as many trees."""
        if self.forest_.n_trees % len(self.layers_[0]):
            raise StorageError(f"{self.forest_.n_trees} trees for {len(self.layers_[0])} networks.")

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Mean isolation score over the networks, in (0, 1); shape (n_rows,)."""
        count = len(self.layers_[0])
        groups = np.full(count, self.forest_.n_trees // count)
        out = np.empty(len(X))
        for start in range(0, len(X), _BLOCK):
            part = slice(start, start + _BLOCK)
            Z = self.scaling_.apply(X[part])
            seen = [_represent([layer[i] for layer in self.layers_], Z) for i in range(count)]
            depths = self.forest_.sums(single(np.concatenate(seen, axis=1)), groups)
            out[part] = isolation(depths, self.expected_).sum(axis=1) / count
        return out


def _represent(network: list[FloatArray], Z: FloatArray) -> FloatArray:
    for weights in network[:-1]:
        Z = np.tanh(Z @ weights)
    # Trees cut between single-precision values. Rounded far more coarsely than products differ between one row and
    # many, a row falls on the same side of a cut in either.
    return np.asarray(np.round(Z @ network[-1], 5))


def bottleneck(latent: int, n_features: int) -> int:
    """The size of a code that cannot simply copy the row."""
    return max(1, min(latent, (n_features + 1) // 2))
