"""Experiments in the database: designs by version, states, the audit log, exposures and reports."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from datetime import date, datetime
from itertools import starmap
from typing import Any

from sqlalchemy import Row, Select, and_, func, select, text, update
from sqlalchemy.engine import Connection

from features.database.records import (
    ExperimentRecord,
    ExperimentState,
    Exposure,
    LogAction,
    LogEntry,
    StoredReport,
)
from features.database.schema import designs, experiment_log, experiment_reports, experiments, exposures
from features.database.transactions import Transactions, insert_into
from features.errors import DataError

EXPOSURE_COLUMNS = [exposures.c[each.name] for each in fields(Exposure)]
REPORT_COLUMNS = [experiment_reports.c[each.name] for each in fields(StoredReport)]
LOG_COLUMNS = [experiment_log.c[each.name] for each in fields(LogEntry)]
# The only way forward, and what the log calls each step.
STATE_BEFORE: dict[ExperimentState, ExperimentState] = {
    "running": "draft",
    "stopped": "running",
    "decided": "stopped",
}
ACTION_OF: dict[ExperimentState, LogAction] = {
    "running": "started",
    "stopped": "stopped",
    "decided": "decided",
}
STAMP_OF = {"running": "started_at", "stopped": "stopped_at", "decided": "decided_at"}


class ExperimentChange:
    """What may be read and written within one `ExperimentStore.changing()`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, key: str) -> ExperimentRecord | None:
        """An experiment with its current design, or None."""
        row = self._connection.execute(_records().where(experiments.c.key == key)).first()
        return None if row is None else _record(row)

    def running(self) -> list[ExperimentRecord]:
        """The experiments that run, by key."""
        return running_experiments(self._connection)

    def save_design(
        self, key: str, body: str, actor: str, at: datetime, simulated: bool = False, *, detail: str = ""
    ) -> int:
        """Keep a design as the current one of its experiment, which is a draft if it is new.

        Args:
            key: of the experiment.
            body: the design as canonical JSON.
            actor: who did it.
            at: when.
            simulated: whether its customers are made up; stays as it was first said.
            detail: what the log says beside.

        Returns:
            Its version; that of the current design, without a line in the log, if nothing differs.
        """
        known = self.get(key)
        if known is not None and known.design == body:
            return known.version
        version = 1 if known is None else known.version + 1
        design = {"key": key, "version": version, "body": body, "created_at": at, "actor": actor}
        self._connection.execute(designs.insert().values(design))
        if known is None:
            new = {"key": key, "version": 1, "state": "draft", "simulated": simulated, "created_at": at}
            self._connection.execute(experiments.insert().values(new))
        else:
            change = update(experiments).where(experiments.c.key == key).values(version=version)
            self._connection.execute(change)
        action: LogAction = "created" if known is None else "revised"
        self._log(LogEntry(key, version, at, actor, action, detail))
        return version

    def set_state(
        self,
        key: str,
        state: ExperimentState,
        actor: str,
        at: datetime,
        *,
        detail: str = "",
        decision: str | None = None,
    ) -> None:
        """Move an experiment one step forward: draft, running, stopped, decided.

        Raises:
            DataError: there is no such experiment, or it is not in the state before.
        """
        known = self.get(key)
        if known is None:
            raise DataError(f"There is no experiment {key!r}.", "See `huitou experiment list`.")
        if STATE_BEFORE.get(state) != known.state:
            raise DataError(
                f"The experiment {key!r} is {known.state} and cannot become {state}.",
                "An experiment goes from draft to running to stopped to decided.",
            )
        values: dict[str, Any] = {"state": state, STAMP_OF[state]: at}
        if decision is not None:
            values["decision"] = decision
        self._connection.execute(update(experiments).where(experiments.c.key == key).values(values))
        self._log(LogEntry(key, known.version, at, actor, ACTION_OF[state], detail))

    def add_report(
        self, key: str, version: int, body: str, at: datetime, *, data_through: date | None, actor: str
    ) -> None:
        """Keep a report (JSON), made with a version of the design on orders up to `data_through`."""
        report = StoredReport(key, version, at, data_through, body)
        self._connection.execute(experiment_reports.insert().values(asdict(report)))
        through = "" if data_through is None else f"{data_through}"
        self._log(LogEntry(key, version, at, actor, "reported", through))

    def _log(self, entry: LogEntry) -> None:
        self._connection.execute(experiment_log.insert().values(asdict(entry)))


