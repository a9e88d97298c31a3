"""Whether this machine can carry a run at all, asked before it starts: one clear error instead of a hang or a kill."""

from __future__ import annotations

import math

import pandas as pd

from pynomaly_auto._devices import AUTO, CPU, CUDA, check_device, no_gpu
from pynomaly_auto._machine import free_memory, free_processes, usable_cores, whole_memory
from pynomaly_auto._optional import check_core
from pynomaly_auto.dataset import Table
from pynomaly_auto.detectors import DETECTORS, uses_gpu
from pynomaly_auto.errors import ResourceError, SettingError
from pynomaly_auto.pool import FREE_SHARE, MORE_PROCESSES, Cluster, Mapping
from pynomaly_auto.records import Dataset, Reason, Scalar
from pynomaly_auto.settings import Settings

# Of memory, in bytes and in multiples of the numbers of the table; measured as the peak of the proportional set size
# of all processes on tables of 300 x 4 to 1,000,000 x 20 (peak less what the parent had when `fit` began).
_BASE, _PER_TABLE = 150e6, 3.5  # the parent: packages, knowledge base; the table, encoded, projected and scored
_WORKER, _WORKER_PER_TABLE = 70e6, 3.0
# Of a limit on memory, beside the table as given and as encoded: what a trial on a sample takes, the least that makes
# sense, and per row what this process holds while members are fitted, and at its peak afterwards.
_TRIAL, _LEAST = 100e6, 30e6
_SCORES_PER_ROW, _ANSWER_PER_ROW = 150, 400
_RECORDER = 300e6  # MLflow's process, and report and model in the parent
# Threads and processes beside one per core (BLAS, OpenMP) and the workers: of Arrow, of the pool, its server.
_THREADS, _RECORDER_THREADS = 6, 6


def check_machine(settings: Settings) -> None:
    """Refuse to begin where libraries in C would end the process, or wait for ever, for want of a thread.

    Raises:
        ResourceError: This user, or this container, may not start as many as a run needs, or a package that every run
            needs cannot be loaded, or a GPU is asked for by name and cannot be used.
        MissingExtraError: A GPU is asked for, and PyTorch is not installed.
        SettingError: A certain GPU is asked for, and it is Ray that gives them out.
    """
    check_core()
    if settings.backend == "local":
        check_device(settings.device)
    elif settings.device.startswith(f"{CUDA}:"):  # on Ray others have the GPUs, and Ray gives them out
        raise SettingError(
            f"device is {settings.device!r}, and with backend='ray' the cluster says which GPU a trial gets.",
            fix="Give device='cuda', and how much of one by resources_per_trial={'gpu': 0.5}.",
        )
    free = free_processes()
    workers = 0 if cluster_of(settings).elsewhere and settings.backend == "ray" else settings.workers
    needed = _THREADS + usable_cores() + workers + (0 if settings.tracking is False else _RECORDER_THREADS)
    if free is not None and free < needed:
        raise ResourceError(
            f"only {free} more processes or threads may be started here, and a run needs about {needed}.",
            fix=f"{MORE_PROCESSES} Fewer are needed with n_jobs=1 and tracking=False.",
        )


def cluster_of(settings: Settings) -> Cluster:
    """The cluster of Ray's that is asked for; who would compute on a GPU gets a whole one unless told otherwise."""
    resources, device = dict(settings.resources_per_trial or {}), settings.device
    needed = resources.get("gpu", 0.0) > 0 or device == CUDA
    resources.setdefault("gpu", 1.0)
    if device == CPU:
        needed = False
        del resources["gpu"]
    return Cluster(address=settings.address, resources=resources, needs_gpu=needed)


def asked_workers(settings: Settings) -> int | None:
    """Trials at a time; None: as many as the cluster holds, which only the cluster knows."""
    return None if settings.backend == "ray" and settings.n_jobs in (None, -1) else settings.workers


def within_memory(
    settings: Settings, opened: Table, dataset: Dataset
) -> tuple[Settings, int | None, tuple[Reason, ...]]:
    """The settings with as many workers as there is memory for, what all workers may take, and why.

    A limit of the user's is one of the whole run: what is left of it beside the table and what this process makes of
    it is the workers', all together. It is the same whatever their number, or that would change the answer. On Ray
    it is each worker's, as every node has its own memory.

    Args:
        settings: What is asked for.
        opened: The table as it was given.
        dataset: The same, encoded.

    Returns:
        The settings; bytes that all workers may take together, None: most of what is free; the reasons.

    Raises:
        ResourceError: There is too little for a single worker.
    """
    asked = settings.memory_limit
    settings, reasons = _share_of_machine(settings)
    by = "memory_limit" if settings.memory_limit == asked else "compute_budget"
    workers, reason = _workers_in(free_memory(), settings, dataset)
    room = None
    if settings.memory_limit is not None:
        room = _left_by(int(settings.memory_limit), by, opened, dataset)
        held = max(1, int(room / (_WORKER + _TRIAL)))
        if settings.backend == "local" and held < min(workers, settings.workers):
            workers = held
            text = f"{workers} of {settings.workers} workers: {by} leaves them {room / 1e6:,.0f} MB"
            evidence: dict[str, Scalar] = {
                "workers": workers, "asked": settings.workers, "limit_mb": round(int(settings.memory_limit) / 1e6),
                "room_mb": round(room / 1e6),
            }  # fmt: skip
            reason = Reason(code="SET-020", subject="workers", text=text, evidence=evidence)
    if reason is None:
        return settings, room, reasons
    return settings.with_(n_jobs=workers), room, (*reasons, reason)


