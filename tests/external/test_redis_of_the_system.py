"""A Redis as production has it: the system's own, over TCP, with a password, named by REDIS_URL."""

import shutil
import socket
import subprocess
from contextlib import closing, contextmanager
from datetime import UTC, datetime

import pytest
from redis import Redis
from redis.exceptions import RedisError

from features.cache.publish import publish
from features.database.store import open_database
from features.release.read import open_release
from features.release.write import write_release
from tests.serving.conftest import CACHE, FAST, Clock, Shop, ask, assert_full, contents
from tests.support.waiting import wait_until

pytestmark = pytest.mark.external
SERVER = shutil.which("redis-server")
needs_redis = pytest.mark.skipif(SERVER is None, reason="lacks redis-server 7: apt-get install redis-server")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextmanager
def system_redis(folder, port):
    words = [SERVER, "--port", str(port), "--bind", "127.0.0.1", "--requirepass", "secret", "--save", ""]
    process = subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL)
    client = Redis(port=port, password="secret")
    try:
        wait_until(lambda: answers(client))
        yield client
    finally:
        client.close()
        process.kill()
        process.wait()


def answers(client):
    try:
        return client.ping()
    except RedisError:
        return False


@needs_redis
def test_publish_and_serve_through_it_lose_it_and_get_it_back(tmp_path, settings_for):
    port = free_port()
    url = f"redis://:secret@127.0.0.1:{port}/0"
    settings = settings_for(tmp_path, cache={"redis_url": url, **CACHE}, serving=FAST)
    shop = Shop(settings, redis=None, clock=Clock())
    release = open_release(write_release(settings.releases, contents()))
    with system_redis(tmp_path, port) as redis:
        assert int(redis.info()["redis_version"].split(".")[0]) >= 7
        with closing(open_database(settings.database_url)) as database:
            report = publish(release, url, settings.cache, database, datetime.now(UTC))
        assert report.rows_loaded == redis.dbsize() == 5 * 3, "five customers agreed, three placements each"
        with shop.client() as client:
            assert_full(ask(client), 20)
            assert redis.info("stats")["keyspace_hits"] > 0
    with shop.client() as client:
        assert_full(ask(client), 20, "cache_unavailable")
        with system_redis(tmp_path, port):
            wait_until(lambda: ask(client).json()["degraded"] is None)
