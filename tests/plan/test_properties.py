"""What holds for any table and for any bytes."""

import csv
import gzip
import io
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.documents import Export
from shared.drop.shapes import Dialect
from shared.errors import CourierError
from tests.plan.planning import Planned, Segment, export, plan

NAMED = export({"email": "EMail", "customer_id": "Id", "first_name": "Name"})
HEADER = ("Id", "EMail", "Name")
OURS = {"plan_failed", "plan_memory", "plan_disk", "accounting", "internal"}
"""Codes that say that the app, not the drop, is at fault."""

QUOTINGS: tuple[Literal[0, 1, 2], ...] = (csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC)

Row = tuple[str, str, str]

names = st.text(
    st.one_of(
        st.sampled_from(list(",;\t|\"'\n\r \x1f\u00a0\u2028ÅßİΣ漢😀=")),
        st.characters(codec="utf-8", exclude_characters="@\0"),
    ),
    max_size=12,
)
emails = st.one_of(
    st.integers(0, 9).map(lambda number: f"p{number}@example.com"),
    st.sampled_from(
        ["P1@Example.com ", "", " ", "p1", "a@bücher.example", "å@example.com", "o'x@example.com", "a\nb@example.com"]
    ),
)
rows = st.lists(st.tuples(st.integers(0, 30).map(str), emails, names), max_size=12)


@dataclass(frozen=True)
class Way:
    """How a table is written as text."""

    delimiter: str
    quote: str
    quoting: Literal[0, 1, 2]
    end: str
    codec: str

    def text(self, rows: Sequence[Sequence[str]]) -> bytes:
        """Rows as a file."""
        text = io.StringIO()
        writer = csv.writer(
            text, delimiter=self.delimiter, quotechar=self.quote, quoting=self.quoting, lineterminator=self.end
        )
        writer.writerows(rows)
        return text.getvalue().encode(self.codec)


