"""Distances by PyTorch on a GPU: what is nearest, Gaussian densities, variances of angles.

Single precision is only asked which points may be the nearest; a bound on what rounding can have done says where that
leaves doubt, and there all points are compared. Distances are sums of squared differences in double precision, feature
by feature: the same bits for a row alone and in a batch, whatever the device. Rows come in blocks that fit the memory;
where even a row does not fit, or the device fails, it is given up and the CPU goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np

from pynomaly_auto import _optional

if TYPE_CHECKING:
    from pynomaly_auto.detectors.estimators._points import Points
    from pynomaly_auto.records import FloatArray, IntArray

_MOST_BYTES = 2**30  # of one block: more is no faster, and other processes want memory, too
_FREE_SHARE = 0.25  # of the memory that is free, as several processes may begin at once
_CPU_BYTES = 2**26
_SPARE = 8  # neighbours more than asked for that single precision gives
_UNIT = 2.0**-24  # most by which a number is off, relatively, once it is rounded to single precision
_TINY = 1e-36  # more than sums lose to products that vanish in single precision

_current: ContextVar[Accelerator | None] = ContextVar("accelerator", default=None)


def accelerator() -> Accelerator | None:
    """What distances are to be computed by; None: numpy, as where there is no GPU."""
    unit = _current.get()
    return None if unit is None or unit.given_up else unit


@contextmanager
def accelerating(unit: Accelerator | None) -> Iterator[None]:
    """Within it, in this thread, estimators compute by ``unit``; None: by numpy."""
    token = _current.set(unit)
    try:
        yield
    finally:
        _current.reset(token)


class Accelerator:
    """One device, as PyTorch names it; threads take turns.

    Args:
        name: ``"cuda"``, ``"cuda:1"``, or ``"cpu"`` to rehearse.
    """

    def __init__(self, name: str) -> None:
        self.name, self.given_up, self.used, self.shrunk = name, "", False, 0
        self._lock = RLock()

    def nearest(
        self, points: Points, Z: FloatArray, k: int, *, power: float = 2.0, themselves: bool = False
    ) -> tuple[FloatArray, IntArray] | None:
        """Distances to and positions of the ``k`` nearest points, nearest first, of equally distant ones the first.

        Args:
            points: Among which.
            Z: The rows, centred as the points are; shape (n_rows, n_features).
            k: How many, at most all (others, with ``themselves``).
            power: Of the Minkowski distance.
            themselves: The rows are the points, and each leaves itself out.

        Returns:
            Two arrays of shape (n_rows, k); None: the device was given up.
        """
        distances, positions = np.empty((len(Z), k)), np.empty((len(Z), k), dtype=np.int64)
        n = len(points)
        few = k + _SPARE >= n - themselves  # then all are candidates
        doubtful: list[IntArray] = []

        def guess(part: slice, held: _Held) -> None:
            own = np.arange(part.start, part.stop) if themselves else None
            found, near, unsure = held.guessed(Z[part], k, own)
            distances[part], positions[part] = found, near
            doubtful.append(np.flatnonzero(unsure) + part.start)

        def compare(part: slice, held: _Held) -> None:
            rows = left[part]
            distances[rows], positions[rows] = held.compared(Z[rows], k, rows if themselves else None, power)

        wide = k + _SPARE
        if not few and power == 2.0:
            if not self.blockwise(len(Z), 24 * n + 80 * wide + 32 * Z.shape[1], guess, points):
                return None
            # A block that did not fit is done again.
            left = np.unique(np.concatenate(doubtful)) if doubtful else np.empty(0, dtype=np.int64)
        else:
            left = np.arange(len(Z))
        done = self.blockwise(len(left), 56 * n + 32 * Z.shape[1], compare, points)
        return (distances, positions) if done else None

    def densities(self, points: Points, Z: FloatArray, width: float, *, themselves: bool) -> FloatArray | None:
        """Negative logs of a Gaussian kernel density; shape (n_rows,), or None: the device was given up.

        Args:
            points: Where the kernels lie.
            Z: The rows, centred as the points are; shape (n_rows, n_features).
            width: Of the kernel.
            themselves: The rows are the points, and none supports itself.
        """
        out = np.empty(len(Z))

        def work(part: slice, held: _Held) -> None:
            own = np.arange(part.start, part.stop) if themselves else None
            far = held.squares(Z[part], own)
            nearest = far.min(dim=1).values
            far.sub_(nearest[:, None]).mul_(-0.5 / width**2)
            mass = far.exp_().sum(dim=1)
            out[part] = (0.5 * nearest / width**2 - (mass / (len(points) - themselves)).log()).cpu().numpy()

        return out if self.blockwise(len(Z), 32 * len(points) + 32 * Z.shape[1], work, points) else None

    def angle_variances(self, points: Points, Z: FloatArray, positions: IntArray, floor: float) -> FloatArray | None:
        """Weighted variances of the angles at which rows see their neighbours; shape (n_rows,), or None: given up.

        Args:
            points: Among which the neighbours are.
            Z: The rows, centred as the points are; shape (n_rows, n_features).
            positions: Of the neighbours; shape (n_rows, k).
            floor: The shortest length.
        """
        out, k = np.empty(len(Z)), positions.shape[1]

        def work(part: slice, held: _Held) -> None:
            out[part] = held.angle_variances(Z[part], positions[part], floor).cpu().numpy()

        return out if self.blockwise(len(Z), 32 * k * (k + Z.shape[1]), work, points) else None

    def blockwise(
        self, n_rows: int, row_bytes: int, work: Callable[[slice, Any], None], points: Points | None = None
    ) -> bool:
        """Do something to rows, as many at a time as there is memory for.

        Args:
            n_rows: How many there are.
            row_bytes: Bytes that each takes on the device.
            work: Given the rows' slice and the points on the device; a slice may come again, smaller.
            points: What is put on the device beforehand; None: nothing.

        Returns:
            Whether all was done; else the device is given up, and why is kept.
        """
        torch = _optional.require("torch")
        with self._lock, torch.no_grad(), one_thread() if self.name == "cpu" else nullcontext(), _plain_single(torch):
            self.used = True
            try:
                held = None if points is None else _Held(points, self.name)
                start, size = 0, max(1, self._room() // row_bytes)
                while start < n_rows:
                    part = slice(start, min(start + size, n_rows))
                    try:
                        work(part, held)
                    except (RuntimeError, MemoryError) as error:
                        if not is_full(error) or part.stop - part.start == 1:
                            raise
                        size, self.shrunk = (part.stop - part.start) // 4 or 1, self.shrunk + 1
                        self._release()
                        continue
                    start = part.stop
            except Exception as error:  # whatever a driver says; what is ours fails on the CPU, too
                self.give_up(error)
        return not self.given_up

    def give_up(self, error: BaseException) -> None:
        """Use it no more, and keep why."""
        told = "its memory is full" if is_full(error) else f"{type(error).__name__}: {' '.join(str(error).split())}"
        self.given_up = told[:200]
        self._release()

    def _room(self) -> int:
        """Bytes that a block may take."""
        if self.name == "cpu":
            return _CPU_BYTES
        free, _ = _optional.require("torch").cuda.mem_get_info(self.name)
        return int(min(_MOST_BYTES, _FREE_SHARE * free))

    def _release(self) -> None:
        if self.name != "cpu":
            try:
                _optional.require("torch").cuda.empty_cache()
            except RuntimeError:  # a device that has failed
                return


class _Held:
    """Points on the device."""

    def __init__(self, points: Points, device: str) -> None:
        self._torch, self._device, self._unit = _optional.require("torch"), device, points.unit
        self.rows = self.put(points.rows)
        self._columns = self.rows.T.contiguous()
        scaled = self._unit * self._columns
        self._singles = self._torch.cat([scaled, scaled.square().sum(dim=0, keepdim=True)]).float()

    def put(self, values: FloatArray | IntArray) -> Any:
        """An array on the device."""
        return self._torch.as_tensor(np.array(values, order="C")).to(self._device)

    def guessed(
        self, values: FloatArray, k: int, own: IntArray | None
    ) -> tuple[FloatArray, IntArray, np.ndarray[Any, np.dtype[np.bool_]]]:
        """The nearest points by single precision, their distances in double, and in which rows that leaves doubt."""
        torch, Z, wide = self._torch, self.put(values), k + _SPARE
        one = torch.ones((len(Z), 1), dtype=Z.dtype, device=Z.device)
        away = torch.cat([-2.0 * self._unit * Z, one], dim=1).float() @ self._singles
        self._leave_out(away, own)
        lowest, near = away.topk(wide, dim=1, largest=False)
        limits = lowest.amax(dim=1).double()
        near = near.sort(dim=1).values
        squares, order = self._squares_at(Z, near).sort(dim=1, stable=True)
        last, norms = squares[:, k - 1], Z.square().sum(dim=1)
        # As in `Points.nearest`: a point that was left out wrongly is no farther than the last one.
        most = norms.sqrt() + last.sqrt()
        wrong = _UNIT * (Z.shape[1] + 4) * (2.0 * norms.sqrt() * most + most.square()) + _TINY / self._unit**2
        sure = (last < limits / self._unit**2 + norms - wrong) & limits.isfinite()
        found = squares[:, :k].sqrt(), near.gather(1, order[:, :k]), ~sure
        return found[0].cpu().numpy(), found[1].cpu().numpy(), found[2].cpu().numpy()

    def compared(self, values: FloatArray, k: int, own: IntArray | None, power: float) -> tuple[FloatArray, IntArray]:
        """The nearest points by comparing all."""
        if power == 2.0:
            away = self.squares(values, own).sqrt_()
        else:
            away = self._torch.cdist(self.put(values), self.rows, p=power)
            self._leave_out(away, own)
        found, order = away.sort(dim=1, stable=True)
        return found[:, :k].cpu().numpy(), order[:, :k].cpu().numpy()

    def squares(self, values: FloatArray, own: IntArray | None) -> Any:
        """Squared distances to all points, a row's own infinite; shape (n_rows, n)."""
        torch, Z = self._torch, self.put(values)
        out = torch.zeros((len(Z), len(self.rows)), dtype=Z.dtype, device=Z.device)
        apart = torch.empty_like(out)
        for j, column in enumerate(self._columns):
            torch.sub(column[None, :], Z[:, j : j + 1], out=apart)
            out.add_(apart.mul_(apart))
        self._leave_out(out, own)
        return out

    def _squares_at(self, Z: Any, positions: Any) -> Any:
        """Squared distances to some points of each row, added in the same order."""
        out = self._torch.zeros(positions.shape, dtype=Z.dtype, device=Z.device)
        for j, column in enumerate(self._columns):
            apart = column[positions].sub_(Z[:, j : j + 1])
            out.add_(apart.mul_(apart))
        return out

    def _leave_out(self, away: Any, own: IntArray | None) -> None:
        if own is not None:
            away[self._torch.arange(len(away), device=away.device), self.put(own)] = float("inf")

    def angle_variances(self, values: FloatArray, positions: IntArray, floor: float) -> Any:
        """As `Accelerator.angle_variances`, of one block; see `AngleBasedOutlierDetector`."""
        Z = self.put(values)
        away = (self.rows[self.put(positions)] - Z[:, None, :]) / floor
        squares = away.square().sum(dim=2).clamp_(min=1.0)
        first, second = self._torch.triu_indices(positions.shape[1], positions.shape[1], 1, device=Z.device)
        products = (away @ away.transpose(1, 2))[:, first, second]
        lengths = squares[:, first] * squares[:, second]
        angles, weights = products / lengths, lengths.rsqrt()
        weights = weights / weights.sum(dim=1, keepdim=True)
        mean = (weights * angles).sum(dim=1, keepdim=True)
        return (weights * (angles - mean).square()).sum(dim=1)


def is_full(error: BaseException) -> bool:
    """Whether it says that memory ran out."""
    return isinstance(error, MemoryError) or "out of memory" in str(error).lower() or "alloc" in str(error).lower()


@contextmanager
def one_thread() -> Iterator[None]:
    """PyTorch on one thread, and on as many as before afterwards."""
    torch = _optional.require("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _plain_single(torch: Any) -> Iterator[None]:
    """Products in single precision as IEEE has it, whatever coarser kind others have asked for."""
    try:
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("highest")
    except RuntimeError:  # asked for by PyTorch's newer interface, which does not go with the older one
        matmul = torch.backends.cuda.matmul
        newer, matmul.fp32_precision = matmul.fp32_precision, "ieee"
        try:
            yield
        finally:
            matmul.fp32_precision = newer
        return
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
