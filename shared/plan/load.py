"""Loading: the lines of a file into table ``record``, cleaned on the way. Every byte of a text is accounted for.

A regular text, whose every line is one record with quotes in it, comes through ``regular.py``; this is the way for all
others.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import duckdb

from shared.errors import DropUnusable
from shared.plan import record
from shared.plan.clean import Cleaner
from shared.plan.dialect import Layout
from shared.plan.engine import Engine, listed, name, text
from shared.plan.grammar import Grammar
from shared.plan.marks import Marks, count_marks
from shared.plan.plain import STRAY_CR, NotPlain, Plain
from shared.plan.record import Extent
from shared.plan.sightings import words_of

_LINES = """read_csv({path}, columns = {{'line': 'VARCHAR'}}, header = false, auto_detect = false,
                      delim = '\x01\x02\x03\x04', quote = '', escape = '', strict_mode = true, {limits})"""
"""A line that has the four bytes of the delimiter is refused by the engine, never cut."""

_LIMITS = "max_line_size = {longest}, buffer_size = {buffer}"
_LONGEST = 4_000_000
"""Bytes of a line that the engine is always ready for."""

_TEXT_ROWS = """
SELECT form, found, bytes, CASE WHEN form IN ('ragged', 'broken') THEN {words} END AS words,
       {values}
FROM (
    SELECT *, len(parts) AS found,
           CASE WHEN line IS NULL THEN 'blank'
                WHEN len(parts) = {width} AND NOT ({width} = 1 AND {is_torn}) THEN 'row'
                WHEN parts IS NULL AND {opens} THEN error('open')
                WHEN {is_torn} THEN 'torn'
                WHEN parts IS NOT NULL THEN 'ragged'
                ELSE 'broken' END AS form
    FROM (SELECT line, coalesce(strlen(line), 0) AS bytes, {parts} AS parts FROM {lines})
)
"""

_PARQUET_ROWS = """
SELECT 'row' AS form, NULL AS found, 0 AS bytes, NULL AS words,
       {values}
FROM read_parquet({path}, binary_as_string = true)
"""

_TORN = """
SELECT min(rowid) - (SELECT min(rowid) FROM record WHERE source = $source) + 1
FROM record WHERE source = $source AND form = 'torn'
"""

_DESCRIBE = "DESCRIBE SELECT * FROM read_parquet({path}, binary_as_string = true)"


@dataclass(frozen=True)
class Text:
    """A text file and how its records are written; ``positions`` says where it has each place (0-based)."""

    plain: Plain
    layout: Layout
    positions: Mapping[str, int]

    @property
    def grammar(self) -> Grammar:
        """How its records are written."""
        return Grammar(self.layout.delimiter, self.layout.quote)

    @cached_property
    def marks(self) -> Marks:
        """Its line ends and quotes."""
        return count_marks(self.plain.path, self.layout.quote)

    @property
    def lines(self) -> str:
        """The engine's table of its lines, in order; a blank line is ``NULL``."""
        return _LINES.format(path=text(self.plain.path), limits=self.limits)

    @property
    def limits(self) -> str:
        """Options of the engine's reader: what it has to be ready for, and how much it reads at a time."""
        longest = max(_LONGEST, self.plain.longest + 1)
        return _LIMITS.format(longest=longest, buffer=2 * longest)


