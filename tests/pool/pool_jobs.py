"""Functions that the pool's tests run in workers; importable there because conftest puts this folder on the path."""

import ctypes
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np


def double(x):
    return 2 * x


def pid():
    return os.getpid()


def fail(text):
    raise ValueError(text)


def leave():
    sys.exit(3)


def die():
    os._exit(5)


def kill_self():
    os.kill(os.getpid(), 9)


def hang():
    while True:
        pass


def hang_in_c():
    # PyDLL keeps the interpreter lock, so not even a signal handler would run.
    ctypes.PyDLL(None).sleep(60)


def eat(step=20_000_000):
    kept = []
    while True:
        kept.append(bytearray(step))
        time.sleep(0.01)


def use(megabytes):
    return len(np.ones(megabytes * 125_000)) > 0


def too_much():
    raise MemoryError("no room")


def total(handle):
    return float(handle.load().sum())


def write(handle):
    handle.load()[0] = 1.0


def unpicklable():
    return (i for i in range(3))


class Hostile:
    def __reduce__(self):
        return (fail, ("while unpickling",))


def hostile():
    return Hostile()


def start_grandchild():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    Path(os.environ["GRANDCHILD"]).write_text(str(child.pid))
    time.sleep(60)


def threads():
    import threadpoolctl

    return max(p["num_threads"] for p in threadpoolctl.threadpool_info())


def main_file():
    return getattr(sys.modules["__main__"], "__file__", None)


def nap(seconds):
    time.sleep(seconds)
    return seconds


def print_without_end():
    line = b"x" * 1_000_000
    while True:
        os.write(1, line)
        os.write(2, line)


def write_without_end(path):
    with Path(path).open("wb") as file:
        while True:
            file.write(b"x" * 1_000_000)
            file.flush()


def limit_of_files():
    import resource

    return resource.getrlimit(resource.RLIMIT_FSIZE)[0]


def oom_score():
    return int(Path("/proc/self/oom_score_adj").read_text())


def slow_total(handle):
    time.sleep(0.2)  # long enough to be looked at
    value = float(handle.load().sum())
    time.sleep(0.2)
    return value


def span():
    begun = time.monotonic()
    time.sleep(0.2)
    return begun, time.monotonic()


def hold(megabytes):
    kept = [np.ones(125_000) for _ in range(megabytes)]
    time.sleep(0.5)
    return len(kept)
