"""Which model should fill which placement, decided on the earlier windows only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from features.columns import TASK_OF_PLACEMENT
from training.backtest import K
from training.judgement import Bootstrap, Judgement, leaderboard
from training.models.registry import BASELINE

# NDCG decides everywhere: it rewards hits, and hits near the top more.
DECIDING_METRIC = f"ndcg@{K}"
# What is used until there is a window to choose on.
UNTRIED = {"home": "personal_frequency", "buy_again": "personal_frequency", "discover": BASELINE}


@dataclass(frozen=True)
class Choice:
    """The decision about one placement.

    Attributes:
        model: what should fill it.
        challenger: a model that looked better than the reigning one but did not prove it, or None.
        reason: one sentence for people.
    """

    model: str
    challenger: str | None
    reason: str


def choose(
    judgements: Sequence[Judgement], placement: str, reigning: str | None, bootstrap: Bootstrap
) -> Choice:
    """Choose a placement's model on earlier windows.

    The best model takes the place if its paired interval against the one that reigns lies above zero; against
    28-day popularity where none reigns. The same model with new parameters follows itself.

    Args:
        judgements: of the earlier windows.
        placement: home, buy_again or discover.
        reigning: the present champion's model name; it stays where it was not judged.
        bootstrap: of the paired interval.
    """
    task = TASK_OF_PLACEMENT[placement]
    if reigning is not None and any(reigning not in judgement[task].models for judgement in judgements):
        return Choice(reigning, None, f"{reigning} stays: it was not judged, so nothing can have beaten it")
    against = reigning or BASELINE
    rows = leaderboard(judgements, task, against, bootstrap, K) if judgements else []
    if not rows:
        model = reigning or UNTRIED[placement]
        return Choice(model, None, f"{model}, because there is no earlier window to choose on")
    best = rows[0]
    name, low = best["model"], best["paired"][DECIDING_METRIC][1]
    if name == against:
        return Choice(name, None, f"{name} is the best on {DECIDING_METRIC}")
    if low > 0:
        return Choice(name, None, f"{name} beats {against} on {DECIDING_METRIC}, its paired interval above 0")
    return Choice(against, name, f"{name} does not beat {against} with certainty")


def choose_all(
    judgements: Sequence[Judgement], reigning: Mapping[str, str], bootstrap: Bootstrap
) -> dict[str, Choice]:
    """The choice of every personal placement; `reigning` is placement → model name where there is one."""
    return {
        placement: choose(judgements, placement, reigning.get(placement), bootstrap)
        for placement in TASK_OF_PLACEMENT
    }
