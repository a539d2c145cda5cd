"""Records of several lines: a quoted value with line ends in it, told from a quote that was never closed.

Only a file with lines that open a quoted value and leave it open comes here. Joining lines is the one place where rows
could vanish without a trace, so whatever looks like a quote gone astray stops the plan.
"""

from collections.abc import Iterable, Sequence

from shared.errors import DropUnusable
from shared.plan.clean import Cleaner
from shared.plan.engine import Engine, text
from shared.plan.load import Text, values_of
from shared.plan.record import CLEANED

LONGEST = 10_000
"""Lines of one record; what is longer is a quote gone astray, not a value."""

_NUMBERED = "(SELECT row_number() OVER () AS number, line FROM {lines})"
"""Without an order of its own, the engine numbers lines as it reads them: in the order of the file."""

_OPENING = """
CREATE OR REPLACE TEMP TABLE opening AS
SELECT rowid - {first} + 1 AS number FROM record
WHERE source = {source} AND form = 'open'
"""

_ENDING = """
CREATE OR REPLACE TEMP TABLE ending AS
SELECT number, {closes} AS is_proper FROM {numbered} WHERE contains(line, {quote}) AND NOT {goes_on}
"""

_PAIRS = """
SELECT opening.number, ending.number, ending.is_proper
FROM opening ASOF LEFT JOIN ending ON opening.number < ending.number
ORDER BY opening.number
"""

_PART = """
CREATE OR REPLACE TEMP TABLE part AS
SELECT start, stop, number, coalesce(line, '') AS line
FROM {numbered}
JOIN (SELECT start, stop, unnest(range(start, stop + 1)) AS number
      FROM (SELECT unnest($starts) AS start, unnest($stops) AS stop)) USING (number)
"""

_JOINED = """
CREATE OR REPLACE TEMP TABLE joined AS
SELECT start, {parts} AS parts, 'row' AS form
FROM (SELECT start, string_agg(line, chr(10) ORDER BY number) AS line FROM part GROUP BY start)
"""

_MISSHAPEN = "SELECT min(start) FROM joined WHERE len(parts) IS DISTINCT FROM {width}"

_SWALLOWED = r"""
WITH value AS (
    SELECT start, unnest(parts) AS value, unnest(range(1, {width} + 1)) AS place FROM joined
),
lined AS (
    SELECT start, place, string_split(replace(value, {quote}, ''), chr(10)) AS lines,
           len(string_split(lines[1], {delimiter})) = {width} - place + 1
               AND len(string_split(lines[-1], {delimiter})) = place AS is_seam
    FROM value WHERE contains(trim(value, {quote} || chr(10)), chr(10))
),
cut AS (
    SELECT start, place, is_seam, len(lines) AS last, unnest(range(1, len(lines) + 1)) AS number,
           string_split(unnest(lines), {delimiter}) AS pieces
    FROM lined
),
email AS (
    SELECT start, pieces[CASE number WHEN 1 THEN greatest({email} - place + 1, 0) ELSE {email} END] AS email
    FROM cut WHERE CASE WHEN number IN (1, last) THEN is_seam ELSE len(pieces) = {width} END
)
SELECT min(start) FROM email WHERE regexp_matches(email, '^\s*[^@\s]+@[^@\s]+\.[^@\s]+\s*$')
"""
"""A value with another row in it: as an inner line, or as the end of its first and the beginning of its last line.

The latter is what is left of two rows of which one lost a closing and the other an opening quote of the same column.
"""

_JOINED_ROWS = "SELECT start, form, {width} AS found, 0 AS bytes, NULL AS line, {values} FROM joined"

_PUT_FIRST = "UPDATE record SET {columns} FROM ({cleaned}) whole WHERE record.rowid = {first} + whole.start - 1"

_PUT_REST = """
UPDATE record SET form = 'inside', code = NULL, details = NULL
FROM (SELECT number FROM part WHERE number > start) rest WHERE record.rowid = {first} + rest.number - 1
"""


def join_lines(engine: Engine, cleaner: Cleaner, source: int, first: int, file: Text, places: Sequence[str]) -> None:
    """Join the lines of one loaded text whose records have several; ``first`` is the row of its first line.

    Raises ``DropUnusable`` where a quoted value is never closed, or closed where another row begins.
    """
    engine.run(_OPENING.format(source=source, first=first))
    if not engine.number("SELECT count(*) FROM opening"):
        return
    numbered = _NUMBERED.format(lines=file.lines)
    engine.run(
        _ENDING.format(
            numbered=numbered,
            quote=text(file.grammar.quote),
            closes=file.grammar.closes("line"),
            goes_on=file.grammar.goes_on("line"),
        )
    )
    spans = find_spans(file.plain.name, engine.rows(_PAIRS))
    _join(engine, cleaner, first, file, places, numbered, spans)


def find_spans(file: str, pairs: Iterable[tuple[int, int | None, bool | None]]) -> list[tuple[int, int]]:
    """First and last line of each record of several lines, in order.

    ``pairs`` holds, for every line that leaves a quoted value open if read on its own: its number, the next line in
    which such a value ends, and whether it ends properly there. Lines within an earlier record begin nothing.
    """
    spans: list[tuple[int, int]] = []
    last = 0
    for start, stop, is_proper in pairs:
        if start <= last:
            continue
        if stop is None:
            raise _astray(file, start, "is never closed")
        if not is_proper:
            raise _astray(file, start, f"is closed in line {stop} where no value ends")
        if stop - start >= LONGEST:
            raise _astray(file, start, f"is closed {stop - start} lines later")
        spans.append((start, stop))
        last = stop
    return spans


def _join(
    engine: Engine,
    cleaner: Cleaner,
    first: int,
    file: Text,
    places: Sequence[str],
    numbered: str,
    spans: Sequence[tuple[int, int]],
) -> None:
    width = len(file.layout.columns)
    starts, stops = [start for start, _ in spans], [stop for _, stop in spans]
    engine.run(_PART.format(numbered=numbered), starts=starts, stops=stops)
    engine.run(_JOINED.format(parts=file.grammar.values("line")))
    if misshapen := engine.number(_MISSHAPEN.format(width=width)):
        raise _astray(file.plain.name, misshapen, f"leaves that row without its {width} values")
    swallowed = _SWALLOWED.format(
        width=width,
        email=file.positions["email"] + 1,
        quote=text(file.layout.quote),
        delimiter=text(file.layout.delimiter),
    )
    if start := engine.number(swallowed):
        raise _astray(file.plain.name, start, "has another row within it")
    rows = _JOINED_ROWS.format(width=width, values=values_of(file, places))
    columns = ("form", "found", *CLEANED, *cleaner.misfits)
    engine.run(
        _PUT_FIRST.format(
            columns=", ".join(f"{column} = whole.{column}" for column in columns),
            cleaned=cleaner.cleaned(rows, is_damaged=file.plain.is_damaged, carried="start"),
            first=first,
        )
    )
    engine.run(_PUT_REST.format(first=first))


def _astray(file: str, line: int, what: str) -> DropUnusable:
    return DropUnusable(
        f"{file}, line {line}: a quote opened here {what}; expected a closing quote at the end of the value",
        code="quote_unclosed",
    )
