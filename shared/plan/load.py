"""Loading: every physical line of a file becomes one row of table ``record``, so that a line number is a row number.

A record is a line, or several where a quoted value has line ends in it (``spans.py``); it then lies in the row of its
first line. What is no record is kept with its line, to be rejected. Every byte of a text is accounted for.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from shared.errors import DropUnusable
from shared.plan.dialect import Layout
from shared.plan.engine import Engine, listed, name, text
from shared.plan.grammar import Grammar
from shared.plan.plain import LONGEST_LINE, STRAY_CR, NotPlain, Plain

_RECORD = """
CREATE TYPE form AS ENUM ('row', 'header', 'blank', 'ragged', 'open', 'broken', 'inside');
CREATE TABLE record (source USMALLINT, form form, found UINTEGER, bytes UINTEGER, raw VARCHAR, {places})
"""
"""``found`` counts values, ``bytes`` measures the line without its end, ``raw`` is the start of what is no record."""

KEPT = 20_000
"""Characters of ``raw``."""

_LINES = """read_csv({path}, columns = {{'line': 'VARCHAR'}}, header = false, auto_detect = false,
                      delim = '\x01\x02\x03\x04', quote = '', escape = '', strict_mode = true, {limits})"""
"""A line that has the four bytes of the delimiter is refused by the engine, never cut."""

_SWIFTLY = "max_line_size = 4000000, buffer_size = 8000000"
_CAREFULLY = f"max_line_size = {LONGEST_LINE}, buffer_size = {2 * LONGEST_LINE}, parallel = false"

_LOAD_TEXT = """
INSERT INTO record
SELECT {source}, form, found, bytes, CASE WHEN form NOT IN ('row', 'blank') THEN left(line, {kept}) END,
       {values}
FROM (
    SELECT *, len(parts) AS found,
           CASE WHEN line IS NULL THEN 'blank'
                WHEN len(parts) = {width} THEN 'row'
                WHEN parts IS NOT NULL THEN 'ragged'
                WHEN {opens} THEN 'open'
                ELSE 'broken' END AS form
    FROM (SELECT line, coalesce(strlen(line), 0) AS bytes, {parts} AS parts FROM {lines})
)
"""

_LOAD_PARQUET = """
INSERT INTO record
SELECT {source}, 'row', NULL, 0, NULL,
       {values}
FROM read_parquet({path}, binary_as_string = true)
"""

_STRAY = """
SELECT min(rowid) - (SELECT min(rowid) FROM record WHERE source = $source) + 1
FROM record WHERE source = $source AND raw IS NOT NULL AND contains(raw, $stray)
"""

_FIRST = "SELECT min(rowid) FROM record WHERE source = {source}"

_DESCRIBE = "DESCRIBE SELECT * FROM read_parquet({path}, binary_as_string = true)"

_EXTENT = """
SELECT coalesce(min(rowid), 0), count(*), coalesce(max(rowid) - min(rowid) + 1, 0), coalesce(sum(bytes), 0)
FROM record WHERE source = {source}
"""

_MARK_HEADER = "UPDATE record SET form = 'header', raw = NULL WHERE rowid >= {first} AND rowid < {first} + {rows}"

_BOM_BYTES = 3


@dataclass(frozen=True)
class Text:
    """A text file and how its records are written; ``positions`` says where it has each place (0-based)."""

    plain: Plain
    layout: Layout
    positions: Mapping[str, int]
    is_rewritten: bool

    @property
    def grammar(self) -> Grammar:
        """How its records are written."""
        return Grammar(self.layout.delimiter, self.layout.quote)

    @property
    def lines(self) -> str:
        """The engine's table of its lines, in order; a blank line is ``NULL``."""
        return _LINES.format(path=text(self.plain.path), limits=_CAREFULLY if self.is_rewritten else _SWIFTLY)


def create_record(engine: Engine, places: Sequence[str]) -> None:
    """Make table ``record`` with those columns for values."""
    engine.run(_RECORD.format(places=", ".join(f"{place} VARCHAR" for place in places)))


