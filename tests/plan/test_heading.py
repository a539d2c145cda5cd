"""What the columns of a drop are called, from the first kilobytes of its first file."""

import gzip
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from shared.documents import Drop, DropBlob
from shared.drop.shapes import Dialect
from shared.plan.heading import find_columns
from tests.fakes import ManualClock, MemoryBlobs

NAMES = ("CustomerId", "EMail", "Städte")
HEADER = "CustomerId,EMail,Städte\n"
WITH_HEADER = Dialect(header=True)
ROWS = "".join(f"c{number},customer{number}@example.com,Łódź 🏙\n" for number in range(20_000))


def _columns(data: bytes, tmp_path: Path, dialect: Dialect = WITH_HEADER) -> tuple[str, ...] | None:
    blobs = MemoryBlobs(ManualClock())
    blobs.write("S.csv", data)
    (blob,) = blobs.below()
    drop = Drop(segment="S", blobs=[DropBlob(name=blob.name, etag=blob.etag, size=blob.size, modified=blob.modified)])
    found = find_columns(blobs, drop, dialect, tmp_path)
    assert list(tmp_path.iterdir()) == []
    return found


WAYS: dict[str, Callable[[str], bytes]] = {
    "UTF-8": str.encode,
    "UTF-8 with a mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "Windows-1252": lambda text: text.encode("cp1252", "replace"),
    "gzip": lambda text: gzip.compress(text.encode()),
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "semicolons": lambda text: text.replace(",", ";").encode(),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("rows", ["", ROWS], ids=["header only", "a large file"])
def test_a_header_row_is_found_in_whatever_it_is_written(
    way: Callable[[str], bytes], rows: str, tmp_path: Path
) -> None:
    """Of a large file only its beginning is read."""
    assert _columns(way(HEADER + rows), tmp_path) == NAMES


@pytest.mark.parametrize("rows", [1, 200_000])
def test_parquet_names_its_columns_at_its_end(tmp_path: Path, rows: int) -> None:
    """Head and footer are read, and nothing in between."""
    (tmp_path / "made").mkdir()
    file = tmp_path / "made" / "S.parquet"
    query = f"SELECT uuid() AS CustomerId, 'a' AS EMail, 1 AS \"Städte\" FROM range({rows})"
    duckdb.sql(f"COPY ({query}) TO '{file}' (FORMAT parquet)")
    data = file.read_bytes()
    file.unlink()
    file.parent.rmdir()
    assert _columns(data, tmp_path) == NAMES


@pytest.mark.parametrize(
    "data",
    [b"", b"\x1f\x8b damaged", b"PAR1 damaged PAR1", b"PK\x03\x04 zip", b"a@example.com,Ada\n", b'"never closed\n'],
    ids=["empty", "damaged gzip", "damaged Parquet", "zip", "no header", "open quote"],
)
def test_what_does_not_tell_its_columns_has_none(data: bytes, tmp_path: Path) -> None:
    """An overview names what it can, and fails for nothing."""
    assert _columns(data, tmp_path) is None


def test_a_headerless_file_without_a_description_has_no_names(tmp_path: Path) -> None:
    """Values are not taken for names."""
    assert _columns(HEADER.encode(), tmp_path, Dialect(header=False)) is None