class ExperimentStore:
    """The experiments part of `Database`."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @contextmanager
    def changing(self) -> Iterator[ExperimentChange]:
        """Check and change in one transaction; one change at a time, so what was checked still holds."""
        with self._transactions.writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("LOCK TABLE experiments IN SHARE ROW EXCLUSIVE MODE"))
            yield ExperimentChange(connection)

    def save_design(self, key: str, body: str, actor: str, at: datetime, simulated: bool = False) -> int:
        """See `ExperimentChange.save_design`."""
        with self.changing() as change:
            return change.save_design(key, body, actor, at, simulated)

    def set_state(
        self,
        key: str,
        state: ExperimentState,
        actor: str,
        at: datetime,
        *,
        detail: str = "",
        decision: str | None = None,
    ) -> None:
        """See `ExperimentChange.set_state`."""
        with self.changing() as change:
            change.set_state(key, state, actor, at, detail=detail, decision=decision)

    def add_report(
        self, key: str, version: int, body: str, at: datetime, *, data_through: date | None, actor: str
    ) -> None:
        """See `ExperimentChange.add_report`."""
        with self.changing() as change:
            change.add_report(key, version, body, at, data_through=data_through, actor=actor)

    def get(self, key: str) -> ExperimentRecord | None:
        """An experiment with its current design, or None."""
        with self._transactions.reading() as connection:
            row = connection.execute(_records().where(experiments.c.key == key)).first()
        return None if row is None else _record(row)

    def log(self, key: str) -> list[LogEntry]:
        """The audit log of an experiment, oldest first."""
        query = select(*LOG_COLUMNS).where(experiment_log.c.key == key).order_by(experiment_log.c.position)
        with self._transactions.reading() as connection:
            return [LogEntry(*row) for row in connection.execute(query)]

    def insert_exposures(self, batch: Sequence[Exposure]) -> int:
        """Keep exposures; of each customer, experiment and variant the first one stays.

        Returns:
            How many were new.
        """
        if not batch:
            return 0
        # In one order, so that two writers never wait for one another's rows.
        ordered = sorted(batch, key=lambda each: (each.experiment, each.customer_id, each.variant))
        with self._transactions.writing() as connection:
            insert = insert_into(connection, exposures).on_conflict_do_nothing()
            rows = connection.scalars(
                insert.returning(exposures.c.customer_id), [asdict(each) for each in ordered]
            )
            return len(rows.all())

    def exposure_batches(self, key: str, size: int = 50_000) -> Iterator[list[Exposure]]:
        """The exposures of an experiment, in no order, `size` at a time, from one snapshot.

        Close the iterator to leave early: it holds a connection.
        """
        query = select(*EXPOSURE_COLUMNS).where(exposures.c.experiment == key)
        for rows in self._transactions.stream(query, size):
            yield list(starmap(Exposure, rows))

    def exposure_counts(self, key: str) -> dict[str, int]:
        """Customers exposed to each variant; one who was served two variants counts in both."""
        query = (
            select(exposures.c.variant, func.count().label("customers"))
            .where(exposures.c.experiment == key)
            .group_by(exposures.c.variant)
            .order_by(exposures.c.variant)
        )
        with self._transactions.reading() as connection:
            return {row.variant: row.customers for row in connection.execute(query)}

    def latest_report(self, key: str) -> StoredReport | None:
        """The newest report of an experiment, or None."""
        with self._transactions.reading() as connection:
            row = connection.execute(_reports(key).limit(1)).first()
        return None if row is None else StoredReport(*row)

    def reports(self, key: str) -> list[StoredReport]:
        """Every report of an experiment, the newest first."""
        with self._transactions.reading() as connection:
            return [StoredReport(*row) for row in connection.execute(_reports(key))]

    def list(self) -> list[ExperimentRecord]:
        """Every experiment, the newest first."""
        query = _records().order_by(experiments.c.created_at.desc(), experiments.c.key)
        with self._transactions.reading() as connection:
            return [_record(row) for row in connection.execute(query)]


def running_experiments(connection: Connection) -> list[ExperimentRecord]:
    """The experiments that run, by key."""
    query = _records().where(experiments.c.state == "running").order_by(experiments.c.key)
    return [_record(row) for row in connection.execute(query)]


def _records() -> Select[Any]:
    current = and_(designs.c.key == experiments.c.key, designs.c.version == experiments.c.version)
    return select(experiments, designs.c.body.label("design")).join(designs, current)


def _record(row: Row[Any]) -> ExperimentRecord:
    return ExperimentRecord(**row._mapping)


def _reports(key: str) -> Select[Any]:
    query = select(*REPORT_COLUMNS).where(experiment_reports.c.key == key)
    return query.order_by(experiment_reports.c.position.desc())
