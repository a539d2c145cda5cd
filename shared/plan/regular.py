"""Regular texts: every line is one record of the right width. The engine's own CSV reader takes them.

That reader is several times as fast as taking lines apart, but it folds lines and forgives in its own ways. So nothing
it has read stays before the bytes of the file prove it; a text that is not regular is read line by line.
"""

from collections.abc import Sequence

import duckdb

from shared.plan import record
from shared.plan.clean import Cleaner
from shared.plan.engine import Engine, listed, text
from shared.plan.load import Text
from shared.plan.marks import Marks, count_marks
from shared.plan.record import Extent

_RECORDS = """read_csv({path}, columns = {columns}, header = false, auto_detect = false, strict_mode = true,
                      delim = {delimiter}, quote = {quote}, escape = {quote}, {limits})"""

_ROWS = """
SELECT 'row' AS form, {width} AS found, {bytes} AS bytes, NULL AS words,
       {values}
FROM {records}
"""


def load_regular(engine: Engine, cleaner: Cleaner, source: int, file: Text, places: Sequence[str]) -> int | None:
    """Load a text as source number ``source`` if it is regular; returns the row of its first line, or ``None``."""
    if not _may_be_regular(file):
        return None
    try:
        extent = record.insert(engine, source, cleaner.cleaned(_rows(file, places)))
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error:  # whatever it is: reading line by line meets it again, and tells what it is
        return None
    if _is_proved(file, extent, count_marks(file.plain.path, file.layout.quote)):
        record.mark_header(engine, extent.first, file.layout.header_lines)
        return extent.first
    record.remove(engine, source)
    return None


def _may_be_regular(file: Text) -> bool:
    """Whether it is worth trying. In a file of one column the reader cannot tell a blank line from an empty value."""
    layout = file.layout
    return not file.plain.is_rewritten and len(layout.columns) > 1 and (layout.delimiter + layout.quote).isascii()


def _is_proved(file: Text, extent: Extent, marks: Marks) -> bool:
    """Whether each line has become one row, and each byte that is no delimiter, quote or line end is in a value.

    The reader leaves out what lies between quotes that only spaces part (``"a" "b"``), and nothing else.
    """
    delimiters = extent.rows * (len(file.layout.columns) - 1)
    return (
        marks.cr in (0, marks.lf)
        and marks.crlf == marks.cr
        and extent.is_dense
        and extent.rows == marks.lines
        and extent.bytes + delimiters + marks.quotes + marks.lf + marks.cr == marks.size
        and not marks.has_spaced_quotes
    )


def _rows(file: Text, places: Sequence[str]) -> str:
    """Query of what :meth:`Cleaner.cleaned` asks for; ``bytes`` are those of the values but for quotes in them."""
    columns = [f"c{number}" for number in range(len(file.layout.columns))]
    found = {place: f"coalesce({columns[position]}, '')" for place, position in file.positions.items()}
    return _ROWS.format(
        width=len(columns),
        bytes=" + ".join(f"coalesce({_inner_bytes(column, file.layout.quote)}, 0)" for column in columns),
        values=listed([f"{found.get(place, 'NULL::VARCHAR')} AS {place}" for place in places]),
        records=_RECORDS.format(
            path=text(file.plain.path),
            columns="{" + ", ".join(f"'{column}': 'VARCHAR'" for column in columns) + "}",
            delimiter=text(file.layout.delimiter),
            quote=text(file.layout.quote),
            limits=file.limits,
        ),
    )


def _inner_bytes(column: str, quote: str) -> str:
    if not quote:
        return f"strlen({column})"
    bare = f"CASE WHEN contains({column}, {text(quote)}) THEN replace({column}, {text(quote)}, '') ELSE {column} END"
    return f"strlen({bare})"
