"""The demo's last act: a simulated experiment, and its record where the demo's console shows it."""

from typing import Any

from features.command_line import Output
from features.database.store import Database, open_database
from features.errors import DataError
from features.settings import Settings


def simulate_for_demo(settings: Settings, quick: bool, output: Output) -> dict[str, Any]:
    """Simulate an experiment beside the demo's workspace and copy its record; returns the closing summary."""
    from huitou.simulation.run import ACTOR, Plan, run_simulation, simulation_settings

    simulated = simulation_settings(settings)
    # A small shop can only show a large effect.
    plan = Plan(customers=1400, days=50, true_lift=0.15) if quick else Plan(customers=3000)
    progress = Output(output.as_json)  # its steps have the names of the demo's own
    summary = run_simulation(simulated, plan, progress)
    output.seconds["simulate"] = summary["seconds"]["total"]
    with open_database(simulated.database_url) as source, open_database(settings.database_url) as target:
        copy_simulated(source, target, summary["experiment"]["key"], ACTOR)
    return summary


def copy_simulated(source: Database, target: Database, key: str, actor: str) -> None:
    """Copy a stopped simulated experiment with its latest report; its customers stay where they are.

    All of it happens in one transaction, so that no server ever sees the experiment run. An experiment that
    was copied before gets the new report, and the new design as a further version if it differs.

    Raises:
        DataError: the target has an experiment of real customers under this key, or the source has none.
    """
    record, report = source.experiments.get(key), source.experiments.latest_report(key)
    if record is None or report is None:
        raise DataError(f"The simulation has no reported experiment {key!r}.", "Simulate it first.")
    with target.experiments.changing() as change:
        known = change.get(key)
        if known is not None and not known.simulated:
            raise DataError(
                f"The experiment {key!r} is one of real customers and is not written over by a simulation.",
                "Use another --workspace for the demo.",
            )
        version = change.save_design(key, record.design, actor, record.created_at, simulated=True)
        if known is None and record.started_at is not None and record.stopped_at is not None:
            change.set_state(key, "running", actor, record.started_at)
            change.set_state(key, "stopped", actor, record.stopped_at, detail="as planned")
        change.add_report(
            key, version, report.body, report.created_at, data_through=report.data_through, actor=actor
        )
