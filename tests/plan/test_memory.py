"""Planning stays within its memory, whatever the rows are like."""

from pathlib import Path

import pytest

from shared.errors import DropUnusable
from shared.plan import planned
from shared.plan.engine import Engine
from tests.plan.planning import Segment, export, plan, table

_FOUR_MILLION = """
CREATE TYPE state AS ENUM ('member');
CREATE TYPE kind AS ENUM ('joiner', 'leaver');
CREATE TABLE source AS SELECT 0::USMALLINT AS id, 0::BIGINT AS first, 'S.csv' AS name;
CREATE TABLE record AS
SELECT range::VARCHAR AS email, NULL::VARCHAR AS customer_id, NULL::UUID AS hash, 0::USMALLINT AS source
FROM range(4_000_000);
CREATE TABLE fate AS SELECT range AS place, 'joiner'::kind AS kind FROM range(4_000_000);
CREATE TABLE seat AS
SELECT place, kind, (place // 250)::UINTEGER AS batch, (place % 250)::USMALLINT AS position FROM fate;
CREATE TABLE absent (email VARCHAR, customer_id VARCHAR, hash UUID, state state, since TIMESTAMPTZ, kind kind)
"""

SMALLEST_MB = 128
"""What the smallest instance leaves to the engine."""


def test_many_records_of_several_lines_are_planned(tmp_path: Path) -> None:
    """A line break in every row, as addresses and notes have, takes no more memory than its bytes."""
    document = export({"email": "EMail", "customer_id": "Id", "first_name": "First", "last_name": "Last"})
    rows = (f'{number:032x},p{number}@example.com,"Name {number}\nline two",Last{number}' for number in range(200_000))
    planned = plan(tmp_path, table("Id,EMail,First,Last", *rows), document, memory_mb=SMALLEST_MB)
    assert planned.outcome.counts.members == 200_000
    assert planned.rows["p199999@example.com"]["line"] == 400_000


def test_many_fields_are_planned(tmp_path: Path) -> None:
    """Contacts so large that an import is full of bytes before it is full of contacts."""
    fields = {f"F{number}": f"C{number}" for number in range(60)}
    document = export({"email": "EMail", "fields": fields})
    values = ",".join(f"value{number:05}" for number in range(60))
    rows = (f"p{number}@example.com,{values}" for number in range(60_000))
    header = ",".join(["EMail", *fields.values()])
    planned = plan(tmp_path, table(header, *rows), document, types=dict.fromkeys(fields, "text"), memory_mb=SMALLEST_MB)
    assert planned.outcome.counts.to_send == 60_000
    assert len(planned.index) > 60_000 / 250


@pytest.mark.parametrize(
    ("before", "line"),
    [(b"", 1), (b"\xef\xbb\xbf", 1), (b"Id,EMail\n1,", 2), (b'Id,EMail\n1,"a\nb', 3), (b'"Id,EMail\n', 2)],
    ids=["no line end", "none after a mark", "line 2", "within a record", "within the heading"],
)
def test_a_line_too_long_for_memory_is_named(tmp_path: Path, before: bytes, line: int) -> None:
    """A file that is one line, of NUL bytes or of anything, is refused with its place instead of filling memory."""
    data = before + b"x\0" * 10_000_000 + b'"\n2,b@example.com\n'
    with pytest.raises(DropUnusable) as caught:
        plan(tmp_path, Segment({"S.csv": data}), memory_mb=SMALLEST_MB)
    assert caught.value.code in ("file_unreadable", "header_unreadable")
    assert f"S.csv, line {line}" in caught.value.message


def test_a_record_too_long_for_memory_is_named(tmp_path: Path) -> None:
    """None of its lines is too long, but all together are."""
    data = b'Id,EMail\n1,"' + (b"x" * 9_000_000 + b"\n") * 2 + b'"\n2,b@example.com\n'
    with pytest.raises(DropUnusable) as caught:
        plan(tmp_path, Segment({"S.csv": data}), memory_mb=SMALLEST_MB)
    assert caught.value.code == "file_unreadable"
    assert "S.csv, line 2" in caught.value.message


def test_rows_of_a_plan_are_joined_a_part_at_a_time(tmp_path: Path) -> None:
    """Where all rows and the joins of one part fit in memory, nothing goes to the disk; the joins of all would not."""
    engine = Engine(tmp_path, memory_mb=440)
    try:
        engine.run(_FOUR_MILLION)
        planned.write(engine, tmp_path / "planned.parquet", has_ledger=False)
        assert [path.name for path in tmp_path.iterdir()] == ["planned.parquet"]
    finally:
        engine.close()
