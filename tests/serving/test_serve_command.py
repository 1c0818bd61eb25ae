"""`huitou serve` and `huitou keys` as processes: ready line, several workers, draining, refusals."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from features.database.store import open_database
from features.release.write import write_release
from tests.serving.conftest import NOON, contents

RUN = "from huitou.main import run; run()"


def environment(workspace: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HUITOU_")}
    return kept | {"HUITOU_WORKSPACE": str(workspace), "PYTHONPATH": str(Path(__file__).parents[2])}


def huitou(workspace: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN, *arguments],
        env=environment(workspace), cwd=workspace, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@contextmanager
def serving(workspace: Path, *arguments: str):
    """A running `huitou serve`; yields (process, address, release)."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, "serve", "--port", "0", *arguments],
        env=environment(workspace), cwd=workspace, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        word, address, release = process.stdout.readline().split()
        assert word == "ready"
        yield process, address, release
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def workspace():
    with tempfile.TemporaryDirectory(prefix="huitou-") as folder:
        yield Path(folder)


@pytest.fixture
def published(workspace):
    folder = write_release(workspace / "releases", contents())
    with open_database(f"sqlite:///{workspace / 'huitou.db'}") as database:
        database.set_live(folder.name, NOON)
    return folder.name


@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_says_ready_answers_and_drains_on_sigterm(workspace, published, workers):
    with serving(workspace, "--workers", workers) as (process, address, release):
        assert release == published
        answer = httpx2.post(f"{address}/v1/recommendations", json={"customer_id": "ada", "limit": 7})
        assert answer.status_code == 200
        assert len(answer.json()["products"]) == 7
        assert answer.json()["degraded"] is None, "the embedded Redis is there"
        event = {
            "event_id": "e1",
            "type": "view",
            "occurred_at": "2018-01-02T12:00:00Z",
            "customer_id": "ada",
        }
        assert (
            httpx2.post(f"{address}/v1/events", json={"events": [event]}).json()["results"][0]["status"]
            == "stored"
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    assert not (workspace / "redis" / "redis.sock").exists(), "the embedded Redis stopped with it"


def test_it_refuses_to_serve_what_is_not_there(workspace):
    answer = huitou(workspace, "serve", "--port", "0")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "No release is live. Run: huitou publish" in " ".join(answer.stderr.split())


def test_it_refuses_other_machines_without_a_key(workspace, published):
    answer = huitou(workspace, "serve", "--host", "0.0.0.0", "--port", "0")
    assert answer.returncode == 1
    assert "huitou keys create" in answer.stderr


def test_a_taken_port_is_named(workspace, published):
    with serving(workspace) as (_, address, _):
        port = address.rsplit(":", 1)[1]
        answer = huitou(workspace, "serve", "--port", port)
    assert answer.returncode == 1
    assert f"127.0.0.1:{port}" in answer.stderr
    assert "--port" in answer.stderr


def test_keys_are_shown_once_listed_and_revoked(workspace):
    created = json.loads(huitou(workspace, "keys", "create", "--scope", "storefront", "--json").stdout)
    assert set(created) == {"key_id", "key", "scopes"}
    assert created["scopes"] == ["storefront"]
    listed = huitou(workspace, "keys", "list", "--json").stdout
    (key,) = json.loads(listed)["keys"]
    assert (key["key_id"], key["revoked_at"]) == (created["key_id"], None)
    assert created["key"] not in listed
    assert huitou(workspace, "keys", "revoke", created["key_id"]).returncode == 0
    (key,) = json.loads(huitou(workspace, "keys", "list", "--json").stdout)["keys"]
    assert key["revoked_at"] is not None


@pytest.mark.parametrize(
    ("arguments", "named"),
    [(("create", "--scope", "root"), "'root'"), (("revoke", "abc"), "'abc'")],
)
def test_a_wrong_key_command_names_the_thing(workspace, arguments, named):
    answer = huitou(workspace, "keys", *arguments)
    assert answer.returncode == 1
    assert named in answer.stderr
    assert "Traceback" not in answer.stderr
