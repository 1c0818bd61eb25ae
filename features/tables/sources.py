"""Finding a shop's files and opening them as a relation with row numbers."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from features.errors import DataError
from features.tables.contracts import CONTRACTS
from features.tables.duckdb_engine import DuckDBEngine, identifier, literal
from features.tables.mapping import CsvFormat, Mapping, TableMapping

SUFFIXES = (".parquet", ".csv", ".csv.gz")
# A name that no export uses, because it stands beside the shop's own columns.
ROW = "#row"
CSV_BLOCK_BYTES = 8 << 20


@dataclass(frozen=True)
class SourceFile:
    """One file of a shop's export.

    Attributes:
        path: where it lies.
        name: its path relative to the source folder, as reports and quarantine show it.
        mapped: how it is read.
        named: whether a mapping says how, or the file is expected to be in contract columns.
    """

    path: Path
    name: str
    mapped: TableMapping
    named: bool


@dataclass(frozen=True)
class MalformedLine:
    """A line of a CSV file with too few or too many values."""

    row: int
    text: str


def find_sources(folder: Path, mapping: Mapping | None) -> dict[str, list[SourceFile]]:
    """The files of each contract table, sorted by name.

    Without a mapping a table is `orders.parquet`, `orders.csv` or `orders.csv.gz`, or a folder `orders/`
    of such files.

    Raises:
        DataError: the folder or a file is missing or is a folder, nothing is recognised, or a table
            comes twice.
    """
    if not folder.is_dir():
        raise DataError(
            f"The source {folder} is not a folder.", "Give the folder that holds the exported files."
        )
    if mapping is not None:
        return {table: _mapped(folder, table, mapped) for table, mapped in mapping.tables.items()}
    found = {table: _unmapped(folder, table) for table in CONTRACTS}
    found = {table: files for table, files in found.items() if files}
    if not found:
        raise DataError(
            f"The folder {folder} holds no table that Huitou knows.",
            f"Name the files {', '.join(f'{t}.parquet' for t in CONTRACTS)} (or .csv), or give --map.",
        )
    return found


def _mapped(folder: Path, table: str, mapped: TableMapping) -> list[SourceFile]:
    matches = sorted(folder.glob(mapped.file))
    paths = [path for path in matches if path.is_file()]
    if not paths:
        _refuse_folders(matches)
        raise DataError(
            f"The folder {folder} has no file {mapped.file}, from which the mapping takes {table}.",
            "Check the folder and `file` in the mapping.",
        )
    for path in paths:
        if not path.name.endswith(SUFFIXES):
            raise DataError(
                f"The file {path} is not one of {', '.join(SUFFIXES)}.", "Export it as Parquet or CSV."
            )
    return [SourceFile(path, path.relative_to(folder).as_posix(), mapped, True) for path in paths]


def _unmapped(folder: Path, table: str) -> list[SourceFile]:
    forms = [[folder / f"{table}{suffix}"] for suffix in SUFFIXES]
    forms += [sorted((folder / table).glob(f"*{suffix}")) for suffix in SUFFIXES]
    for form in forms:
        _refuse_folders(form)
    present = [found for form in forms if (found := [path for path in form if path.is_file()])]
    if len(present) > 1:
        both = " and ".join(form[0].relative_to(folder).as_posix() for form in present[:2])
        raise DataError(f"The folder {folder} brings {table} twice: {both}.", "Keep one of them.")
    paths = present[0] if present else []
    names = [path.relative_to(folder).as_posix() for path in paths]
    return [SourceFile(p, n, TableMapping(file=n), False) for p, n in zip(paths, names, strict=True)]


def _refuse_folders(paths: list[Path]) -> None:
    for path in paths:
        if path.is_dir():
            raise DataError(f"{path} is a folder, not a file.", "Put the exported file itself there.")


def open_source(engine: DuckDBEngine, source: SourceFile) -> tuple[dict[str, str], list[MalformedLine]]:
    """Make a file readable as the relation `source`, with its rows numbered from 1 (no header) as `#row`.

    Returns:
        The file's columns with their SQL types, and the CSV lines that are no rows.

    Raises:
        DataError: the file is unreadable.
    """
    engine.execute("DROP VIEW IF EXISTS source; DROP TABLE IF EXISTS source_rows")
    if source.path.name.endswith(".parquet"):
        malformed: list[MalformedLine] = []
        rows = (
            f"SELECT * EXCLUDE (file_row_number), file_row_number + 1 AS {identifier(ROW)} "  # noqa: S608
            f"FROM read_parquet({literal(source.path)}, file_row_number = true)"
        )
    else:
        malformed = _load_csv(engine, source)
        rows = "SELECT * FROM source_rows"
    engine.execute(f"CREATE VIEW source AS {rows}")
    described = engine.query("DESCRIBE source").to_pylist()
    return {c["column_name"]: c["column_type"] for c in described if c["column_name"] != ROW}, malformed


def _load_csv(engine: DuckDBEngine, source: SourceFile) -> list[MalformedLine]:
    malformed: list[MalformedLine] = []

    def keep_aside(row: pa_csv.InvalidRow) -> str:
        # pyarrow numbers the header 1, which is what turns its number into a data row.
        malformed.append(MalformedLine(row.number - 1, row.text))
        return "skip"

    try:
        header = _open_csv(source, lambda _: "skip", None).schema.names
        if len(set(header)) != len(header):
            raise DataError(
                f"The header of {source.path} names a column twice.", "Give each column one name."
            )
        reader = _open_csv(source, keep_aside, header)
        schema = reader.schema.append(pa.field(ROW, pa.int64()))
        batches = pa.RecordBatchReader.from_batches(schema, _numbered(reader, malformed))
        engine.register("csv_batches", batches)
        engine.execute("CREATE TEMP TABLE source_rows AS SELECT * FROM csv_batches")
    except (pa.ArrowInvalid, duckdb.Error, UnicodeError, OSError) as error:
        raise _broken_csv(source, error) from None
    return malformed


def _open_csv(
    source: SourceFile, on_malformed: object, header: list[str] | None
) -> pa_csv.CSVStreamingReader:
    csv: CsvFormat = source.mapped.csv
    # Plain UTF-8 pyarrow would not decode before it shows a malformed line to the handler, and a failure
    # there is printed, not raised. Under this name it decodes first; a byte order mark goes either way.
    encoding = "utf-8-sig" if codecs.lookup(csv.encoding).name == "utf-8" else csv.encoding
    return pa_csv.open_csv(
        pa.input_stream(str(source.path), compression="detect"),
        # One thread, because only then does pyarrow number malformed lines.
        read_options=pa_csv.ReadOptions(use_threads=False, block_size=CSV_BLOCK_BYTES, encoding=encoding),
        parse_options=pa_csv.ParseOptions(
            delimiter=csv.delimiter,
            quote_char=csv.quote or False,
            newlines_in_values=True,
            invalid_row_handler=on_malformed,
        ),
        # Everything stays text: the contract, not a guess from the first rows, decides what a value means.
        convert_options=pa_csv.ConvertOptions(
            column_types={name: pa.string() for name in header or []},
            null_values=list(csv.null_values),
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )


def _broken_csv(source: SourceFile, error: Exception) -> DataError:
    """The error for a CSV file that failed: the line of its first undecodable byte, or else what was said.

    Bytes that are no text fail in pyarrow, Python or DuckDB, each in other words and none with a line.
    """
    encoding = source.mapped.csv.encoding
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    try:
        with pa.input_stream(str(source.path), compression="detect") as stream:
            while block := stream.read(CSV_BLOCK_BYTES):
                line += decoder.decode(block).count("\n")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as found:
        line += found.object[: found.start].decode(encoding, errors="ignore").count("\n")
        byte = found.object[found.start]
        return DataError(
            f"The file {source.path} cannot be read: line {line} holds the byte {byte:#04x}, "
            f"which is no {encoding} there.",
            "State its encoding in a mapping, such as gb18030, or export it again as UTF-8.",
        )
    except (UnicodeError, OSError) as other:
        return unreadable(source, other)
    return unreadable(source, error)


def _numbered(reader: pa_csv.CSVStreamingReader, malformed: list[MalformedLine]) -> Iterator[pa.RecordBatch]:
    """Append each row's number; malformed lines, which are known before their batch arrives, leave gaps."""
    last = 0
    for batch in reader:
        gaps = [line.row for line in malformed if line.row > last]
        candidates = np.arange(last + 1, last + 1 + batch.num_rows + len(gaps), dtype=np.int64)
        numbers = np.setdiff1d(candidates, gaps)[: batch.num_rows]
        last = int(numbers[-1]) if len(numbers) else last
        yield batch.append_column(ROW, pa.array(numbers))


def unreadable(source: SourceFile, error: Exception) -> DataError:
    """The error for a file that cannot be read at all."""
    first_line = str(error).strip().splitlines()[0]
    return DataError(
        f"The file {source.path} cannot be read: {first_line}.",
        "Check that it is a whole Parquet or CSV file; a mapping may state delimiter and encoding.",
    )
