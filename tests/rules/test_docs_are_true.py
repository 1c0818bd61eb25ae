"""What README and docs name exists: commands, options, settings, endpoints, metrics, make targets, files."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer.main
from click import Command, Context, Group, UsageError
from starlette.routing import Match

from experiments.design import Design, Metric, Rerank, Treatment, load_design
from features.columns import EVENT_TYPES, LIFECYCLES, SEGMENTS, TIERS
from features.measures.registry import EXPERIMENT_MEASURES, SHOP_MEASURES
from features.settings import load_settings
from features.tables.contracts import CONTRACTS
from huitou.main import app
from serving.app import create_app
from serving.console import routes as console
from serving.schemas import PLACEMENTS
from serving.service_metrics import ServiceMetrics
from training.customer_value.lifetime import VALUE_SEGMENTS

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
    named = re.findall(r"`((?:features|training|serving|experiments)(?:\.\w+)+)`", EVERYTHING)
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


def test_every_measure_is_documented():
    assert [key for key in EXPERIMENT_MEASURES if f"`{key}`" not in TEXT["experiments.md"]] == []
    assert [key for key in SHOP_MEASURES if f"`{key}`" not in TEXT["measures.md"]] == []


def test_every_key_of_a_design_is_documented():
    page = TEXT["experiments.md"]
    keys = {
        field.alias or name
        for part in (Design, Treatment, Rerank, Metric)
        for name, field in part.model_fields.items()
    }
    assert [key for key in keys - {"metrics"} if not re.search(rf"`(?:treatment\.)?{key}\b", page)] == []


def test_every_table_a_shop_may_bring_is_documented():
    assert [name for name in CONTRACTS if f"| `{name}`" not in TEXT["data-scientist.md"]] == []


def test_every_value_segment_is_documented():
    page = TEXT["marketer.md"]
    assert [name for name in VALUE_SEGMENTS if name not in page] == []


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"(?:127\.0\.0\.1:8000|`)(/console/[^\s`>)]*)", EVERYTHING)))
)
def test_every_page_of_the_console_named_exists(path):
    routes = [route for route in console.router.routes if "{rest:path}" not in route.path]
    scope = {"type": "http", "method": "GET", "path": path.partition("?")[0], "headers": []}
    assert [route.path for route in routes if route.matches(scope)[0] is Match.FULL]


def test_the_mapping_in_the_readme_is_the_one_of_the_examples():
    shown = re.search(r"<summary>The mapping</summary>\s+```toml\n(.*?)```", TEXT["README.md"], re.DOTALL)
    assert shown
    example = (ROOT / "examples" / "mappings" / "online_retail.toml").read_text(encoding="utf-8")
    readme, file = tomllib.loads(shown[1]), tomllib.loads(example)
    assert readme == file
    # The first pattern that fits decides, and dicts of another order are equal.
    words = [list(mapping["products"]["columns"]["category"]["words"]) for mapping in (readme, file)]
    assert words[0] == words[1]


def test_hillstrom_is_prepared_in_the_readme_as_its_design_says():
    path = ROOT / "examples" / "experiments" / "hillstrom.toml"
    design = load_design(path)
    assert [variant.key for variant in design.variants] == ["control", "mens", "womens"]
    assert [metric.key for metric in design.metrics] == ["visit", "conversion", "spend"]
    lines = re.findall(r"^#   ((?:import|rows|duckdb).*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(lines) == 4
    # The formatter sets a blank line after an import.
    assert "```python\n" + "\n".join([lines[0], "", *lines[1:]]) + "\n```" in TEXT["README.md"]


def test_every_file_named_exists():
    named = set(re.findall(r"`((?:examples|features|docs|tests)/[\w./-]+)`", EVERYTHING))
    named |= set(re.findall(r"\]\(((?!https?:)[\w./-]+)\)", EVERYTHING))
    assert named
    assert [
        name for name in named if not any((folder / name).exists() for folder in (ROOT, ROOT / "docs"))
    ] == []