def load_text(engine: Engine, cleaner: Cleaner, source: int, file: Text) -> int:
    """Load a text as source number ``source``; returns the row of its first line.

    Raises ``NotPlain`` where the text has to be rewritten first, and ``DropUnusable`` where it was rewritten already.
    """
    rows = _TEXT_ROWS.format(
        values=values_of(file, cleaner.places),
        width=len(file.layout.columns),
        opens=file.grammar.opens("line"),
        is_torn=f"contains(line, {text(STRAY_CR)})" if file.plain.is_rewritten else "false",
        words=f"array_to_string({words_of('line', file.layout.delimiter + file.layout.quote)}, ' ')",
        parts=file.grammar.values("line"),
        lines=file.lines,
    )
    try:
        cleaned = cleaner.cleaned(rows, is_damaged=file.plain.is_damaged)
        first = record.insert_whole(engine, source, cleaned, partial(_is_whole, file))
    except (duckdb.InvalidInputException, duckdb.NotImplementedException) as error:
        if not file.plain.is_rewritten:
            raise NotPlain from None
        raise unreadable(file.plain.name, error) from None
    if first is not None:
        record.mark_header(engine, first, file.layout.header_lines)
        return first
    if not file.plain.is_rewritten:
        raise NotPlain
    raise DropUnusable(f"{file.plain.name} could not be read to its last byte", code="file_unreadable")


def check_line_ends(engine: Engine, source: int, file: Text) -> None:
    """``DropUnusable`` where a malformed row has a CR in it: it may be several rows, whose lines end in two ways.

    In a file of one column every row with a CR is taken for malformed.
    """
    row = engine.number(_TORN, source=source) if file.plain.is_rewritten else 0
    if row:
        raise DropUnusable(
            f"{file.plain.name}, line {row}: a CR in the middle; expected the lines of a file to end all alike",
            code="line_ends_mixed",
        )


def load_parquet(engine: Engine, cleaner: Cleaner, source: int, plain: Plain, positions: Mapping[str, int]) -> int:
    """Load a Parquet file as source number ``source``; its rows count as lines. Returns the row of the first."""
    columns = parquet_columns(engine, plain)
    found = {place: _as_text(*columns[position]) for place, position in positions.items()}
    values = listed([f"{found.get(place, 'NULL::VARCHAR')} AS {place}" for place in cleaner.places])
    rows = _PARQUET_ROWS.format(values=values, path=text(plain.path))
    try:
        return record.insert(engine, source, cleaner.cleaned(rows))
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:  # whichever it is: of a damaged file the engine may believe anything
        raise unreadable(plain.name, error) from None


def parquet_columns(engine: Engine, plain: Plain) -> list[tuple[str, str]]:
    """Names and types of a Parquet file."""
    try:
        found = engine.rows(_DESCRIBE.format(path=text(plain.path)))
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise unreadable(plain.name, error) from None
    return [(column, kind) for column, kind, *_ in found]


def values_of(file: Text, places: Sequence[str]) -> str:
    """Expressions of all places, from the ``parts`` of a record and its ``form``."""
    return listed([f"{_value(file, place)} AS {place}" for place in places])


def _value(file: Text, place: str) -> str:
    if place not in file.positions:
        return "NULL::VARCHAR"
    part = f"parts[{file.positions[place] + 1}]"
    return f"CASE WHEN form = 'row' THEN {file.grammar.unquoted(part)} END"


def _as_text(column: str, kind: str) -> str:
    """Lists become multi-select values, empty ones none; everything else is written as the engine writes it."""
    if kind.endswith("[]"):
        return f"nullif('||' || array_to_string({name(column)}::VARCHAR[], '||') || '||', '||||')"
    return f"{name(column)}::VARCHAR"


def _is_whole(file: Text, extent: Extent) -> bool:
    """Whether the lines of a text and their ends are all the bytes of the file.

    A CR that ends no line must not have been taken for one: where there are LF, each ends a line.
    """
    marks = file.marks
    ends, lines = marks.size - extent.bytes, extent.rows
    has_all_bytes = ends in {lines, lines - 1, 2 * lines, 2 * lines - 2}
    return extent.is_dense and has_all_bytes and (marks.lines == lines or not (marks.cr and marks.lf))


def unreadable(file: str, error: duckdb.Error) -> DropUnusable:
    """The engine's own words may quote the file, so only the line number is taken from them."""
    line = re.search(r"Line: (\d+)", str(error))
    where = f", line {line[1]}" if line else ""
    return DropUnusable(f"{file}{where} cannot be read: expected text in lines, or Parquet", code="file_unreadable")
