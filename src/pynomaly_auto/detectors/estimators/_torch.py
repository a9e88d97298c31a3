"""What all our neural estimators share: scaling, seeds, threads, device, one training loop with early stopping.

PyTorch's global state (random numbers, threads) is left as it was found. Networks are trained in single precision and
score in double precision, so that a row alone scores as it does in a batch. What a fit draws is drawn on the CPU,
the same whatever device trains; only the dropouts are the device's own. What is kept lies on the CPU.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pynomaly_auto import _optional
from pynomaly_auto.detectors.estimators._accelerator import Accelerator, accelerator, one_thread
from pynomaly_auto.detectors.estimators._scaling import Scaling
from pynomaly_auto.detectors.estimators._stored import Array, Sizes, Stored
from pynomaly_auto.errors import PynomalyError, StorageError
from pynomaly_auto.records import State

if TYPE_CHECKING:
    from typing import Self

    from pynomaly_auto.records import FloatArray

_TRAINING_LIMIT = 5.0  # standard deviations; farther cells would pull the network towards the very anomalies
_PATIENCE = 5  # epochs without improvement before training stops
_IMPROVEMENT = 1e-3  # relative
_TRAINING = ("epochs", "batch_size", "learning_rate", "weight_decay", "device", "random_state")
_SCALING, _WEIGHTS = "scaling", "weights"


class TorchDetector(Stored, ABC):
    """A detector that is a network; subclasses say which network, which losses and which score.

    Args:
        epochs: Most passes over the rows.
        batch_size: Rows per step; fewer on a table of few rows.
        learning_rate: Of Adam.
        weight_decay: Of Adam.
        device: ``"auto"`` (what the run computes on), ``"cpu"`` or ``"cuda"``; for training only.
        random_state: Seed.
    """

    settings: ClassVar[tuple[str, ...]] = ()

    hidden: Sequence[int]
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    device: str
    random_state: int
    scaling_: Scaling
    network_: Any

    def _training(
        self,
        *,
        epochs: int = 50,
        batch_size: int = 128,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-6,
        device: str = "auto",
        random_state: int = 0,
    ) -> None:
        """Take the settings of the training loop; called with what a subclass leaves over."""
        self.epochs, self.batch_size, self.learning_rate = epochs, batch_size, learning_rate
        self.weight_decay, self.device, self.random_state = weight_decay, device, random_state

    def fit(self, X: FloatArray) -> Self:
        """Train on ``X``, shape (n_rows, n_features)."""
        self.scaling_ = Scaling(X)
        rows = self.scaling_.apply(X, limit=_TRAINING_LIMIT)
        device, unit = choose_device(self.device), accelerator()
        try:
            self._fit_on(device, rows)
        except Exception as error:  # whatever a driver says; what is ours fails on the CPU, too
            if unit is None or device == "cpu":
                raise
            unit.give_up(error)
            self._fit_on("cpu", rows)
        else:
            if unit is not None and device == unit.name:
                unit.used = True
        return self

    def _fit_on(self, device: str, rows: FloatArray) -> None:
        torch = _optional.require("torch")
        with sandbox(self.random_state, device):
            self.network_ = self._network(rows.shape[1]).to(device)
            self._train(torch.as_tensor(rows, dtype=torch.float32, device=device))
            self.network_ = self.network_.cpu().double().eval()

    def _train(self, rows: Any) -> None:
        torch = _optional.require("torch")
        steps = self._steps(rows)
        best, waited = float("inf"), 0
        # Few rows make small batches, so that an epoch still has steps enough to learn something.
        size = max(min(16, len(rows)), min(self.batch_size, len(rows) // 16))
        self.network_.train()
        for _ in range(self.epochs):
            total = torch.zeros((), device=rows.device)
            # What is left over after whole batches waits for the next epoch's order; a batch of one would be noise.
            batches = torch.randperm(len(rows))[: len(rows) // size * size].reshape(-1, size)
            for chosen in batches.to(rows.device):
                for step in steps:
                    total += step(rows[chosen])
            loss = float(total) / len(batches)
            if not np.isfinite(loss):
                break
            waited = 0 if loss < best * (1 - _IMPROVEMENT) else waited + 1
            best = min(best, loss)
            if waited >= _PATIENCE:
                break

    def _step(self, parameters: Any, loss: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """One optimiser with its loss: a function that takes a batch, improves, and returns the loss."""
        torch = _optional.require("torch")
        chosen = list(parameters)
        optimiser = torch.optim.Adam(chosen, lr=self.learning_rate, weight_decay=self.weight_decay, betas=(0.9, 0.99))

        def improve(batch: Any) -> Any:
            optimiser.zero_grad(set_to_none=True)
            value = loss(batch)
            value.backward()
            torch.nn.utils.clip_grad_norm_(chosen, 10.0)
            optimiser.step()
            return value.detach()

        return improve

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Score rows; shape (n_rows,), higher = more anomalous."""
        torch, unit = _optional.require("torch"), accelerator()
        if unit is not None and (swift := self._score_on(unit, X)) is not None:
            return swift
        with one_thread(), torch.no_grad():
            return np.asarray(self._score(torch.as_tensor(self.scaling_.apply(X), dtype=torch.float64)).numpy())

    def _score_on(self, unit: Accelerator, X: FloatArray) -> FloatArray | None:
        """Scores by a device, in blocks; None: it was given up."""
        torch, twin, out = _optional.require("torch"), copy.copy(self), np.empty(len(X))

        def work(part: slice, _: Any) -> None:
            twin.network_ = copy.deepcopy(self.network_).to(unit.name)
            rows = torch.as_tensor(self.scaling_.apply(X[part]), dtype=torch.float64, device=unit.name)
            out[part] = twin._score(rows).cpu().numpy()

        widest = X.shape[1] + sum(self.hidden)
        return out if unit.blockwise(len(X), 64 * widest, work) else None

    def to_state(self) -> State:
        """The constructor's arguments, the scaling and every weight of the network."""
        values = {name: getattr(self, name) for name in (*self.settings, *_TRAINING)}
        weights = {name: np.ascontiguousarray(w.numpy()) for name, w in self.network_.state_dict().items()}
        return (
            State(values={name: list(v) if isinstance(v, tuple) else v for name, v in values.items()})
            | self.scaling_.to_state().within(_SCALING)
            | State(arrays=weights).within(_WEIGHTS)
        )

    @classmethod
    def read_state(cls, state: State, sizes: Sizes) -> Self:
        """Make it again, to score.

        Raises:
            StorageError: Something is missing, or the weights are not those of such a network.
        """
        torch = _optional.require("torch")
        scaling = Scaling.read_state(state.part(_SCALING), sizes)
        stored = state.part(_WEIGHTS)
        try:
            made = cls(**{name: state.value(name, (int, float, str, list)) for name in (*cls.settings, *_TRAINING)})
            if len(made.hidden) > len(stored.arrays):
                raise StorageError(f"{len(stored.arrays)} weights are too few for {len(made.hidden)} hidden layers.")
            with torch.device("meta"):  # shapes only: no memory is taken before they have been compared
                network = made._network(len(scaling.centre)).double()
        except PynomalyError:
            raise
        except Exception as error:  # whatever PyTorch says of sizes that are none
            raise StorageError(f"its settings make no network: {type(error).__name__}: {error}.") from error
        wanted = network.state_dict()
        weights = {name: Array(shape=tuple(w.shape)).read(name, stored, {}) for name, w in wanted.items()}
        network.load_state_dict({n: torch.from_numpy(w.copy()) for n, w in weights.items()}, assign=True)
        made.scaling_, made.network_ = scaling, network.eval()
        return made

    @abstractmethod
    def _network(self, n_features: int) -> Any:
        """The network, a ``torch.nn.Module``."""

    def _steps(self, rows: Any) -> list[Callable[[Any], Any]]:
        """What is done with each batch; by default one step on `_loss` over all parameters."""
        return [self._step(self.network_.parameters(), self._loss)]

    def _loss(self, batch: Any) -> Any:
        return self._score(batch).mean()

    @abstractmethod
    def _score(self, rows: Any) -> Any:
        """Tensor of one score per row."""


def layers(sizes: tuple[int, ...], *, bias: bool = True, dropout: float = 0.0) -> Any:
    """Fully connected layers of these sizes with leaky ReLUs between them, none after the last."""
    nn = _optional.require("torch").nn
    parts: list[Any] = []
    for before, after in pairwise(sizes):
        parts += [nn.Linear(before, after, bias=bias), nn.LeakyReLU(0.1), nn.Dropout(dropout)]
    return nn.Sequential(*parts[:-2])


def choose_device(device: str) -> str:
    """What PyTorch calls it; ``"auto"`` is what the run computes on."""
    unit = accelerator()
    return device if device != "auto" else "cpu" if unit is None else unit.name


def noise_like(values: Any) -> Any:
    """Normal random numbers on the values' device, the same whatever device that is; shape as ``values``."""
    return _optional.require("torch").randn_like(values, device="cpu").to(values.device)


@contextmanager
def sandbox(seed: int, device: str) -> Iterator[None]:
    """One thread and random numbers from ``seed``; PyTorch's global generators come out as they went in."""
    torch = _optional.require("torch")
    devices = [torch.cuda.current_device()] if device.startswith("cuda") else []
    with one_thread(), torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield
