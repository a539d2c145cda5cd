"""What holds for any table and for any bytes."""

import csv
import gzip
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.drop.shapes import Dialect
from shared.errors import CourierError
from tests.plan.planning import Planned, Segment, export, plan

NAMED = export({"email": "EMail", "customer_id": "Id", "first_name": "Name"})
HEADER = ("Id", "EMail", "Name")
OURS = {"plan_failed", "plan_memory", "accounting", "internal"}
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


@st.composite
def _written(draw: st.DrawFn, table: Sequence[Row]) -> Segment:
    """The table in some dialect, encoding and order, in some partitions."""
    shuffled = draw(st.permutations(table))
    cuts = sorted(draw(st.lists(st.integers(0, len(table)), max_size=2)))
    parts = [shuffled[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(table)], strict=True)]
    delimiter = draw(st.sampled_from(",;\t|^"))
    quote = draw(st.sampled_from("\"'"))
    quoting = draw(st.sampled_from(QUOTINGS))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    codec = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))
    has_header = draw(st.booleans())
    files = {}
    for number, part in enumerate(parts, 1):
        text = io.StringIO()
        writer = csv.writer(text, delimiter=delimiter, quotechar=quote, quoting=quoting, lineterminator=end)
        writer.writerows([HEADER, *part] if has_header or not part else part)
        data = text.getvalue().encode(codec)
        files[f"S_{number}.csv"] = gzip.compress(data) if draw(st.booleans()) else data
    return Segment(files, Dialect(delimiter, quote, None), HEADER)


def _essence(planned: Planned) -> tuple[object, ...]:
    """What must not depend on how a table is written; places are what may."""
    return (
        {email: (row["customer_id"], row["hash"]) for email, row in planned.rows.items()},
        planned.contacts,
        sorted((reject["customer_id"], reject["email"], reject["code"]) for reject in planned.rejects),
        planned.outcome.counts,
    )


def _plan(segment: Segment | bytes) -> Planned:
    with tempfile.TemporaryDirectory() as folder:
        return plan(Path(folder), segment, NAMED)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data(), rows)
def test_a_table_is_the_same_however_it_is_written(data: st.DataObject, table: list[Row]) -> None:
    """Dialect, encoding, compression, partitions and order change neither members, hashes, rejects nor counts."""
    plain = _plan(data.draw(_written(table), label="one way"))
    other = _plan(data.draw(_written(table), label="another"))
    assert _essence(plain) == _essence(other)
    assert plain.outcome.counts.rows == len(table)


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
