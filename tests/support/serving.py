"""Run the real `huitou serve` in a process of its own."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.support.command import HUITOU, environment


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[tuple[httpx2.Client, str, "subprocess.Popen[str]"]]:
    """(client, live release, process) of a server in a folder; stopped as an operator stops it.

    What it logs lies in serve.log of the folder.
    """
    words = [str(HUITOU), "serve", "--port", "0", *arguments]
    with (folder / "serve.log").open("w") as log:
        process = subprocess.Popen(
            words, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            ready, address, release_id = process.stdout.readline().split()
            assert ready == "ready"
            with httpx2.Client(base_url=address) as client:
                yield client, release_id, process
        finally:
            process.send_signal(signal.SIGTERM)
            process.stdout.close()
            process.wait(timeout=30)
