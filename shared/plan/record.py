"""Table ``record``: every physical line of every file, in order, so that the number of a line is the number of its row.

A record is a line, or several where a quoted value has line ends in it; it then lies in the row of its first line, and
the rows of the others are blank.

| column | |
|---|---|
| source, form | the number of its file, and what the line is; ``row``, ``ragged`` and ``broken`` count as rows |
| found, bytes | how many values the line has; how many of its bytes were accounted for while it was read |
| email, customer_id, previous_ids | cleaned; the email of a reject is what the drop has in its place |
| first_name, …, field_0, … | what is sent of a person beside the email, as it stands in the JSON |
| words | of a malformed line, those that may tell a person |
| code | of the reject, ``NULL`` where the row can travel |
| filled | how many values a person has |
| hash, size | of what is sent, and of its JSON in bytes |
| …_misfit | whether the value of that custom field was left out |
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.plan.engine import Engine

_CREATE = """
CREATE TYPE form AS ENUM ('row', 'ragged', 'broken', 'torn', 'header', 'blank');
CREATE TYPE code AS ENUM ('row_malformed', 'encoding_invalid', 'email_missing', 'email_invalid', 'value_too_long');
CREATE TABLE record (
    source USMALLINT, form form, found UINTEGER, bytes UINTEGER,
    {values}, words VARCHAR,
    code code, filled UTINYINT, hash UUID, size UINTEGER {misfits}
);
CREATE TABLE source (id USMALLINT, segment USMALLINT, name VARCHAR, first BIGINT)
"""

_INSERT = "INSERT INTO record SELECT {source}, * FROM ({cleaned})"

_EXTENT = """
SELECT count(*), coalesce(max(rowid) - min(rowid) + 1, 0) = count(*), coalesce(sum(bytes), 0)
FROM record WHERE source = $source
"""

_FIRST = "SELECT coalesce(min(rowid), 0) FROM record WHERE source = $source"

_MARK_HEADER = """
UPDATE record SET form = 'header', code = NULL, words = NULL WHERE rowid >= $first AND rowid < $first + $lines
"""


@dataclass(frozen=True)
class Extent:
    """How many rows a source has, whether they lie without a gap, and the sum of their ``bytes``."""

    rows: int
    is_dense: bool
    bytes: int


def create(engine: Engine, values: Sequence[str], misfits: Sequence[str]) -> None:
    """Make the table, with those columns for values and misfits, and table ``source`` of the files."""
    columns = {
        "values": ", ".join(f"{value} VARCHAR" for value in values),
        "misfits": "".join(f", {misfit} BOOLEAN" for misfit in misfits),
    }
    engine.run(_CREATE.format(**columns))


def add_source(engine: Engine, segment: int, name: str, first: int) -> None:
    """Note a file: its ``segment`` counts in the order of the export, its first line lies in row ``first``."""
    statement = "INSERT INTO source SELECT count(*), $segment, $name, $first FROM source"
    engine.run(statement, segment=segment, name=name, first=first)


def insert(engine: Engine, source: int, cleaned: str) -> int:
    """Insert the rows of a source, as the cleaner gives them; returns the first."""
    engine.run(_INSERT.format(source=source, cleaned=cleaned))
    return engine.number(_FIRST, source=source)


def insert_whole(engine: Engine, source: int, cleaned: str, is_whole: Callable[[Extent], bool]) -> int | None:
    """The same where that is the whole source; if not, nothing has happened, and ``None`` is returned."""
    engine.run("BEGIN")
    try:
        engine.run(_INSERT.format(source=source, cleaned=cleaned))
        ((rows, is_dense, size),) = engine.rows(_EXTENT, source=source)
        is_kept = is_whole(Extent(rows, is_dense, size))
    except Exception:
        engine.run("ROLLBACK")
        raise
    engine.run("COMMIT" if is_kept else "ROLLBACK")  # rows that are deleted instead go on taking up memory
    return engine.number(_FIRST, source=source) if is_kept else None


def mark_header(engine: Engine, first: int, lines: int) -> None:
    """Say that so many rows from ``first`` on are the header."""
    engine.run(_MARK_HEADER, first=first, lines=lines)
