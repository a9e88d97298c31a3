"""Worker processes that can be killed: a job that raises, hangs, outgrows its memory or dies costs only itself."""

from pynomaly_auto.pool._jobs import Job, Outcome, OutcomeStatus, SharedArray
from pynomaly_auto.pool._pool import Pool

__all__ = ["Job", "Outcome", "OutcomeStatus", "Pool", "SharedArray"]
