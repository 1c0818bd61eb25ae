"""The embedded server: starts, is found, is restarted, leaves nothing behind."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from redis import Redis

from features.cache.embedded_redis import EmbeddedRedis, running_url
from features.errors import CacheUnavailableError
from tests.support.redis_server import redis_server
from tests.support.waiting import wait_until


def test_it_answers_listens_on_no_port_and_keeps_nothing_on_disk():
    with redis_server() as server:
        redis = Redis.from_url(server.url)
        assert redis.ping()
        assert redis.config_get("port") == {"port": "0"}
        assert redis.config_get("save") == {"save": ""}
        folder = Path(server.url.removeprefix("unix://")).resolve().parent
        assert int((folder / "redis.pid").read_text()) == server.pid
    assert running_url(folder) is None
    assert not (folder / "redis.sock").exists()


def test_a_second_one_uses_the_first():
    with redis_server() as server:
        folder = Path(server.url.removeprefix("unix://")).resolve().parent
        second = EmbeddedRedis(folder)
        assert second.start() == server.url
        assert second.pid is None
        second.stop()
        assert running_url(folder) is not None, "stopping the second leaves the first alone"


def test_it_is_restarted_when_it_dies():
    with redis_server() as server:
        killed = server.pid
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: server.pid != killed)
        wait_until(lambda: running_url(Path(server.url.removeprefix("unix://")).parent) is not None)
        assert is_running(server.pid)
        assert not is_running(killed)


def test_it_stops_even_when_it_hangs():
    with redis_server() as server:
        hung = server.pid
        os.kill(hung, signal.SIGSTOP)
        assert is_running(hung)
    assert not is_running(hung)


def test_it_dies_with_its_parent():
    script = (
        "import os, signal, sys, pathlib\n"
        "from features.cache.embedded_redis import EmbeddedRedis\n"
        "server = EmbeddedRedis(pathlib.Path(sys.argv[1]))\n"
        "server.start(); print(server.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    with tempfile.TemporaryDirectory(prefix="huitou-") as folder:
        words = [sys.executable, "-c", script, folder]
        child = subprocess.run(words, capture_output=True, text=True, check=False)
        assert child.returncode == -signal.SIGKILL
        wait_until(lambda: not is_running(int(child.stdout)))


def is_running(pid):
    """Whether a process lives; one that ended and waits for its parent does not."""
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().split()[2] != "Z"


def test_a_path_too_long_for_a_socket_is_said(tmp_path):
    with pytest.raises(CacheUnavailableError) as error:
        EmbeddedRedis(tmp_path / ("d" * 120)).start()
    assert "--workspace" in error.value.remedy
