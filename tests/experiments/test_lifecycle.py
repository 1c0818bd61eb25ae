"""From draft to running to stopped to decided, and what a running experiment refuses."""

from datetime import UTC, date, datetime, timedelta

import pytest

from experiments.design import parse_design
from experiments.lifecycle import decide, start, stop
from features.database.store import open_database
from features.errors import DataError

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DAY = date(2026, 3, 1)
VISIT = {"key": "visit", "kind": "proportion"}
BASE = {
    "key": "mail",
    "hypothesis": "It helps",
    "variants": [{"key": "control", "weight": 0.5}, {"key": "offer", "weight": 0.5}],
    "rule": "hybrid",
    "planned_matured_customers": 1000,
    "primary": "repeat_purchase_d30",
    "guardrails": [{"measure": "revenue_d30", "margin_relative": -0.02}],
    "metrics": [VISIT],
    "schedule": [{"from": "2026-02-01", "coverage": 0.2}, {"from": "2026-04-01", "coverage": 0.9}],
    "forced": {"tester": "offer"},
}


@pytest.fixture
def store(tmp_path):
    with open_database(f"sqlite:///{tmp_path / 'huitou.db'}") as database:
        yield database.experiments


def begin(store, *, at=NOON, day=DAY, draft=False, **changes):
    return start(store, parse_design({**BASE, **changes}), actor="ann", at=at, day=day, draft=draft)


def actions(store, key="mail"):
    return [(entry.version, entry.action, entry.detail) for entry in store.log(key)]


def test_a_start_keeps_the_design_and_runs_it(store):
    started = begin(store)
    assert (started.record.version, started.record.state, started.changes) == (1, "running", ())
    assert started.record.started_at == NOON
    assert started.record.design == parse_design(BASE).to_json()
    assert actions(store) == [(1, "created", ""), (1, "started", "")]


def test_a_draft_may_change_in_every_way_and_then_start(store):
    assert begin(store, draft=True).record.state == "draft"
    weights = [{"key": "control", "weight": 0.9}, {"key": "offer", "weight": 0.1}]
    changed = begin(store, draft=True, variants=weights, alpha=0.01)
    assert (changed.record.version, changed.changes) == (2, ("variants", "alpha"))
    assert begin(store, variants=weights, alpha=0.01).record.state == "running"
    assert actions(store) == [
        (1, "created", ""), (2, "revised", "variants, alpha"), (2, "started", ""),
    ]  # fmt: skip


def test_starting_what_runs_unchanged_changes_nothing(store):
    begin(store)
    again = begin(store, at=NOON + timedelta(hours=1))
    assert (again.record.version, again.record.started_at, again.changes) == (1, NOON, ())
    assert len(actions(store)) == 2


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"hypothesis": "It helps a lot"}, "hypothesis"),
        ({"metrics": [VISIT, {"key": "spend", "kind": "mean"}]}, "metrics"),
        ({"forced": {"tester": "offer", "other": "control"}}, "forced"),
        ({"schedule": [{"from": "2026-02-01", "coverage": 0.2}]}, "schedule"),
        ({"schedule": [{"from": "2026-02-01", "coverage": 0.5}]}, "schedule"),
        ({"schedule": [], "coverage": 0.2}, "coverage, schedule"),
        ({"seed": "mail"}, "seed"),
    ],
)
def test_a_running_experiment_may_be_worded_better_and_cover_more(store, changes, names):
    begin(store)
    revised = begin(store, **changes)
    assert (revised.record.version, revised.record.state) == (2, "running")
    assert ", ".join(revised.changes) == names
    assert actions(store)[-1] == (2, "revised", names)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": "other"}, "seed cannot change: its customers would move"),
        ({"variants": BASE["variants"][::-1]}, "variants cannot change: its customers would move"),
        (
            {
                "variants": [
                    BASE["variants"][0],
                    {**BASE["variants"][1], "treatment": {"offer_policy": "none"}},
                ]
            },
            "variants cannot change",
        ),
        ({"layer": {"name": "home", "range": [0, 1]}}, "layer cannot change"),
        ({"targeting": {"tier": ["gold"]}}, "targeting cannot change"),
        ({"rule": "sequence"}, "rule cannot change: what decides is fixed"),
        ({"alpha": 0.1}, "alpha cannot change"),
        ({"planned_matured_customers": 500}, "planned_matured_customers cannot change"),
        ({"minimum_days": 7}, "minimum_days cannot change"),
        ({"primary": "visit"}, "primary cannot change"),
        ({"guardrails": []}, "guardrails cannot change"),
        ({"metrics": []}, "its metric 'visit' stays as it is"),
        ({"metrics": [{**VISIT, "covariate": "pre_orders"}]}, "its metric 'visit' stays as it is"),
        ({"forced": {}}, "its tester 'tester' stays in 'offer'"),
        ({"forced": {"tester": "control"}}, "its tester 'tester' stays in 'offer'"),
        ({"schedule": [{"from": "2026-02-01", "coverage": 0.1}]}, "cannot fall to 0.1"),
        ({"schedule": [{"from": "2026-03-02", "coverage": 0.9}]}, "cannot fall to 0"),
    ],
)
def test_what_would_move_customers_or_the_decision_is_refused(store, changes, words):
    begin(store)
    with pytest.raises(DataError) as refused:
        begin(store, **changes)
    assert words in refused.value.message
    assert refused.value.remedy
    assert (store.get("mail").version, len(actions(store))) == (1, 2)


