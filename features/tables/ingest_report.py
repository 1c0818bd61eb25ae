"""What an ingest did, table by table."""

from dataclasses import dataclass, field
from typing import Any

from features.tables.lake import Part


@dataclass
class TableReport:
    """What became of the rows of one table; read = loaded + rejected + duplicates.

    Attributes:
        read: rows in the files.
        loaded: rows new in the lake.
        rejected: rows in quarantine.
        duplicates: rows that the lake, or the file itself, had already.
        reasons: rejected rows by `column: reason`.
        ignored_columns: source columns that nothing reads.
    """

    read: int = 0
    loaded: int = 0
    rejected: int = 0
    duplicates: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    ignored_columns: set[str] = field(default_factory=set)

    def add(self, part: Part, reasons: dict[str, int]) -> None:
        """Count one loaded file."""
        self.read += part.read
        self.loaded += part.loaded
        self.rejected += part.rejected
        self.duplicates += part.duplicates
        for reason, count in reasons.items():
            self.reasons[reason] = self.reasons.get(reason, 0) + count


@dataclass(frozen=True)
class IngestReport:
    """What one ingest did.

    Attributes:
        tables: one report per table the source brought.
        note: what the mapping wants its reader to know.
    """

    tables: dict[str, TableReport]
    note: str

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values, ready for JSON."""
        tables = {
            name: {
                "read": table.read,
                "loaded": table.loaded,
                "rejected": table.rejected,
                "duplicates": table.duplicates,
                "reasons": dict(sorted(table.reasons.items())),
                "ignored_columns": sorted(table.ignored_columns),
            }
            for name, table in self.tables.items()
        }
        return {"tables": tables, "note": self.note}