def _is_windows(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the table can be written in Windows-1252 so that no line of it could be UTF-8 as well."""
    for value in (value for row in rows for value in row if not value.isascii()):
        try:
            written = value.encode("cp1252")
        except UnicodeEncodeError:
            return False
        if any(_is_utf8(line) for line in re.split(b"[\r\n]", written) if not line.isascii()):
            return False
    return True


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@st.composite
def _ways(draw: st.DrawFn, rows: Sequence[Sequence[str]]) -> Way:
    has_lf = any("\n" in value for row in rows for value in row)
    return Way(
        draw(st.sampled_from(",;\t|^")),
        draw(st.sampled_from("\"'")),
        draw(st.sampled_from(QUOTINGS)),
        draw(st.sampled_from(["\n", "\r\n"] if has_lf else ["\n", "\r\n", "\r"])),
        draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", *(["cp1252"] if _is_windows(rows) else [])])),
    )


def _parquet(rows: Sequence[Sequence[str]], names: Sequence[str]) -> bytes:
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as engine:
        engine.execute(f"CREATE TABLE t ({', '.join(f'{name} VARCHAR' for name in names)})")
        for row in rows:
            engine.execute(f"INSERT INTO t VALUES ({', '.join('?' for _ in names)})", list(row))
        engine.execute(f"COPY t TO '{folder}/t' (FORMAT parquet)")
        return Path(folder, "t").read_bytes()


@st.composite
def _written(draw: st.DrawFn, table: Sequence[Sequence[str]], names: tuple[str, ...] = HEADER) -> Segment:
    """The table in some dialect, encoding and order, in some partitions, of which some may be Parquet.

    Either the drop says how it is written, or that has to be found out.
    """
    shuffled = draw(st.permutations(table))
    cuts = sorted(draw(st.lists(st.integers(0, len(table)), max_size=2)))
    parts = [shuffled[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(table)], strict=True)]
    way = draw(_ways(table))
    is_told = way.quote != '"' or way.delimiter == "^" or draw(st.booleans())
    has_header = not is_told or draw(st.booleans())
    files = {}
    for number, part in enumerate(parts, 1):
        if draw(st.integers(0, 4)) == 0:
            files[f"S_{number}.csv"] = _parquet(part, names)
            continue
        data = way.text([names, *part] if has_header or not part else part)
        files[f"S_{number}.csv"] = gzip.compress(data) if draw(st.booleans()) else data
    if is_told:
        return Segment(files, Dialect(way.delimiter, way.quote, None), names)
    return Segment(files, Dialect(header=True))


def _essence(planned: Planned) -> tuple[object, ...]:
    """What must not depend on how a table is written; places are what may."""
    return (
        {email: (row["customer_id"], row["hash"]) for email, row in planned.rows.items()},
        planned.contacts,
        sorted((reject["customer_id"], reject["email"], reject["code"]) for reject in planned.rejects),
        planned.outcome.counts,
    )


def _plan(segment: Segment | bytes, document: Export = NAMED) -> Planned:
    with tempfile.TemporaryDirectory() as folder:
        return plan(Path(folder), segment, document)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data(), rows)
def test_a_table_is_the_same_however_it_is_written(data: st.DataObject, table: list[Row]) -> None:
    """Dialect, encoding, compression, partitions and order change neither members, hashes, rejects nor counts."""
    plain = _plan(data.draw(_written(table), label="one way"))
    other = _plan(data.draw(_written(table), label="another"))
    assert _essence(plain) == _essence(other)
    assert plain.outcome.counts.rows == len(table)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data(), st.lists(st.tuples(emails.filter(lambda email: "\n" not in email)), max_size=8))
def test_a_column_of_addresses_is_the_same_however_it_is_written(data: st.DataObject, table: list[tuple[str]]) -> None:
    """With nothing but addresses in it, a file has no delimiter to be known by."""
    document = export({"email": "EMail"})
    plain = _plan(data.draw(_written(table, ("EMail",)), label="one way"), document)
    other = _plan(data.draw(_written(table, ("EMail",)), label="another"), document)
    assert _essence(plain) == _essence(other)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.sampled_from(["Ada", "a,b", 'a "b"', "a\nb", "", "Å"]), st.booleans()), min_size=1, max_size=8
    ),
    st.sampled_from(QUOTINGS[:2]),
    st.data(),
)
def test_one_fault_in_a_file_hides_no_other_row(
    values: list[tuple[str, bool]], quoting: Literal[0, 1, 2], data: st.DataObject
) -> None:
    """A byte lost, changed or put in stops the plan with a named error, or all rows but those it touches are there."""
    records = []
    for number, (name, _) in enumerate(values):
        text = io.StringIO()
        csv.writer(text, quoting=quoting, lineterminator="\n").writerow([str(number), f"p{number}@example.com", name])
        records.append(text.getvalue().encode())
    header = b"Id,EMail,Name\n"
    original = header + b"".join(records)
    place = data.draw(st.integers(len(header), len(original)), label="place")
    put_in = data.draw(st.sampled_from([b"", b'"', b",", b"\n", b"\r", b"\xff", b"\0", b"x"]), label="put in")
    taken = data.draw(st.integers(0, 2), label="taken")
    damaged = original[:place] + put_in + original[place + taken :]
    try:
        planned = _plan(damaged)
    except CourierError as error:
        assert error.code not in OURS
        return
    seen = set(planned.rows) | {reject["email"] for reject in planned.rejects}
    start = len(header)
    for number, record in enumerate(records):
        touched = start - 1 <= place + taken and place <= start + len(record)
        assert touched or f"p{number}@example.com" in seen
        start += len(record)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=100).map(lambda tail: b"Id,EMail,Name\n1,a@example.com,Ada\n" + tail),
        st.lists(
            st.sampled_from(
                [
                    b"Id",
                    b"EMail",
                    b",",
                    b";",
                    b'"',
                    b"\n",
                    b"\r",
                    b"\0",
                    b"\xef\xbb\xbf",
                    b"\xff\xfe",
                    b"\x1f\x8b",
                    b"a@b.example",
                    b"\xe5",
                ]
            ),
            max_size=30,
        ).map(b"".join),
    ),
    st.sampled_from(
        [Dialect(header=True), Dialect(",", '"'), Dialect(",", "", False), Dialect(header=True, encoding="utf-16")]
    ),
    st.sampled_from([None, HEADER]),
)
def test_any_bytes_end_in_a_plan_or_a_named_error(
    data: bytes, dialect: Dialect, attributes: tuple[str, ...] | None
) -> None:
    """Whatever lies in the container, planning answers; it never fails for a reason of its own."""
    try:
        _plan(Segment({"S.csv": data}, dialect, attributes))
    except CourierError as error:
        assert error.code not in OURS


@pytest.fixture(scope="module")
def whole_parquet(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A Parquet file of a hundred people."""
    file = tmp_path_factory.mktemp("parquet") / "S.parquet"
    query = "SELECT i AS Id, 'p' || i || '@example.com' AS EMail, ['x'] AS Name FROM range(100) t(i)"
    duckdb.sql(f"COPY ({query}) TO '{file}' (FORMAT parquet, COMPRESSION snappy)")
    return file.read_bytes()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4),
    st.floats(0, 1),
)
def test_a_damaged_parquet_file_ends_in_a_plan_or_a_named_error(
    whole_parquet: bytes, changes: list[tuple[float, int]], rest: float
) -> None:
    """Whichever bytes are changed or cut off, it is the drop that is at fault."""
    data = bytearray(whole_parquet)
    for place, value in changes:
        data[int(place * len(data))] = value
    try:
        _plan(bytes(data[: int(len(data) * min(1, 0.5 + rest))]))
    except CourierError as error:
        assert error.code not in OURS
