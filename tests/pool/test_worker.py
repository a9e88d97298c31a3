"""The child's side, run in threads of this process so that it can be looked into."""

import os
import pickle
import signal
import threading
from multiprocessing.connection import Listener

import cloudpickle
import pool_jobs
import pytest

from pynomaly_auto.pool import _worker
from pynomaly_auto.pool._worker import Config, answer, main, serve


@pytest.fixture
def listener(tmp_path):
    with Listener(str(tmp_path / "s"), authkey=b"secret") as made:
        yield made


def config(listener, **changes):
    return Config(**({"address": listener.address, "authkey": b"secret", "preload": (), "serves": False} | changes))


def test_a_worker_answers_until_the_channel_closes(listener):
    thread = threading.Thread(target=_worker.run_worker, args=(config(listener, token=9),))
    thread.start()
    channel = listener.accept()
    assert channel.recv() == ("worker", os.getpid(), 9)
    channel.send_bytes(cloudpickle.dumps((pool_jobs.double, (21,))))
    assert channel.recv_bytes() == _worker.RECEIVED
    assert pickle.loads(channel.recv_bytes()).value == 42
    channel.close()
    thread.join(timeout=5)
    assert not thread.is_alive()


def test_the_server_forks_on_request(listener, monkeypatch):
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # handlers belong to the main thread
    monkeypatch.setattr(_worker.gc, "freeze", lambda: None)
    forked = []
    settings = config(listener, serves=True, preload=("json", "no_such_module"))
    thread = threading.Thread(target=serve, args=(settings, lambda c, *_: forked.append(c)))
    thread.start()
    channel = listener.accept()
    assert channel.recv()[0] == "server"
    channel.send(_worker.Surroundings.here())
    channel.send(_worker.Surroundings.here())
    channel.close()
    thread.join(timeout=5)
    assert forked == [settings, settings]


def test_a_server_that_cannot_fork_says_so_and_stays(listener, monkeypatch):
    def no(*_):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(_worker.gc, "freeze", lambda: None)
    thread = threading.Thread(target=serve, args=(config(listener, serves=True, preload=()), no))
    thread.start()
    channel = listener.accept()
    assert channel.recv()[0] == "server"
    for _ in range(2):
        channel.send(_worker.Surroundings.here())
        assert channel.recv() == _worker.REFUSED
    channel.close()
    thread.join(timeout=5)
    assert not thread.is_alive()


@pytest.mark.parametrize("serves", [True, False])
def test_main_takes_the_role_it_is_given(listener, monkeypatch, serves):
    called = []
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(_worker, "serve", lambda *_: called.append("serve"))
    monkeypatch.setattr(_worker, "run_worker", lambda *_: called.append("work"))
    monkeypatch.setattr(_worker, "_restrain", lambda: None)
    main(config(listener, serves=serves))
    assert called == ["serve" if serves else "work"]


class LeftError(Exception):
    pass


@pytest.mark.parametrize("child", [True, False])
def test_forking(listener, monkeypatch, child):
    class Channel:
        def close(self):
            called.append("close")

    def leave(status):
        called.append(status)
        raise LeftError

    called = []
    monkeypatch.setattr(os, "fork", lambda: 0 if child else 123)
    monkeypatch.setattr(os, "setpgid", lambda *_: called.append("group"))
    monkeypatch.setattr(os, "_exit", leave)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(_worker, "_die_with_parent", lambda: None)
    monkeypatch.setattr(_worker, "_restrain", lambda: None)
    monkeypatch.setattr(_worker, "run_worker", lambda _: called.append("work"))
    if child:
        with pytest.raises(LeftError):
            _worker.fork_worker(config(listener), Channel(), _worker.Surroundings.here())
        assert called == ["close", "group", "work", 0]
    else:
        _worker.fork_worker(config(listener), Channel(), _worker.Surroundings.here())
        assert called == []


def test_the_peak_falls_back_to_what_is_resident(monkeypatch, tmp_path):
    monkeypatch.setattr(_worker, "_CLEAR_REFS", tmp_path / "no" / "such")
    got = pickle.loads(answer(cloudpickle.dumps((pool_jobs.double, (1,)))))
    assert got.memory_mb >= 0
    (tmp_path / "status").write_text("VmRSS: 1 kB\n")
    monkeypatch.setattr(_worker, "_STATUS", tmp_path / "status")
    assert _worker._peak_mb() > 0


def test_dying_with_the_parent_can_be_asked_for(monkeypatch):
    asked = []

    class Library:
        def prctl(self, *args):
            asked.append(args)

    monkeypatch.setattr(_worker.ctypes, "CDLL", lambda _: Library())
    _worker._die_with_parent()
    assert asked == [(1, signal.SIGKILL)]
