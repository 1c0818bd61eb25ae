"""Run the real `huitou` command in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HUITOU = Path(sys.executable).with_name("huitou")


def environment() -> dict[str, str]:
    """Without settings of the developer's own, and with one thread per BLAS."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HUITOU_") and not k.endswith("_URL")}
    return {**kept, "OMP_NUM_THREADS": "1"}


def huitou(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, which is where it looks for huitou.toml and puts var/."""
    words = [str(HUITOU), *map(str, arguments)]
    return subprocess.run(words, cwd=folder, env=environment(), capture_output=True, text=True, check=False)


def huitou_json(*arguments: object, folder: Path) -> dict[str, Any]:
    """Run a command that must succeed; returns the JSON object of its last line."""
    finished = huitou(*arguments, "--json", folder=folder)
    assert finished.returncode == 0, finished.stderr
    answer: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return answer


def refusal(*arguments: object, folder: Path) -> str:
    """Run a command that must fail as stated: exit 1, words on standard error, no traceback."""
    finished = huitou(*arguments, folder=folder)
    assert finished.returncode == 1, (finished.returncode, finished.stderr)
    assert "Traceback" not in finished.stderr
    return finished.stderr
