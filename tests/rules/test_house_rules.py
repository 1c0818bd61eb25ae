"""Rules of the house that no linter knows: sizes, docstrings of rooms, settings that something reads."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("huitou", "features", "training", "serving", "experiments")
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
FILES = [*SOURCES, *sorted((ROOT / "tests").rglob("*.py"))]
LONGEST_FILE, LONGEST_FUNCTION = 400, 60


def functions(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.end_lineno - node.lineno + 1


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_are_short(path):
    assert path.read_text(encoding="utf-8").count("\n") <= LONGEST_FILE
    assert [name for name, lines in functions(path) if lines > LONGEST_FUNCTION] == []


def test_a_room_says_what_it_is_for_and_nothing_else():
    for path in SOURCES:
        if path.name == "__init__.py":
            body = ast.parse(path.read_text(encoding="utf-8")).body
            assert len(body) == 1, f"{path} holds more than a docstring"
            assert isinstance(body[0], ast.Expr), path


@pytest.mark.parametrize("module", ["huitou.main", "serving.server"])
def test_what_starts_fast_loads_nothing_heavy(module):
    heavy = "{'altair', 'duckdb', 'implicit', 'mlflow', 'pandas', 'pyarrow', 'scipy'}"
    script = f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert loaded.stdout == "[]\n"


def test_an_extra_that_is_not_installed_is_named(tmp_path):
    script = "import sys; sys.modules['duckdb'] = None; sys.argv[1:] = ['ingest', '.'];"
    script += "import huitou.main; huitou.main.run()"
    failed = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert failed.returncode == 1
    assert "huitou[training]" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_every_setting_is_explained_and_read():
    text = (ROOT / "features" / "defaults.toml").read_text(encoding="utf-8")
    code = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES if path.name != "settings.py")
    settings_code = (ROOT / "features" / "settings.py").read_text(encoding="utf-8")
    for section, values in tomllib.loads(text).items():
        for key in values:
            line = re.search(rf"^{key} = .*", text, re.MULTILINE)
            assert line is not None, key
            assert "#" in line[0], f"{section}.{key} has no explanation"
            read = re.search(rf"\.{key}\b", code) or re.search(rf"self\.(\w+\.)?{key}\b", settings_code)
            assert read, f"nothing reads {section}.{key}"


def test_the_lock_file_has_hashes_and_no_address():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in lock
    requirements = re.findall(r"^[a-z][^\s]*==", lock, re.MULTILINE)
    assert len(requirements) > 50
    assert len(re.findall(r"--hash=sha256:", lock)) >= len(requirements)
