"""Worker processes that can be killed: a job that raises, hangs, outgrows its memory or dies costs only itself."""

from pynomaly_auto.pool._cluster import Cluster, Connection
from pynomaly_auto.pool._jobs import Executor, Job, Outcome, OutcomeStatus, SharedArray
from pynomaly_auto.pool._mapping import Mapping
from pynomaly_auto.pool._opening import open_executor, workers_ahead
from pynomaly_auto.pool._pool import FREE_SHARE, MORE_PROCESSES, Pool
from pynomaly_auto.pool._ray import RayExecutor
from pynomaly_auto.pool._worker import describe

__all__ = [
    "FREE_SHARE", "MORE_PROCESSES", "Cluster", "Connection", "Executor", "Job", "Mapping", "Outcome",
    "OutcomeStatus", "Pool", "RayExecutor", "SharedArray", "describe", "open_executor", "workers_ahead",
]  # fmt: skip