def test_coverage_that_came_into_force_may_not_fall_again(store):
    begin(store)
    with pytest.raises(DataError, match=r"covers 0\.9 of its customers today"):
        begin(store, day=date(2026, 4, 1), schedule=[{"from": "2026-02-01", "coverage": 0.2}])


def test_a_running_experiment_is_no_draft(store):
    begin(store)
    with pytest.raises(DataError, match="cannot be a draft"):
        begin(store, draft=True)


@pytest.mark.parametrize(
    ("other", "taken"),
    [((0.5, 1.0), False), ((0.4, 1.0), True), ((0.0, 1.0), True), ((0.1, 0.2), True)],
)
def test_two_running_experiments_of_a_layer_share_no_customers(store, other, taken):
    begin(store, layer={"name": "home", "range": [0.0, 0.5]})
    second = {"key": "second", "layer": {"name": "home", "range": other}}
    begin(store, draft=True, **second)
    if not taken:
        assert begin(store, **second).record.state == "running"
        return
    with pytest.raises(DataError, match=r"overlaps 0–0\.5 of the running experiment 'mail'"):
        begin(store, **second)
    assert store.get("second").state == "draft"
    # Another layer is free, and so is this one once the first has stopped.
    begin(store, key="third", layer={"name": "cart", "range": other})
    stop(store, "mail", actor="ann", at=NOON)
    assert begin(store, **second).record.state == "running"


def test_the_key_of_the_holdout_is_taken(store):
    with pytest.raises(DataError, match="program holdout"):
        begin(store, key="program_holdout")


def test_a_stop_is_for_good(store):
    begin(store)
    stopped = stop(store, "mail", actor="bob", at=NOON + timedelta(days=1), reason="enough")
    assert (stopped.state, stopped.stopped_at) == ("stopped", NOON + timedelta(days=1))
    assert actions(store)[-1] == (1, "stopped", "enough")
    with pytest.raises(DataError, match="is stopped: its customers have been treated"):
        begin(store)
    with pytest.raises(DataError, match="is stopped, so there is nothing to stop"):
        stop(store, "mail", actor="bob", at=NOON)


@pytest.mark.parametrize(
    ("decision", "variant", "words"),
    [
        ("ship", None, "ship offer"),
        ("ship", "offer", "ship offer"),
        ("roll_back", None, "roll_back"),
        ("inconclusive", None, "inconclusive"),
    ],
)
def test_a_decision_is_kept_with_its_reason(store, decision, variant, words):
    begin(store)
    stop(store, "mail", actor="ann", at=NOON)
    decided = decide(
        store, "mail", decision, actor="bob", at=NOON, variant=variant, reason='+2 % and "cheap"'
    )
    assert (decided.state, decided.decision, decided.decided_at) == ("decided", words, NOON)
    assert actions(store)[-1] == (1, "decided", f'{words}: +2 % and "cheap"')
    with pytest.raises(DataError, match="is decided, so there is nothing to decide"):
        decide(store, "mail", "roll_back", actor="bob", at=NOON)


@pytest.mark.parametrize(
    ("decision", "variant", "words"),
    [
        ("ship", "control", "'control' cannot be shipped"),
        ("ship", "moon", "'moon' cannot be shipped"),
        ("roll_back", "offer", "names no variant"),
    ],
)
def test_a_decision_that_cannot_be_is_refused(store, decision, variant, words):
    begin(store)
    with pytest.raises(DataError, match="still runs"):
        decide(store, "mail", decision, actor="ann", at=NOON, variant=variant)
    stop(store, "mail", actor="ann", at=NOON)
    with pytest.raises(DataError, match=words):
        decide(store, "mail", decision, actor="ann", at=NOON, variant=variant)
    assert store.get("mail").state == "stopped"


def test_of_several_variants_the_one_to_ship_must_be_said(store):
    thirds = [{"key": key, "weight": 1 / 3} for key in ("control", "a", "b")]
    begin(store, variants=thirds, forced={})
    stop(store, "mail", actor="ann", at=NOON)
    with pytest.raises(DataError, match="not said") as refused:
        decide(store, "mail", "ship", actor="ann", at=NOON)
    assert "a, b" in refused.value.remedy


@pytest.mark.parametrize("step", [stop, lambda *args, **kwargs: decide(*args, "ship", **kwargs)])
def test_what_does_not_exist_is_named(store, step):
    with pytest.raises(DataError, match="There is no experiment 'moon'"):
        step(store, "moon", actor="ann", at=NOON)
