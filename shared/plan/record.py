"""Table ``record``: every physical line of every file, in order, so that the number of a line is the number of its row.

A record is a line, or several where a quoted value has line ends in it; it then lies in the row of its first line, and
the rows of the others are blank.

| column | |
|---|---|
| source, form | the number of its file, and what the line is; ``row``, ``ragged`` and ``broken`` count as rows |
| found, bytes | how many values the line has; how many of its bytes were accounted for while it was read |
| email, customer_id, previous_ids | cleaned; the email of a reject is what the drop has in its place |
| details | what is sent of a person beside the email; of a malformed line the words that may tell a person |
| code | of the reject, ``NULL`` where the row can travel |
| filled | how many values a person has |
| hash, size | of the JSON that is sent |
| …_misfit | whether the value of that custom field was left out |
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.plan.engine import Engine

_CREATE = """
CREATE TYPE form AS ENUM ('row', 'ragged', 'broken', 'torn', 'header', 'blank');
CREATE TYPE code AS ENUM ('row_malformed', 'encoding_invalid', 'email_missing', 'email_invalid', 'value_too_long');
CREATE TABLE record (
    source USMALLINT, form form, found UINTEGER, bytes UINTEGER,
    email VARCHAR, customer_id VARCHAR, previous_ids VARCHAR, details VARCHAR,
    code code, filled UTINYINT, hash UUID, size UINTEGER {misfits}
);
CREATE TABLE source (id USMALLINT, segment USMALLINT, name VARCHAR, first BIGINT)
"""

_INSERT = "INSERT INTO record SELECT {source}, * FROM ({cleaned})"

_EXTENT = """
SELECT coalesce(min(rowid), 0), count(*), coalesce(max(rowid) - min(rowid) + 1, 0) = count(*), coalesce(sum(bytes), 0)
FROM record WHERE source = $source
"""

_MARK_HEADER = """
UPDATE record SET form = 'header', code = NULL, details = NULL WHERE rowid >= $first AND rowid < $first + $lines
"""


@dataclass(frozen=True)
class Extent:
    """Where the rows of a source lie: from row ``first`` on, ``rows`` of them, without a gap if ``is_dense``."""

    first: int
    rows: int
    is_dense: bool
    bytes: int


def create(engine: Engine, misfits: Sequence[str]) -> None:
    """Make the table, with those columns for misfits, and table ``source`` of the files."""
    engine.run(_CREATE.format(misfits="".join(f", {misfit} BOOLEAN" for misfit in misfits)))


def add_source(engine: Engine, segment: int, name: str, first: int) -> None:
    """Note a file: its ``segment`` counts in the order of the export, its first line lies in row ``first``."""
    statement = "INSERT INTO source SELECT count(*), $segment, $name, $first FROM source"
    engine.run(statement, segment=segment, name=name, first=first)


def insert(engine: Engine, source: int, cleaned: str) -> Extent:
    """Insert the rows of a source, as the cleaner gives them."""
    engine.run(_INSERT.format(source=source, cleaned=cleaned))
    ((first, rows, is_dense, size),) = engine.rows(_EXTENT, source=source)
    return Extent(first, rows, is_dense, size)


def remove(engine: Engine, source: int) -> None:
    """Take the rows of a source out again."""
    engine.run("DELETE FROM record WHERE source = $source", source=source)


def mark_header(engine: Engine, first: int, lines: int) -> None:
    """Say that so many rows from ``first`` on are the header."""
    engine.run(_MARK_HEADER, first=first, lines=lines)
