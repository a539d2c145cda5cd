"""Regular texts: values are quoted, and every line is one record of the right width.

Taking lines apart is slow where quotes are in them. The engine's own CSV reader is not, but it folds lines and forgives
in its own ways. So nothing it has read stays before the bytes of the file prove it; other texts are read by lines.
"""

from collections.abc import Sequence
from functools import partial

import duckdb

from shared.plan import record
from shared.plan.clean import Cleaner
from shared.plan.engine import Engine, listed, text
from shared.plan.load import Text
from shared.plan.record import Extent

_RECORDS = """read_csv({path}, columns = {columns}, header = false, auto_detect = false, strict_mode = true,
                      delim = {delimiter}, quote = {quote}, escape = {quote}, {limits})"""

_ROWS = """
SELECT 'row' AS form, {width} AS found, {bytes} AS bytes, NULL AS words,
       {values}
FROM (SELECT *, concat({columns}) AS line FROM {records})
"""


_MOST_COLUMNS = 64
"""Beyond that many, lines are taken apart as fast, with less memory."""


def load_regular(engine: Engine, cleaner: Cleaner, source: int, file: Text) -> int | None:
    """Load a text as source number ``source`` if it is regular; returns the row of its first line, or ``None``."""
    if not _may_be_regular(file):
        return None
    try:
        first = record.insert_whole(
            engine, source, cleaner.cleaned(_rows(file, cleaner.places)), partial(_is_proved, file)
        )
    except duckdb.Error:  # whatever it is: reading line by line meets it again, and tells what it is
        return None
    if first is not None:
        record.mark_header(engine, first, file.layout.header_lines)
    return first


def _may_be_regular(file: Text) -> bool:
    """Whether it is worth trying: half of the lines have a quoted value, and nothing speaks against it yet.

    In a text of one column the reader cannot tell a blank line from an empty value. It takes ``"a" "b"`` for one value
    without the quotes between, so that quotes with nothing but spaces between them are not for it; nor are quotes that
    are spaces, since it cuts them off.
    """
    layout, marks = file.layout, file.marks
    return (
        not file.plain.is_rewritten
        and 1 < len(layout.columns) <= _MOST_COLUMNS
        and (layout.delimiter + layout.quote).isascii()
        and layout.quote not in ("", " ")
        and marks.quotes >= marks.lines
        and not marks.has_spaced_quotes
        and marks.cr == marks.crlf
        and marks.cr in (0, marks.lf)
    )


def _is_proved(file: Text, extent: Extent) -> bool:
    """Whether each line has become one row, and each byte that is no delimiter, quote or line end is in a value."""
    marks = file.marks
    delimiters = extent.rows * (len(file.layout.columns) - 1)
    return (
        extent.is_dense
        and extent.rows == marks.lines
        and extent.bytes + delimiters + marks.quotes + marks.lf + marks.cr == marks.size
    )


def _rows(file: Text, places: Sequence[str]) -> str:
    """Query of what :meth:`Cleaner.cleaned` asks for; ``bytes`` are those of the values but for quotes in them."""
    quote = text(file.layout.quote)
    columns = [f"c{number}" for number in range(len(file.layout.columns))]
    found = {place: f"coalesce({columns[position]}, '')" for place, position in file.positions.items()}
    return _ROWS.format(
        width=len(columns),
        bytes=f"strlen(CASE WHEN contains(line, {quote}) THEN replace(line, {quote}, '') ELSE line END)",
        values=listed([f"{found.get(place, 'NULL::VARCHAR')} AS {place}" for place in places]),
        columns=", ".join(columns),
        records=_RECORDS.format(
            path=text(file.plain.path),
            columns="{" + ", ".join(f"'{column}': 'VARCHAR'" for column in columns) + "}",
            delimiter=text(file.layout.delimiter),
            quote=quote,
            limits=file.limits,
        ),
    )
