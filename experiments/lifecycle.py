"""An experiment's way from draft to running to stopped to decided, and what may no longer change on it.

What decides may not be chosen after the data are seen, so a running experiment keeps its variants, weights,
treatments, seed, layer and targeting (or customers would be treated twice), and its primary measure, rule,
alpha, planned number, minimum days and guardrails (or the error rates of the rule would mean nothing). It may
cover more customers, name more testers, report more metrics and be worded better.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from experiments.design import Design, read_design
from experiments.running import HOLDOUT_KEY
from features.database.experiment_store import ExperimentChange, ExperimentStore
from features.database.records import Decision, ExperimentRecord
from features.errors import DataError

OTHER_KEY = "Give the changed experiment a key of its own; customers are then assigned anew."
MOVES = "its customers would move or be treated twice"
DECIDES = "what decides is fixed before the first result"
FIXED_WHILE_RUNNING: dict[str, str] = {
    **dict.fromkeys(("hash_seed", "variants", "layer", "targeting"), MOVES),
    **dict.fromkeys(("rule", "alpha", "planned_matured_customers", "minimum_days"), DECIDES),
    **dict.fromkeys(("primary_key", "guardrails"), DECIDES),
}


@dataclass(frozen=True, slots=True)
class Started:
    """What a start did.

    Attributes:
        record: the experiment as it is now.
        changes: keys of the design that differ from the version before; empty for a new or unchanged one.
    """

    record: ExperimentRecord
    changes: tuple[str, ...]


def start(
    store: ExperimentStore,
    design: Design,
    *,
    actor: str,
    at: datetime,
    day: date,
    draft: bool = False,
    simulated: bool = False,
) -> Started:
    """Start an experiment, start its draft, or revise a running one as far as that is allowed.

    Args:
        store: where experiments are kept.
        design: what to start.
        actor: who does it.
        at: when.
        day: the shop's local day then, for the coverage.
        draft: keep it without starting it.
        simulated: its customers are made up.

    Raises:
        DataError: the experiment is over, its change is not allowed, or its layer is taken.
    """
    if design.key == HOLDOUT_KEY:
        raise DataError(
            f"The key {HOLDOUT_KEY!r} is that of the program holdout.",
            "Choose another key, or set experiments.holdout_share to start the holdout.",
        )
    with store.changing() as change:
        known = change.get(design.key)
        changes: tuple[str, ...] = ()
        if known is not None:
            changes = _changes(known, design, day, draft)
        detail = ", ".join(changes)
        change.save_design(design.key, design.to_json(), actor, at, simulated, detail=detail)
        if not draft and (known is None or known.state == "draft"):
            _refuse_taken_layer(change, design)
            change.set_state(design.key, "running", actor, at)
        return Started(_known(change, design.key), changes)


def stop(store: ExperimentStore, key: str, *, actor: str, at: datetime, reason: str = "") -> ExperimentRecord:
    """Serve the experiment to nobody from now on; those exposed can still mature and be analysed.

    Raises:
        DataError: there is no such experiment, or it does not run.
    """
    with store.changing() as change:
        known = _known(change, key)
        if known.state != "running":
            raise DataError(
                f"The experiment {key!r} is {known.state}, so there is nothing to stop.",
                "`huitou experiment list` shows what runs.",
            )
        change.set_state(key, "stopped", actor, at, detail=reason)
        return _known(change, key)


def decide(
    store: ExperimentStore,
    key: str,
    decision: Decision,
    *,
    actor: str,
    at: datetime,
    variant: str | None = None,
    reason: str = "",
) -> ExperimentRecord:
    """Put down what was decided about a stopped experiment.

    Args:
        store: where experiments are kept.
        key: of the experiment.
        decision: ship a variant, roll back to the control, or neither could be shown.
        actor: who decided.
        at: when.
        variant: the one to ship; needed only if there are several beside the control.
        reason: in the actor's words.

    Raises:
        DataError: there is no such experiment, it is not stopped, or the variant cannot be told.
    """
    with store.changing() as change:
        known = _known(change, key)
        if known.state == "running":
            raise DataError(f"The experiment {key!r} still runs.", f"Run: huitou experiment stop {key!r}")
        if known.state != "stopped":
            raise DataError(
                f"The experiment {key!r} is {known.state}, so there is nothing to decide.",
                "Only a stopped experiment is decided, and only once.",
            )
        words = _decision(read_design(known.design), decision, variant)
        detail = f"{words}: {reason}" if reason else words
        change.set_state(key, "decided", actor, at, detail=detail, decision=words)
        return _known(change, key)


def _known(change: ExperimentChange, key: str) -> ExperimentRecord:
    record = change.get(key)
    if record is None:
        raise DataError(f"There is no experiment {key!r}.", "`huitou experiment list` shows all.")
    return record


def _changes(known: ExperimentRecord, design: Design, day: date, draft: bool) -> tuple[str, ...]:
    """Keys in which the design differs from the known one, if it may."""
    if known.state in ("stopped", "decided"):
        raise DataError(
            f"The experiment {design.key!r} is {known.state}: its customers have been treated.", OTHER_KEY
        )
    before = read_design(known.design)
    if known.state == "running":
        if draft:
            raise DataError(
                f"The experiment {design.key!r} runs, so it cannot be a draft.", "Leave out --draft."
            )
        _refuse_moving(before, design, day)
    old, new = _keys(before), _keys(design)
    return tuple(name for name in new if new[name] != old[name])


def _keys(design: Design) -> dict[str, Any]:
    return {name: getattr(design, name) for name in Design.model_fields}


def _refuse_moving(before: Design, design: Design, day: date) -> None:
    """Raise DataError if the change would move customers or what decides."""
    for name, why in FIXED_WHILE_RUNNING.items():
        if getattr(before, name) != getattr(design, name):
            shown = {"hash_seed": "seed", "primary_key": "primary"}.get(name, name)
            raise DataError(
                f"The experiment {design.key!r} runs, so {shown} cannot change: {why}.", OTHER_KEY
            )
    if design.coverage_on(day) < before.coverage_on(day):
        raise DataError(
            f"The experiment {design.key!r} covers {before.coverage_on(day):g} of its customers today and "
            f"cannot fall to {design.coverage_on(day):g}: those exposed would lose their variant.",
            f"Keep it, raise it, or end the experiment: huitou experiment stop {design.key!r}",
        )
    described = {metric.key: metric for metric in design.metrics}
    for metric in before.metrics:
        if described.get(metric.key) != metric:
            raise DataError(
                f"The experiment {design.key!r} runs, so its metric {metric.key!r} stays as it is.",
                "Add a metric under another key instead.",
            )
    for customer, variant in before.forced.items():
        if design.forced.get(customer) != variant:
            raise DataError(
                f"The experiment {design.key!r} runs, so its tester {customer!r} stays in {variant!r}: what "
                "testers saw is in no analysis.",
                "Add testers instead.",
            )


def _refuse_taken_layer(change: ExperimentChange, design: Design) -> None:
    """Raise DataError if a running experiment has a part of the design's range of a layer."""
    if design.layer is None:
        return
    low, high = design.layer.range
    for record in change.running():
        other = read_design(record.design).layer
        if record.key == design.key or other is None or other.name != design.layer.name:
            continue
        if max(low, other.range[0]) < min(high, other.range[1]):
            raise DataError(
                f"The range {low:g}–{high:g} of the layer {other.name!r} overlaps {other.range[0]:g}–"
                f"{other.range[1]:g} of the running experiment {record.key!r}.",
                "Choose another range or layer, or stop that experiment.",
            )


def _decision(design: Design, decision: Decision, variant: str | None) -> str:
    """The decision in the words that are kept: `ship offer`, `roll_back`, `inconclusive`."""
    if decision != "ship":
        if variant is not None:
            raise DataError(f"The decision {decision} names no variant.", "Leave out --variant.")
        return decision
    others = [each.key for each in design.variants[1:]]
    if variant is None and len(others) == 1:
        variant = others[0]
    if variant not in others:
        what = "Which variant to ship is not said" if variant is None else f"{variant!r} cannot be shipped"
        raise DataError(f"{what}.", f"Name one with --variant: {', '.join(others)}.")
    return f"ship {variant}"
