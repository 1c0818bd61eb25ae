"""A real Redis in a folder whose path is short enough for a unix socket."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from features.cache.embedded_redis import EmbeddedRedis


@contextmanager
def redis_server() -> Iterator[EmbeddedRedis]:
    """A started server, stopped and cleaned up afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="huitou-"))
    server = EmbeddedRedis(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
