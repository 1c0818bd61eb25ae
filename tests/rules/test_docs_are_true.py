"""What README and docs name exists: commands, options, settings, endpoints, metrics, make targets, files."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer.main
from click import Command, Context, Group, UsageError

from features.columns import EVENT_TYPES, LIFECYCLES, SEGMENTS, TIERS
from features.settings import load_settings
from huitou.main import app
from serving.app import create_app
from serving.schemas import PLACEMENTS
from serving.service_metrics import ServiceMetrics

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = {page.name: page.read_text(encoding="utf-8") for page in PAGES}
EVERYTHING = "\n".join(TEXT.values())
SHELL_LINES = [
    (name, line.strip())
    for name, text in TEXT.items()
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    for line in block.splitlines()
    if line.strip()
]
COMMAND = typer.main.get_command(app)


def leaves(command: Command, path: tuple[str, ...] = ()) -> dict[str, Command]:
    if isinstance(command, Group):
        return {k: v for name, sub in command.commands.items() for k, v in leaves(sub, (*path, name)).items()}
    return {" ".join(path): command}


def parse(words: list[str]) -> None:
    command: Command = COMMAND
    context = Context(command, info_name="huitou")
    while isinstance(command, Group):
        assert words, "a group is no command"
        assert words[0] in command.commands, f"huitou has no command {words[0]}"
        command = command.commands[words[0]]
        words = words[1:]
    command.make_context(command.name, words, parent=context)


def words_of(line: str) -> list[str]:
    words = shlex.split(line, comments=True)
    return words[: words.index("&&")] if "&&" in words else words


@pytest.mark.parametrize(
    ("page", "line"), [case for case in SHELL_LINES if re.match(r"(\.venv/bin/)?huitou ", case[1])]
)
def test_every_command_line_parses(page, line):
    try:
        parse(words_of(line)[1:])
    except UsageError as error:
        pytest.fail(f"{page}: {line}: {error.format_message()}")


def test_every_command_is_documented():
    missing = [name for name in leaves(COMMAND) if f"huitou {name}" not in EVERYTHING]
    assert missing == []


def test_every_make_target_named_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"`?\bmake ([a-z-]+)", "\n".join(line for _, line in SHELL_LINES)))
    named |= set(re.findall(r"`make ([a-z-]+)", EVERYTHING))
    assert named
    assert named <= targets


def test_every_setting_named_exists():
    defaults = tomllib.loads((ROOT / "features" / "defaults.toml").read_text(encoding="utf-8"))
    named = re.findall(rf"`({'|'.join(defaults)})\.(?!db)([a-z_]+)`", EVERYTHING)
    assert named
    unknown = [(section, key) for section, key in named if key not in defaults[section]]
    # `training.jobs` is a module, not a setting.
    assert [(s, k) for s, k in unknown if not list(ROOT.glob(f"{s}/{k}*"))] == []


def test_every_import_named_exists():
    named = re.findall(r"`((?:features|training|serving|experiments)(?:\.\w+)+)`", TEXT["data-scientist.md"])
    assert named
    defaults = tomllib.loads((ROOT / "features" / "defaults.toml").read_text(encoding="utf-8"))
    settings = {f"{section}.{key}" for section, keys in defaults.items() for key in keys}
    imports = [name for name in named if name not in settings]
    assert [name for name in imports if not (ROOT / f"{name.replace('.', '/')}.py").exists()] == []


def test_every_endpoint_is_documented_and_every_documented_one_exists():
    paths = set(create_app(load_settings(), lambda: None).openapi()["paths"])
    patterns = [re.sub(r"\{\w+\}", r"[^/?'\\s`]+", path) for path in paths]
    named = re.findall(r"(?:127\.0\.0\.1:8000|`)(/(?:v1|healthz|readyz|metrics)[^?'`\s]*)", EVERYTHING)
    assert named
    unknown = [path for path in named if not any(re.fullmatch(pattern, path) for pattern in patterns)]
    assert unknown == []
    storefront = TEXT["storefront.md"]
    assert [p for p, regex in zip(paths, patterns, strict=True) if not re.search(regex, storefront)] == []


def test_every_metric_is_documented():
    names = re.findall(r"^# TYPE (\w+)", ServiceMetrics().text().decode(), re.MULTILINE)
    own = {name for name in names if not name.endswith("_created")}
    assert own
    assert [name for name in own if f"`{name}`" not in TEXT["operator.md"]] == []


def test_the_words_of_the_domain_are_documented():
    for words, page in (
        (PLACEMENTS, "storefront.md"),
        (EVENT_TYPES, "storefront.md"),
        (SEGMENTS, "marketer.md"),
        (TIERS, "marketer.md"),
        (LIFECYCLES, "marketer.md"),
    ):
        assert [word for word in words if word not in TEXT[page]] == []


def test_every_file_named_exists():
    named = set(re.findall(r"`((?:examples|features|docs|tests)/[\w./-]+)`", EVERYTHING))
    named |= set(re.findall(r"\]\(((?!https?:)[\w./-]+)\)", EVERYTHING))
    assert named
    assert [
        name for name in named if not any((folder / name).exists() for folder in (ROOT, ROOT / "docs"))
    ] == []
