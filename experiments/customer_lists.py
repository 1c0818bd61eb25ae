"""Lists of customers in files, read a batch at a time, so that millions fit into memory."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq

from features.columns import CUSTOMER_ID
from features.errors import DataError

BATCH_ROWS = 250_000
CSV_BLOCK_BYTES = 1 << 24


def customer_id_batches(path: Path) -> Iterator[list[str]]:
    """The column `customer_id` of a Parquet or CSV file, in order.

    Raises:
        DataError: the file is missing or unreadable, has no such column, or an id is empty or no text.
    """
    read = 0
    try:
        for column in _columns(path):
            ids = column.to_pylist()
            if None in ids or "" in ids:
                row = read + 1 + min(ids.index(each) for each in (None, "") if each in ids)
                raise DataError(
                    f"{path} has no {CUSTOMER_ID} in row {row}.", "Fill it in or leave the row out."
                )
            read += len(ids)
            yield ids
    except FileNotFoundError:
        raise DataError(f"The file {path} does not exist.", "Check --customers.") from None
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"The file {path} cannot be read: {reason}.", "Give Parquet or CSV.") from None


def _columns(path: Path) -> Iterator[pa.Array]:
    """`customer_id` as text, batch by batch."""
    if path.suffix == ".parquet":
        with pq.ParquetFile(path) as file:
            _require(path, file.schema_arrow.names)
            kind = file.schema_arrow.field(CUSTOMER_ID).type
            if not (_is_text(kind) or pa.types.is_integer(kind)):
                raise DataError(f"{path}, {CUSTOMER_ID}: {kind} is no id.", "Give ids as text.")
            for batch in file.iter_batches(BATCH_ROWS, columns=[CUSTOMER_ID]):
                yield pc.cast(batch.column(0), pa.string())
    elif path.name.endswith((".csv", ".csv.gz")):
        options = pc_csv.ConvertOptions(column_types={CUSTOMER_ID: pa.string()}, strings_can_be_null=False)
        blocks = pc_csv.ReadOptions(block_size=CSV_BLOCK_BYTES)
        with pc_csv.open_csv(path, read_options=blocks, convert_options=options) as reader:
            _require(path, reader.schema.names)
            for batch in reader:
                yield batch.column(CUSTOMER_ID)
    else:
        raise DataError(f"{path} is none of .parquet, .csv and .csv.gz.", "Give one of them.")


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _require(path: Path, names: list[str]) -> None:
    if CUSTOMER_ID not in names:
        raise DataError(
            f"{path} has no column {CUSTOMER_ID!r}; it has {', '.join(names)}.", "Name the column so."
        )
