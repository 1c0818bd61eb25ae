"""Every word of the console exists in both languages, is used, and stands nowhere else."""

import ast
import re
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

from experiments.analysis.arms import Withheld
from experiments.analysis.decision import Code, Held
from experiments.design import Rerank, Rule, Treatment
from features.columns import SEGMENTS
from features.database.records import ExperimentState, LogAction
from serving.console.words import WORDS, say

ROOT = Path(__file__).parents[3] / "serving" / "console"
TEMPLATES = sorted((ROOT / "templates").glob("*.html"))
SOURCES = [path for path in sorted(ROOT.glob("*.py")) if path.name != "words.py"]
CHINESE = re.compile(r"[一-鿿]")
# Words whose key is put together from a value, and every value it can have.
FAMILIES = {
    "state_": get_args(ExperimentState),
    "action_": get_args(LogAction),
    "verdict_": [code.value for code in Code],
    "rule_": get_args(Rule),
    "withheld_": [reason.value for reason in Withheld],
    "segment_": SEGMENTS,
    "by_": ["tier", "segment", "other"],
    "treatment_": [field for field in (*Treatment.model_fields, *Rerank.model_fields) if field != "rerank"],
    "problem_": ["403", "404", "500", "503", "local"],
    "": [held.value for held in Held],
}


def named_in(path: Path) -> set[str]:
    """Keys that a template or module names as a whole."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        return set(re.findall(r"\bt\('(\w+)'(?! ~)", text))
    return {
        node.value
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call) and _name(call.func) in ("say", "words")
        for argument in call.args[:2]
        for node in ast.walk(argument)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and not _is_part(node, argument)
    }


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _is_part(node: ast.Constant, argument: ast.expr) -> bool:
    """Whether a text is no key: part of an f-string, or what a condition compares with."""
    inside = [
        each for each in ast.walk(argument) if isinstance(each, ast.JoinedStr | ast.Compare | ast.Subscript)
    ]
    return any(node in list(ast.walk(each)) for each in inside)


@pytest.mark.parametrize("path", [*TEMPLATES, *SOURCES], ids=lambda path: path.name)
def test_every_word_named_exists(path):
    assert named_in(path) - set(WORDS) == set()


@pytest.mark.parametrize("prefix", FAMILIES)
def test_every_value_has_its_word(prefix):
    assert [value for value in FAMILIES[prefix] if prefix + value not in WORDS] == []


def test_every_word_is_used():
    text = "\n".join(path.read_text(encoding="utf-8") for path in (*TEMPLATES, *SOURCES))
    built = {prefix + value for prefix, values in FAMILIES.items() for value in values}
    built |= {f"problem_{problem}_remedy" for problem in FAMILIES["problem_"]}
    built |= {f"{unit}_{way}" for unit in ("share", "mean") for way in ("more", "fewer")}
    assert [
        key for key in WORDS if key not in built and f'"{key}"' not in text and f"'{key}'" not in text
    ] == []


@pytest.mark.parametrize("key", WORDS)
def test_both_languages_say_it_with_the_same_numbers(key):
    zh, en = WORDS[key]
    assert places(zh) == places(en)
    if re.search(r"[a-z]{2}", re.sub(r"\{\w+\}", "", en)) and key not in ("brand", "other_language"):
        assert CHINESE.search(zh), "the Chinese is not Chinese"
    assert not CHINESE.search(en) or key == "other_language"
    assert "  " not in zh
    assert "  " not in en


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_words_of_its_own(path):
    text = re.sub(r"\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    shown = re.findall(r'(?:aria-label|title|alt|placeholder)="([^"]*)"', text)
    shown.append(re.sub(r"<[^>]*>", "", text))
    assert [words for words in shown if re.search(r"[A-Za-z一-鿿]", words)] == []


def test_a_place_is_filled():
    assert say("en", "days", days=3) == "3 days"
    assert say("zh", "days", days=3) == "3 天"