def load_text(engine: Engine, source: int, file: Text, places: Sequence[str]) -> int:
    """Load a text as source number ``source``; returns the row of its first line.

    Raises ``NotPlain`` where the text has to be rewritten first, and ``DropUnusable`` where it was rewritten already.
    """
    statement = _LOAD_TEXT.format(
        source=source,
        kept=KEPT,
        values=listed([value_of(file, place) for place in places]),
        width=len(file.layout.columns),
        opens=file.grammar.opens("line"),
        parts=file.grammar.values("line"),
        lines=file.lines,
    )
    try:
        engine.run(statement)
    except (duckdb.InvalidInputException, duckdb.NotImplementedException) as error:
        if not file.is_rewritten:
            raise NotPlain from None
        raise _unreadable(file.plain.name, error) from None
    first, is_whole = _extent(engine, source, file.plain.path)
    if is_whole:
        engine.run(_MARK_HEADER.format(first=first, rows=file.layout.header_lines))
        return first
    engine.run("DELETE FROM record WHERE source = $source", source=source)
    if not file.is_rewritten:
        raise NotPlain
    raise DropUnusable(f"{file.plain.name} could not be read to its last byte", code="file_unreadable")


def check_line_ends(engine: Engine, source: int, file: Text) -> None:
    """``DropUnusable`` where a malformed row has a CR in it: it may be several rows, whose lines end in two ways."""
    row = engine.number(_STRAY, source=source, stray=STRAY_CR) if file.is_rewritten else 0
    if row:
        raise DropUnusable(
            f"{file.plain.name}, line {row}: a CR in the middle; expected the lines of a file to end all alike",
            code="line_ends_mixed",
        )


def load_parquet(engine: Engine, source: int, plain: Plain, positions: Mapping[str, int], places: Sequence[str]) -> int:
    """Load a Parquet file as source number ``source``; its rows count as lines. Returns the row of the first."""
    columns = parquet_columns(engine, plain)
    values = {place: _as_text(*columns[position]) for place, position in positions.items()}
    statement = _LOAD_PARQUET.format(
        source=source, values=listed([values.get(place, "NULL") for place in places]), path=text(plain.path)
    )
    try:
        engine.run(statement)
    except (duckdb.InvalidInputException, duckdb.IOException) as error:
        raise _unreadable(plain.name, error) from None
    return engine.number(_FIRST.format(source=source))


def parquet_columns(engine: Engine, plain: Plain) -> list[tuple[str, str]]:
    """Names and types of a Parquet file."""
    try:
        found = engine.rows(_DESCRIBE.format(path=text(plain.path)))
    except (duckdb.InvalidInputException, duckdb.IOException) as error:
        raise _unreadable(plain.name, error) from None
    return [(column, kind) for column, kind, *_ in found]


def value_of(file: Text, place: str) -> str:
    """Expression of what goes into a place, from the ``parts`` of a record and its ``form``."""
    if place not in file.positions:
        return "NULL"
    part = f"parts[{file.positions[place] + 1}]"
    return f"CASE WHEN form = 'row' THEN {file.grammar.unquoted(part)} END"


def _as_text(column: str, kind: str) -> str:
    """Lists become multi-select values; everything else is written as the engine writes it."""
    if kind.endswith("[]"):
        return f"'||' || array_to_string({name(column)}::VARCHAR[], '||') || '||'"
    return f"{name(column)}::VARCHAR"


def _extent(engine: Engine, source: int, path: Path) -> tuple[int, bool]:
    """The row of the first line of a text, and whether its lines and their ends are all the bytes of the file."""
    ((first, count, span, size),) = engine.rows(_EXTENT.format(source=source))
    with path.open("rb") as file:
        bom = _BOM_BYTES if file.read(_BOM_BYTES) == b"\xef\xbb\xbf" else 0
    ends = path.stat().st_size - bom - size
    return first, span == count and ends in {count, count - 1, 2 * count, 2 * count - 2}


def _unreadable(file: str, error: duckdb.Error) -> DropUnusable:
    """The engine's own words may quote the file, so only the line number is taken from them."""
    line = re.search(r"Line: (\d+)", str(error))
    where = f", line {line[1]}" if line else ""
    return DropUnusable(f"{file}{where} cannot be read: expected text in lines, or Parquet", code="file_unreadable")
