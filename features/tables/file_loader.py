"""One source file after another: checked, compared with what the lake knows, and written in parts."""

import hashlib
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from features.durable import sha256_of, sync
from features.errors import DataError
from features.settings import Settings
from features.tables.checks import CheckedQuery, check_query
from features.tables.contracts import Contract
from features.tables.duckdb_engine import DuckDBEngine, identifier, literal
from features.tables.ingest_report import TableReport
from features.tables.lake import Lake, Part
from features.tables.mapping import digest_of
from features.tables.sources import ROW, MalformedLine, SourceFile, open_source, unreadable

ROW_ID = identifier(ROW)


class FileLoader:
    """One ingest under way: reads files one after another and writes what they bring.

    Attributes:
        parts: the committed parts, then those of this ingest.
    """

    def __init__(
        self,
        engine: DuckDBEngine,
        lake: Lake,
        settings: Settings,
        written: list[Path],
        now: datetime | None,
    ) -> None:
        self._engine = engine
        self._now = now
        self._settings = settings
        self._written = written
        self.parts = list(lake.manifest.parts)

    def table(self, contract: Contract, sources: list[SourceFile]) -> TableReport:
        """Load the files of one table, in the order of their names.

        Raises:
            DataError: a file is unreadable or lacks a column, the files hold no row, or no row is acceptable:
                then a column has the wrong form throughout, and quarantine would only hide it.
        """
        report = TableReport()
        for source in sources:
            try:
                self._file(contract, source, report)
            except duckdb.Error as error:
                raise unreadable(source, error) from None
        names = ", ".join(source.name for source in sources)
        if report.read == 0:
            raise DataError(
                f"The table {contract.table} has no rows ({names}).", "Export it again, or leave it out."
            )
        conflicts = report.reasons.get(f"{contract.identity}: {_conflict(contract)}", 0)
        if report.rejected - conflicts == report.read:
            reason, count = max(report.reasons.items(), key=lambda item: item[1])
            raise DataError(
                f"None of the {report.read} rows of {contract.table} ({names}) can be loaded: "
                f"{count} fail with “{reason}”.",
                "Export the column as the contract says, or describe its format in a mapping.",
            )
        return report

    def _file(self, contract: Contract, source: SourceFile, report: TableReport) -> None:
        key = hashlib.sha256(f"{sha256_of(source.path)} {digest_of(source.mapped)}".encode()).hexdigest()
        for part in self.parts:
            if part.table == contract.table and part.source_key == key:
                report.read += part.read
                report.duplicates += part.read
                return
        types, malformed = open_source(self._engine, source)
        query = check_query(contract, source, types, self._settings.shop.timezone, self._now)
        self._engine.execute(f"CREATE OR REPLACE TEMP TABLE checked AS {query.sql}")
        self._engine.execute(f"CREATE OR REPLACE TEMP TABLE fates AS {self._fates(contract, source)}")
        self._collect_rejected(contract, source, types, malformed)
        part = self._write(contract, source, query, key)
        self.parts.append(part)
        reasons = self._engine.query(
            "SELECT \"column\" || ': ' || reason AS reason, count(*) AS n FROM rejected GROUP BY ALL"
        ).to_pylist()
        report.add(part, {row["reason"]: row["n"] for row in reasons})
        report.ignored_columns.update(query.ignored)

    def _fates(self, contract: Contract, source: SourceFile) -> str:
        """SQL that says of each acceptable row whether it is new, known already, or in conflict."""
        known = self._known(contract)
        first = ROW_ID
        if source.mapped.latest_by is not None:
            # The newest row stands for all of its identity; content breaks ties, not where a row stands.
            repeats, is_new = "nth > 1 OR same_as_lake", "nth = 1"
            first = f"latest_at DESC NULLS LAST, content_hash, {ROW_ID}"
        elif contract.versioned:
            # The first row of a file may renew what the lake has; a second, different one contradicts it.
            repeats = "CASE WHEN nth = 1 THEN same_as_lake ELSE same_as_first END"
            is_new = "nth = 1"
        else:
            repeats = (
                "CASE WHEN k.identity_hash IS NOT NULL THEN same_as_lake ELSE nth > 1 AND same_as_first END"
            )
            is_new = "nth = 1 AND k.identity_hash IS NULL"
        return f"""
            WITH accepted AS (
                SELECT {ROW_ID}, identity_hash, content_hash,
                    row_number() OVER same AS nth, first_value(content_hash) OVER same AS first_content
                FROM checked WHERE problem_reason IS NULL
                WINDOW same AS (PARTITION BY identity_hash ORDER BY {first})
            )
            SELECT a.{ROW_ID},
                a.content_hash IS NOT DISTINCT FROM k.content_hash AS same_as_lake,
                a.content_hash IS NOT DISTINCT FROM a.first_content AS same_as_first,
                CASE WHEN {repeats} THEN 'duplicate' WHEN {is_new} THEN 'loaded' ELSE 'conflict' END AS fate
            FROM accepted a LEFT JOIN ({known}) k ON k.identity_hash = a.identity_hash
        """  # noqa: S608

    def _known(self, contract: Contract) -> str:
        """SQL of the identities in the lake, one row each, with what their latest row says."""
        files = [
            literal(self._settings.lake / part.file)
            for part in self.parts
            if part.table == contract.table and part.file is not None
        ]
        if not files:
            return (
                "SELECT CAST(NULL AS UUID) AS identity_hash, CAST(NULL AS UUID) AS content_hash WHERE FALSE"
            )
        return (
            f"SELECT identity_hash, content_hash FROM read_parquet([{', '.join(files)}]) "  # noqa: S608
            "QUALIFY row_number() OVER (PARTITION BY identity_hash ORDER BY load_number DESC) = 1"
        )

    def _collect_rejected(
        self, contract: Contract, source: SourceFile, types: dict[str, str], malformed: list[MalformedLine]
    ) -> None:
        """Make the temporary table `rejected` in the form of the quarantine."""
        lines = {"row": [line.row for line in malformed], "text": [line.text for line in malformed]}
        schema = pa.schema([("row", pa.int64()), ("text", pa.string())])
        self._engine.register("malformed_lines", pa.table(lines, schema=schema))
        raw = ", ".join(f"{literal(name)}, CAST({identifier(name)} AS VARCHAR)" for name in types)
        self._engine.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE rejected AS
            WITH problems AS (
                SELECT {ROW_ID}, problem_column AS "column", problem_reason AS reason
                FROM checked WHERE problem_reason IS NOT NULL
                UNION ALL
                SELECT {ROW_ID}, {literal(contract.identity)}, {literal(_conflict(contract))}
                FROM fates WHERE fate = 'conflict'
            )
            SELECT {literal(source.name)} AS file, {ROW_ID} AS "row", "column", reason,
                CAST(json_object({raw}) AS VARCHAR) AS raw
            FROM problems JOIN source USING ({ROW_ID})
            UNION ALL
            SELECT {literal(source.name)}, "row", '(line)', 'wrong number of values',
                CAST(json_object('line', "text") AS VARCHAR)
            FROM malformed_lines
            """  # noqa: S608
        )

    def _write(self, contract: Contract, source: SourceFile, query: CheckedQuery, key: str) -> Part:
        """Write the part and the quarantine of a file; neither exists until the manifest names it."""
        loaded = self._count("fates WHERE fate = 'loaded'")
        duplicates = self._count("fates WHERE fate = 'duplicate'")
        rejected = self._count("rejected")
        number = len(self.parts) + 1
        name = f"{contract.table}/{number:06d}-{key[:12]}.parquet"
        columns = ", ".join(identifier(column) for column in query.stored)
        order = ", ".join((*contract.order_by, ROW_ID))
        part = self._settings.lake / name
        if loaded:
            self._copy(
                f"SELECT {columns}, identity_hash, content_hash, {number} AS load_number "  # noqa: S608
                f"FROM checked JOIN fates USING ({ROW_ID}) WHERE fate = 'loaded' ORDER BY {order}",
                part,
            )
        if rejected:
            self._copy('SELECT * FROM rejected ORDER BY "row"', self._settings.quarantine / name)
        return Part(
            table=contract.table,
            source=source.name,
            source_key=key,
            load_number=number,
            file=name if loaded else None,
            fingerprint=sha256_of(part) if loaded else None,
            quarantine=name if rejected else None,
            read=loaded + duplicates + rejected,
            loaded=loaded,
            rejected=rejected,
            duplicates=duplicates,
        )

    def _copy(self, sql: str, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._written.append(path)
        self._engine.copy_to_parquet(sql, path)
        sync(path)

    def _count(self, rows: str) -> int:
        return int(self._engine.query(f"SELECT count(*) AS n FROM {rows}")["n"][0].as_py())  # noqa: S608


def _conflict(contract: Contract) -> str:
    """The reason of a row whose identity is known with other content."""
    return f"conflicting {contract.identity}"
