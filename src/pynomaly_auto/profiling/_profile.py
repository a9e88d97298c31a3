"""The stage: from an encoded table to its profile."""

from __future__ import annotations

import warnings

import numpy as np

from pynomaly_auto._machine import ONE_THREAD
from pynomaly_auto.profiling import _findings as findings
from pynomaly_auto.profiling._description import (
    complexity_of,
    complexity_points,
    distributions_of,
    hints_of,
    patterns_of,
    quality_of,
    size_of,
    types_of,
)
from pynomaly_auto.profiling._meta import measure_all
from pynomaly_auto.profiling._statistics import or_else
from pynomaly_auto.profiling._temporal import temporal_structure
from pynomaly_auto.profiling._view import MAX_ROWS, View
from pynomaly_auto.records import Dataset, Profile


def profile(dataset: Dataset, *, seed: int, max_rows: int = MAX_ROWS) -> Profile:
    """Describe an encoded table and compute its meta-features.

    Cost is bounded by sampling rows, features and pairs; the same seed gives the same profile. One thread is used:
    the matrices are small, and sums come out the same whatever the machine.

    Args:
        dataset: The encoded table.
        seed: Seed of everything random.
        max_rows: Most rows sampled.

    Returns:
        The profile; ``seconds`` holds CPU seconds of each meta-feature, of each shared intermediate as ``view:<name>``
        and of the descriptions as ``description:<name>``, none counted twice.
    """
    view = View(dataset, seed=seed, max_rows=max_rows)
    # Values that come out as NaN or infinite are dealt with where they are used; nobody needs to be warned as well.
    with ONE_THREAD, warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return _profile(view)


def _profile(view: View) -> Profile:
    values, failures = measure_all(view)
    clock = view.clock
    size = size_of(view.dataset)
    with clock.measure("description:quality"):
        quality = quality_of(view)
    with clock.measure("description:distributions"):
        distributions = distributions_of(view)
    with clock.measure("description:temporal"):
        temporal = temporal_structure(view)
    with clock.measure("description:patterns"):
        patterns = patterns_of(view, temporal)
    with clock.measure("description:hints"):
        hints = hints_of(view)
    points = complexity_points(view, size, quality, patterns)
    complexity = complexity_of(sum(points.values()))
    sampled = int(or_else(lambda: float(len(view.sample)), 0.0))
    reasons = (
        *findings.size_findings(view, size, sampled),
        *findings.quality_findings(view, quality),
        *findings.distribution_findings(distributions, size.features),
        *findings.pattern_findings(patterns, temporal),
        *findings.hint_findings(hints),
        findings.complexity_finding(complexity, points),
        *failures,
    )
    return Profile(
        size=size,
        types=types_of(view.dataset),
        quality=quality,
        distributions=distributions,
        patterns=patterns,
        complexity=complexity,
        hints=hints,
        meta_features=values,
        seconds=dict(clock.seconds),
        sampled_rows=sampled,
        reasons=reasons,
    )
