"""Whether this machine can carry a run at all, asked before it starts: one clear error instead of a hang or a kill."""

from __future__ import annotations

from pynomaly_auto._devices import AUTO, CPU, CUDA, check_device, no_gpu
from pynomaly_auto._machine import free_memory, free_processes, usable_cores
from pynomaly_auto._optional import check_core
from pynomaly_auto.detectors import DETECTORS, uses_gpu
from pynomaly_auto.errors import ResourceError, SettingError
from pynomaly_auto.pool import MORE_PROCESSES, Cluster
from pynomaly_auto.records import Dataset, Reason, Scalar
from pynomaly_auto.settings import Settings

# Of memory, in bytes and in multiples of the numbers of the table; measured as the peak of the proportional set size
# of all processes on tables of 300 x 4 to 1,000,000 x 20 (peak less what the parent had when `fit` began).
_BASE, _PER_TABLE = 150e6, 3.5  # the parent: packages, knowledge base; the table, encoded, projected and scored
_WORKER, _WORKER_PER_TABLE = 70e6, 3.0
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


def within_memory(settings: Settings, dataset: Dataset) -> tuple[Settings, tuple[Reason, ...]]:
    """The settings with as many workers as there is memory for, and why where that is fewer.

    Raises:
        ResourceError: There is too little for a single one.
    """
    free, table = free_memory(), float(dataset.X.nbytes)
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
        return settings, ()
    text = f"{workers} of {settings.workers} workers: there is memory for no more"
    evidence = {"workers": workers, "asked": settings.workers, "free_mb": round(free / 1e6)}
    reason = Reason(code="SET-020", subject="workers", text=text, evidence=evidence)
    return settings.with_(n_jobs=workers), (reason,)


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
