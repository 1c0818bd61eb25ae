"""Copying a simulated experiment into another database: marked as simulated, never running, never twice."""

from contextlib import closing
from datetime import UTC, date, datetime

import pytest

from features.database.store import open_database
from features.errors import DataError
from huitou.demo_experiment import copy_simulated

AT = datetime(2025, 3, 3, 6, tzinfo=UTC)
KEY = "simulated-win-back"


@pytest.fixture
def databases(tmp_path):
    with (
        closing(open_database(f"sqlite:///{tmp_path / 'source.db'}")) as source,
        closing(open_database(f"sqlite:///{tmp_path / 'target.db'}")) as target,
    ):
        source.experiments.save_design(KEY, '{"key": 1}', "simulation", AT, simulated=True)
        source.experiments.set_state(KEY, "running", "simulation", AT)
        source.experiments.set_state(KEY, "stopped", "simulation", AT)
        report(source, '{"n": 1}')
        yield source, target


def report(source, body):
    through = date(2025, 5, 16)
    source.experiments.add_report(KEY, 1, body, AT, data_through=through, actor="simulation")


def test_a_copy_is_stopped_and_marked(databases):
    source, target = databases
    copy_simulated(source, target, KEY, "simulation")
    record = target.experiments.get(KEY)
    assert (record.state, record.simulated, record.version) == ("stopped", True, 1)
    assert (record.started_at, record.stopped_at) == (AT, AT)
    assert target.experiments.latest_report(KEY).body == '{"n": 1}'
    actions = [entry.action for entry in target.experiments.log(KEY)]
    assert actions == ["created", "started", "stopped", "reported"]
    assert target.control().experiments == ()


def test_a_second_copy_brings_its_report_and_a_changed_design_as_a_version(databases):
    source, target = databases
    copy_simulated(source, target, KEY, "simulation")
    source.experiments.save_design(KEY, '{"key": 2}', "simulation", AT)
    report(source, '{"n": 2}')
    copy_simulated(source, target, KEY, "simulation")
    record = target.experiments.get(KEY)
    assert (record.state, record.version, record.design) == ("stopped", 2, '{"key": 2}')
    assert [each.body for each in target.experiments.reports(KEY)] == ['{"n": 2}', '{"n": 1}']


def test_an_experiment_on_real_customers_is_never_written_over(databases):
    source, target = databases
    target.experiments.save_design(KEY, '{"key": "real"}', "me", AT)
    with pytest.raises(DataError, match="real customers"):
        copy_simulated(source, target, KEY, "simulation")
    assert target.experiments.get(KEY).design == '{"key": "real"}'


def test_what_was_not_reported_cannot_be_copied(databases):
    source, target = databases
    with pytest.raises(DataError, match="'other'"):
        copy_simulated(source, target, "other", "simulation")
