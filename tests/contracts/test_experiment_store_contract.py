"""Designs, states, the audit log, exposures and reports, on every database."""

import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from features.database.records import ExperimentRecord, Exposure, LogEntry, StoredReport
from features.database.store import open_database
from features.errors import DataError

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def exposure(customer: str, **fields: object) -> Exposure:
    return replace(Exposure("mail", customer, "offer", NOON), **fields)


def test_a_new_design_is_a_draft(database):
    assert database.experiments.save_design("mail", '{"a": 1}', "ann", NOON) == 1
    found = database.experiments.get("mail")
    assert found == ExperimentRecord("mail", 1, "draft", '{"a": 1}', False, NOON)
    assert database.experiments.log("mail") == [LogEntry("mail", 1, NOON, "ann", "created", "")]
    assert database.experiments.get("other") is None


def test_every_other_design_is_a_version_and_the_same_one_is_none(database):
    save = database.experiments.save_design
    versions = [save("mail", body, "ann", at(i)) for i, body in enumerate(["one", "two", "two", "one"])]
    assert versions == [1, 2, 2, 3]
    assert database.experiments.get("mail").design == "one"
    assert [(entry.version, entry.action) for entry in database.experiments.log("mail")] == [
        (1, "created"), (2, "revised"), (3, "revised"),
    ]  # fmt: skip


def test_what_is_simulated_stays_so(database):
    database.experiments.save_design("mail", "one", "ann", NOON, simulated=True)
    database.experiments.save_design("mail", "two", "ann", NOON)
    assert database.experiments.get("mail").simulated is True


def test_an_experiment_goes_one_way_and_the_log_keeps_each_step(database):
    store = database.experiments
    store.save_design("mail", "one", "ann", at(0))
    store.set_state("mail", "running", "ann", at(1))
    store.set_state("mail", "stopped", "bob", at(2), detail="enough")
    store.set_state("mail", "decided", "bob", at(3), detail="it pays", decision="ship offer")
    assert store.get("mail") == ExperimentRecord(
        "mail", 1, "decided", "one", False, at(0), at(1), at(2), at(3), "ship offer"
    )
    assert store.log("mail") == [
        LogEntry("mail", 1, at(0), "ann", "created", ""),
        LogEntry("mail", 1, at(1), "ann", "started", ""),
        LogEntry("mail", 1, at(2), "bob", "stopped", "enough"),
        LogEntry("mail", 1, at(3), "bob", "decided", "it pays"),
    ]


@pytest.mark.parametrize("state", ["draft", "stopped", "decided"])
def test_no_step_is_left_out(database, state):
    database.experiments.save_design("mail", "one", "ann", NOON)
    with pytest.raises(DataError, match=f"'mail' is draft and cannot become {state}"):
        database.experiments.set_state("mail", state, "ann", NOON)
    assert database.experiments.get("mail").state == "draft"
    with pytest.raises(DataError, match="There is no experiment 'other'"):
        database.experiments.set_state("other", "running", "ann", NOON)


def test_what_fails_within_a_change_undoes_all_of_it(database):
    def create_and_skip_a_step():
        with database.experiments.changing() as change:
            change.save_design("mail", "one", "ann", NOON)
            change.set_state("mail", "decided", "ann", NOON)

    with pytest.raises(DataError):
        create_and_skip_a_step()
    assert database.experiments.list() == []
    assert database.experiments.log("mail") == []


def test_changes_take_turns_so_what_was_checked_still_holds(url):
    """16 threads start an experiment each, but only if none runs: exactly one may."""
    with open_database(url) as one, open_database(url) as other:
        stores = (one.experiments, other.experiments)
        for i in range(16):
            one.experiments.save_design(f"e{i}", "body", "ann", NOON)

        def start_if_none_runs(i: int) -> None:
            with stores[i % 2].changing() as change:
                if not change.running():
                    change.set_state(f"e{i}", "running", "ann", NOON)

        threads = [threading.Thread(target=start_if_none_runs, args=(i,)) for i in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(one.control().experiments) == 1


def test_experiments_are_listed_the_newest_first_and_servers_see_those_that_run(database):
    store = database.experiments
    for i, key in enumerate(["b", "a", "唤回"]):
        store.save_design(key, f"design of {key}", "ann", at(i))
    store.set_state("b", "running", "ann", at(9))
    store.set_state("唤回", "running", "ann", at(9))
    assert [record.key for record in store.list()] == ["唤回", "a", "b"]
    assert [(each.key, each.design) for each in database.control().experiments] == [
        ("b", "design of b"), ("唤回", "design of 唤回"),
    ]  # fmt: skip


def test_the_first_exposure_to_a_variant_stays(database):
    store = database.experiments
    first = exposure(
        "c1", tier="gold", segment="loyal", lifecycle="active", placement="home",
        recommendation_id="r1", release_id="2026",
    )  # fmt: skip
    assert store.insert_exposures([first, exposure("c2")]) == 2
    later = [
        exposure("c1", exposed_at=at(5), tier="bronze"),
        exposure("c1", exposed_at=at(5), variant="control"),
        exposure("c1", exposed_at=at(5), experiment="other"),
        exposure("c3"), exposure("c3", exposed_at=at(1)),
    ]  # fmt: skip
    # New are c1 in the other variant, c1 in the other experiment, and c3 once.
    assert store.insert_exposures(later) == 3
    assert store.insert_exposures([]) == 0
    kept = {
        (each.customer_id, each.variant): each for batch in store.exposure_batches("mail") for each in batch
    }
    assert kept["c1", "offer"] == first
    assert kept["c3", "offer"].exposed_at == NOON
    assert store.exposure_counts("mail") == {"control": 1, "offer": 3}
    assert store.exposure_counts("nothing") == {}


def test_writers_of_the_same_exposures_in_other_orders_do_not_block_each_other(url):
    batch = [exposure(f"c{i}") for i in range(500)]
    new: list[int] = []
    with open_database(url) as one, open_database(url) as other:
        orders = [(one, batch), (other, batch[::-1])] * 4
        threads = [
            threading.Thread(
                target=lambda database=database, rows=rows: new.append(
                    database.experiments.insert_exposures(rows)
                )
            )
            for database, rows in orders
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(new) == 8
        assert sum(new) == 500
        assert one.experiments.exposure_counts("mail") == {"offer": 500}


def test_exposures_come_in_batches_of_their_experiment(database):
    store = database.experiments
    store.insert_exposures([exposure(f"c{i}") for i in range(7)])
    store.insert_exposures([exposure("c1", experiment="other")])
    batches = list(store.exposure_batches("mail", size=3))
    assert [len(batch) for batch in batches] == [3, 3, 1]
    assert {each.customer_id for batch in batches for each in batch} == {f"c{i}" for i in range(7)}


def test_reports_are_kept_the_newest_first_and_logged(database):
    store = database.experiments
    store.save_design("mail", "one", "ann", at(0))
    assert store.latest_report("mail") is None
    store.add_report("mail", 1, '{"n": 1}', at(1), data_through=None, actor="cli")
    store.add_report("mail", 1, '{"n": 2}', at(2), data_through=date(2026, 2, 28), actor="cli")
    newest = StoredReport("mail", 1, at(2), date(2026, 2, 28), '{"n": 2}')
    assert store.latest_report("mail") == newest
    assert store.reports("mail") == [newest, StoredReport("mail", 1, at(1), None, '{"n": 1}')]
    assert store.reports("other") == []
    assert [(entry.action, entry.detail) for entry in store.log("mail")[1:]] == [
        ("reported", ""), ("reported", "2026-02-28"),
    ]  # fmt: skip