def room_of(room: int | None, settings: Settings) -> float:
    """Bytes that a member's fit may take; no limit on Ray but a given one, as nodes have memory we do not see."""
    if settings.backend != "local":
        return math.inf if room is None else float(room)
    return FREE_SHARE * free_memory() if room is None else float(room)


def _share_of_machine(settings: Settings) -> tuple[Settings, tuple[Reason, ...]]:
    """The settings with their share of the machine's cores and memory in place of the share."""
    share = float(settings.compute_budget)
    if share >= 1.0:
        return settings, ()
    memory = max(1, int(share * whole_memory()))
    limit = memory if settings.memory_limit is None else min(memory, int(settings.memory_limit))
    text = f"{share:.0%} of the machine: {settings.workers} of {usable_cores()} cores, {memory / 1e6:,.0f} MB of memory"
    evidence: dict[str, Scalar] = {
        "share": share, "workers": settings.workers, "cores": usable_cores(), "memory_mb": round(memory / 1e6),
    }  # fmt: skip
    reason = Reason(code="SET-022", subject="compute_budget", text=f"{text}.", evidence=evidence)
    return settings.with_(n_jobs=settings.workers, memory_limit=limit), (reason,)


def _workers_in(free: int, settings: Settings, dataset: Dataset) -> tuple[int, Reason | None]:
    """How many workers there is free memory for, and why where these are fewer than asked for."""
    table = float(dataset.X.nbytes)
    parent = _BASE + _PER_TABLE * table + (0.0 if settings.tracking is False else _RECORDER)
    each = _WORKER + _WORKER_PER_TABLE * table
    if free < parent + _WORKER:
        off = "" if settings.tracking is False else ", turn recording off by tracking=False,"
        raise ResourceError(
            f"{free / 1e6:,.0f} MB of memory are free, and {dataset.n_rows:,} rows of {dataset.n_features:,} features "
            f"need about {(parent + _WORKER) / 1e6:,.0f} MB.",
            fix=f"Give it more memory{off} or fewer rows.",
        )
    workers = max(1, int((free - parent) / each))
    elsewhere = settings.backend == "ray" and cluster_of(settings).elsewhere
    if elsewhere or workers >= settings.workers:
        return settings.workers, None
    text = f"{workers} of {settings.workers} workers: there is memory for no more"
    evidence: dict[str, Scalar] = {"workers": workers, "asked": settings.workers, "free_mb": round(free / 1e6)}
    return workers, Reason(code="SET-020", subject="workers", text=text, evidence=evidence)


def _left_by(limit: int, by: str, opened: Table, dataset: Dataset) -> int:
    """Bytes that a limit leaves to the workers.

    Args:
        limit: Bytes of the run.
        by: The setting that it comes from.
        opened: The table as it was given.
        dataset: The same, encoded.

    Raises:
        ResourceError: The table and what is made of it take nearly all of it.
    """
    n, tables = dataset.n_rows, _bytes_of(opened) + dataset.X.nbytes
    least = max(tables + _ANSWER_PER_ROW * n, tables + _SCORES_PER_ROW * n + _LEAST)
    if limit < least:
        given = "memory_limit is" if by == "memory_limit" else f"{by} comes to"
        raise ResourceError(
            f"{given} {limit / 1e6:{',.0f' if limit >= 1e6 else '.2g'}} MB, and {n:,} rows of "
            f"{dataset.n_features:,} features need about {least / 1e6:,.0f} MB.",
            fix="Raise it, give fewer rows, or fit on a sample of them and score the others afterwards.",
        )
    return int(limit - tables - _SCORES_PER_ROW * n)


def _bytes_of(table: Table) -> int:
    """Bytes of a table's cells as it was given; of texts and other objects only those of the references to them."""
    source = table.source
    if isinstance(source, pd.DataFrame):
        return int(source.memory_usage(index=False).sum())
    held = (source.data, source.indices, source.indptr) if table.is_sparse else (source,)
    return sum(int(part.nbytes) for part in held)


def told_unmapped(mapping: Mapping) -> tuple[Reason, ...]:
    """Why rows that were to lie in a file do not."""
    return tuple(
        Reason(
            code="SET-023", subject="rows", evidence={"mb": round(size / 1e6)},
            text=f"the encoded rows lie in memory, and once more where workers read them: {why}",
        )
        for size, why in mapping.unmapped
    )  # fmt: skip


def told_device(settings: Settings, dataset: Dataset) -> tuple[Reason, ...]:
    """Which detectors may be computed on a GPU, or why none is; what each did is a reason of its trial."""
    device, shape = settings.device, (dataset.n_rows, max(dataset.n_features, 1))
    elsewhere = settings.backend != "local"  # on Ray others have the GPUs
    evidence: dict[str, Scalar] = {"device": device}
    names = [spec.name for spec in DETECTORS.values() if uses_gpu(spec, {}, shape, device)]
    if device == CPU:
        text = "everything is computed on the CPU, as asked for"
    elif not names:
        text = "everything is computed on the CPU: on so small a table a GPU would not pay"
    elif device == AUTO and not elsewhere and (why := no_gpu()) is not None:
        text, evidence["why"] = f"everything is computed on the CPU: {why}", why
    else:
        where = "a GPU, where one can be used" if device == AUTO or elsewhere else device
        text = f"{', '.join(names)} may be computed on {where}; all others on the CPU"
    return (Reason(code="SET-040", subject="device", text=f"{text}.", evidence=evidence),)
