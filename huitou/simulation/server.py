"""The real API, served over loopback by a thread of this process, under a clock that the simulation sets."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

import uvicorn

from features.cache.embedded_redis import EmbeddedRedis
from features.errors import NotReadyError
from features.settings import Settings
from serving.app import create_app

READY_TIMEOUT_SECONDS = 20.0


class SimulatedClock:
    """The present, as far as the served app can tell.

    Attributes:
        now: an instant with its zone; the simulation moves it on.
    """

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """The present."""
        return self.now


@contextmanager
def serving(settings: Settings, clock: SimulatedClock) -> Iterator[int]:
    """Serve the workspace with a Redis of its own; gives the port, and drains everything at the end.

    Raises:
        NotReadyError: the API did not come up.
    """
    redis = EmbeddedRedis(settings.workspace / "redis")
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        try:
            cache = settings.cache.model_copy(update={"redis_url": redis.start()})
            app = create_app(settings.model_copy(update={"cache": cache}), clock)
            config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="on")
            server = uvicorn.Server(config)
            thread = threading.Thread(
                target=server.run, kwargs={"sockets": [listener]}, name="simulated-api", daemon=True
            )
            thread.start()
            try:
                port: int = listener.getsockname()[1]
                _wait_until_ready(port, thread)
                yield port
            finally:
                server.should_exit = True
                thread.join()
        finally:
            redis.stop()


def _wait_until_ready(port: int, thread: threading.Thread) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_SECONDS
    while thread.is_alive() and time.monotonic() < deadline:
        if _is_ready(port):
            return
        time.sleep(0.02)
    raise NotReadyError(
        "The simulated shop's API did not come up.", "See the messages above, then try again."
    )


def _is_ready(port: int) -> bool:
    with closing(HTTPConnection("127.0.0.1", port, timeout=2)) as connection:
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == HTTPStatus.OK
        except (OSError, HTTPException):
            return False
