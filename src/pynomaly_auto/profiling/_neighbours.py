"""Distances between points and their nearest neighbours, exactly, by matrix products."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pynomaly_auto.records import FloatArray, IntArray


class Neighbours(NamedTuple):
    """Distances to the nearest other points and their positions, nearest first; shape (n_points, k)."""

    distances: FloatArray
    positions: IntArray


def pairwise(points: FloatArray) -> FloatArray:
    """Euclidean distance of every two points, exactly zero for equal points; shape (n_points, n_points).

    >>> pairwise(np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 4.0]]))
    array([[0., 5., 5.],
           [5., 0., 0.],
           [5., 0., 0.]])
    """
    squares = points @ points.T
    norms = np.diag(squares).copy()
    sums = norms[:, None] + norms
    squares *= -2.0
    squares += sums
    squares[squares < 1e-12 * sums] = 0.0  # below what the subtraction can resolve
    return np.sqrt(squares, out=squares)


def nearest(distances: FloatArray, most: int) -> Neighbours:
    """The up to ``most`` nearest other points of each point.

    Args:
        distances: Shape (n_points, n_points), of at least two points.
        most: Most neighbours per point.
    """
    apart = distances.copy()
    np.fill_diagonal(apart, np.inf)
    count = min(most, len(apart) - 1)
    positions = np.argpartition(apart, count - 1, axis=1)[:, :count]
    near = np.take_along_axis(apart, positions, axis=1)
    order = np.argsort(near, axis=1, kind="stable")
    return Neighbours(np.take_along_axis(near, order, axis=1), np.take_along_axis(positions, order, axis=1))


def relative_density(neighbours: Neighbours, k: int) -> FloatArray:
    """Distance to the k-th neighbour relative to the neighbours' own such distances; shape (n_points,).

    Paper: Breunig et al., LOF: Identifying density-based local outliers, 2000 (without smoothing by reachability).
    """
    far = neighbours.distances[:, k - 1]
    floor = max(1e-3 * float(far.mean()), 1e-9)  # copies lie at distance zero, and ratios to zero say nothing
    return np.asarray((far + floor) / (far[neighbours.positions[:, :k]].mean(axis=1) + floor))


def nearest_distance(probes: FloatArray, rows: FloatArray, *, skipped: int = 0) -> FloatArray:
    """Distance of each probe to its nearest row after skipping so many (1 where probes are rows themselves)."""
    squares = (probes**2).sum(axis=1)[:, None] + (rows**2).sum(axis=1) - 2.0 * probes @ rows.T
    return np.sqrt(np.maximum(np.partition(squares, skipped, axis=1)[:, skipped], 0.0))
