"""Runs the app under uvicorn: one process or several, one socket, and word once it is ready."""

import http.client
import json
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from features.cache.embedded_redis import EmbeddedRedis
from features.database.store import open_database
from features.errors import NotReadyError, SettingsError
from features.settings import Settings
from serving.app import create_app
from serving.opened_release import open_latest
from serving.release_watcher import EARLIER_RELEASES
from serving.security import is_loopback

# How a worker process gets the settings of its parent; the name lies outside the settings' own prefix.
SETTINGS_VARIABLE = "_SERVED_SETTINGS"
DRAIN_SECONDS = 10


def serve_until_stopped(settings: Settings, announce: Callable[[str, str], None]) -> None:
    """Serve until SIGTERM or Ctrl-C, then let requests and events finish.

    Args:
        settings: with host, port and workers as the command line left them.
        announce: called once with the address and the release when the first answer can be given.

    Raises:
        NotReadyError: no release is live. ReleaseError: neither it nor one before it can be opened.
        SettingsError: the port is taken, or other machines could call without a key.
    """
    check_can_serve(settings)
    with _listening(settings.serving.host, settings.serving.port) as listener, _redis(settings) as url:
        cache = settings.cache.model_copy(update={"redis_url": url})
        os.environ[SETTINGS_VARIABLE] = settings.model_copy(update={"cache": cache}).model_dump_json()
        stopped = threading.Event()
        address = _address(settings.serving.host, listener.getsockname()[1])
        waiter = threading.Thread(target=_announce_when_ready, args=(listener, address, announce, stopped))
        waiter.start()
        # uvicorn drains on SIGTERM and then raises it again; as Ctrl-C it unwinds, and Redis is stopped too.
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            _run(settings.serving.workers, listener)
        finally:
            signal.signal(signal.SIGTERM, before)
            stopped.set()
            waiter.join()
            del os.environ[SETTINGS_VARIABLE]


def check_can_serve(settings: Settings) -> None:
    """Refuse to start what could not answer, or what anybody could call."""
    with closing(open_database(settings.database_url)) as database:
        history = [live.release_id for live in database.live_history(EARLIER_RELEASES)]
        protected = any(key.revoked_at is None for key in database.list_keys())
    if not history:
        raise NotReadyError("No release is live.", "Run: huitou publish")
    if not protected and not is_loopback(settings.serving.host):
        raise SettingsError(
            f"Other machines could call {settings.serving.host} without a key.",
            "Create a key first: huitou keys create --scope storefront; or use --host 127.0.0.1.",
        )
    open_latest(settings.releases, history, verify=False)


def app_of_environment() -> FastAPI:
    """The app of a worker process, from the settings its parent left in the environment."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("huitou").setLevel(logging.INFO)
    return create_app(Settings.model_validate_json(os.environ[SETTINGS_VARIABLE]), _now)


def _now() -> datetime:
    return datetime.now(UTC)


def _run(workers: int, listener: socket.socket) -> None:
    config = uvicorn.Config(
        "serving.server:app_of_environment",
        factory=True,
        workers=workers,
        log_level="warning",
        # Paths hold customer ids, and logs are kept longer than customers wish to be.
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        lifespan="on",
    )
    try:
        if workers > 1:
            Multiprocess(config, sockets=[listener]).run()
        else:
            uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        return  # how uvicorn passes Ctrl-C on, after it has drained


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise SettingsError(
            f"Cannot listen on {host}:{port} ({error.strerror or error}).", "Choose another --port or --host."
        ) from None
    # Worker processes inherit it.
    listener.set_inheritable(True)
    with listener:
        yield listener


@contextmanager
def _redis(settings: Settings) -> Iterator[str]:
    """The address of Redis; our own server, if no other is named, lives as long as this process serves."""
    if settings.cache.redis_url:
        yield settings.cache.redis_url
        return
    server = EmbeddedRedis(settings.workspace / "redis")
    try:
        yield server.start()
    finally:
        server.stop()


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _announce_when_ready(
    listener: socket.socket, address: str, announce: Callable[[str, str], None], stopped: threading.Event
) -> None:
    while not stopped.wait(0.05):
        release = _served_release(listener)
        if release is not None:
            announce(address, release)
            return


def _served_release(listener: socket.socket) -> str | None:
    host, port = listener.getsockname()[:2]
    # A wildcard address is no address to connect to.
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 — compared, not bound
    connection = http.client.HTTPConnection(reachable, port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        answer = json.loads(connection.getresponse().read())
        return str(answer["release_id"]) if answer["ready"] else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
