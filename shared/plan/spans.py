"""Records of several lines: a quoted value with line ends in it, told from a quote that was never closed.

Only a file with a line that leaves a quoted value open comes here. Its records are folded: each becomes one line, with
blank lines after it, so that the number of a line stays what it is in the file. Joining lines is the one place where
rows could vanish without a trace, so whatever looks like a quote gone astray stops the plan.
"""

from dataclasses import replace
from itertools import islice
from pathlib import Path

import duckdb

from shared.errors import DropUnusable
from shared.plan.engine import Engine, text
from shared.plan.load import Text, unreadable
from shared.plan.plain import FOLD, Plain, check_length

LONGEST = 10_000
"""Lines of one record; what is longer is a quote gone astray, not a value."""

_NUMBERED = "(SELECT row_number() OVER () AS number, line FROM {lines})"
"""Without an order of its own, the engine numbers lines as it reads them: in the order of the file."""

_QUOTED = """
CREATE OR REPLACE TEMP TABLE quoted AS
SELECT number, parts IS NULL AND {opens} AS opens, NOT {goes_on} AS ends, {closes} AS is_proper
FROM (SELECT number, line, {parts} AS parts FROM {numbered} WHERE contains(line, {quote}))
"""

_SPAN = """
CREATE OR REPLACE TEMP TABLE span AS
WITH counted AS (
    SELECT *, count(CASE WHEN ends THEN 1 END) OVER (ROWS UNBOUNDED PRECEDING) AS ended FROM quoted
),
target AS (
    SELECT ended, min(number) FILTER (ends) AS seam, min(number) FILTER (NOT ends) AS within
    FROM counted WHERE opens GROUP BY ended
),
linked AS (
    SELECT *, row_number() OVER (ORDER BY ended) AS turn,
           seam IS NOT NULL AND ended - 1 IS NOT DISTINCT FROM lag(ended) OVER (ORDER BY ended) AS is_linked
    FROM target
),
chained AS (
    SELECT *, max(CASE WHEN within IS NOT NULL OR NOT is_linked THEN turn END) OVER (ORDER BY ended) AS head
    FROM linked
),
met AS (
    SELECT *, is_linked AND (lag(turn - head) OVER (ORDER BY ended)) % 2 = 0 AS follows FROM chained
)
SELECT CASE WHEN follows OR seam IS NULL THEN within ELSE seam END AS start, number AS stop, is_proper
FROM met LEFT JOIN (FROM counted WHERE ends) ending ON ending.ended = met.ended + 1 WHERE (turn - head) % 2 = 0
"""
"""A span goes from a line that leaves a value open to the next line that ends one; lines within it begin nothing.

All openings after the same number of endings make one ``target``: the next ending is that of all. Its span starts with
the first of them, unless that is a ``seam``, the very line that ends the span before. A target that has nothing but a
seam is met where the one before it is not: in a chain of them, every other one.
"""

_ASTRAY = """
SELECT start, stop, is_proper FROM span WHERE stop IS NULL OR NOT is_proper OR stop - start >= {longest}
ORDER BY start LIMIT 1
"""

_SPANS = "SELECT start, stop FROM span ORDER BY start"

_MISSHAPEN = """
SELECT min(start) FROM span JOIN record ON record.rowid = {first} + start - 1
WHERE source = {source} AND form NOT IN ('row', 'header')
"""

_SWALLOWED = r"""
WITH value AS (
    SELECT number, unnest(parts) AS value, unnest(range(1, {width} + 1)) AS place
    FROM (SELECT number, {parts} AS parts FROM {numbered} WHERE number IN (SELECT start FROM span))
    WHERE len(parts) = {width}
),
lined AS (
    SELECT number, place, string_split(replace(value, {quote}, ''), {fold}) AS lines,
           len(string_split(lines[1], {delimiter})) = {width} - place + 1
               AND len(string_split(lines[-1], {delimiter})) = place AS is_seam
    FROM value WHERE contains(value, '@') AND contains(trim(value, {quote} || {fold}), {fold})
),
cut AS (
    SELECT number, place, is_seam, len(lines) AS last, unnest(range(1, len(lines) + 1)) AS inner_number,
           string_split(unnest(lines), {delimiter}) AS pieces
    FROM lined
),
email AS (
    SELECT number, pieces[CASE inner_number WHEN 1 THEN greatest({email} - place + 1, 0) ELSE {email} END] AS email
    FROM cut WHERE CASE WHEN inner_number IN (1, last) THEN is_seam ELSE len(pieces) = {width} END
)
SELECT min(number) FROM email WHERE regexp_matches(email, '^\s*[^@\s]+@[^@\s]+\.[^@\s]+\s*$')
"""
"""A value with another row in it: as an inner line, or as the end of its first and the beginning of its last line.

The latter is what is left of two rows of which one lost a closing and the other an opening quote of the same column.
"""


def fold(engine: Engine, file: Text, copy: Path, longest_line: int) -> Plain | None:
    """Make of each record of a text one line; ``None`` where each is. Leaves table ``span`` of those that had several.

    Raises ``DropUnusable`` where a quoted value is never closed or closed where no value ends, or a record is too long.
    """
    if not file.grammar.quote or not _find_spans(engine, file):
        return None
    return _folded(engine, file.plain, copy, longest_line)


def _folded(engine: Engine, plain: Plain, copy: Path, longest_line: int) -> Plain:
    longest = plain.longest
    with plain.path.open("rb") as source, copy.open("wb") as target:
        lines, at = iter(source), 0
        for start, stop in engine.stream(_SPANS):
            target.writelines(islice(lines, start - 1 - at))
            record = b"".join(islice(lines, stop - start + 1)).removesuffix(b"\n")
            longest = max(longest, len(record))
            check_length(plain.name, start, longest, longest_line)
            target.write(record.replace(b"\n", FOLD.encode()) + b"\n" * (stop - start + 1))
            at = stop
        target.writelines(lines)
    plain.path.unlink()  # it was a copy itself
    return replace(plain, path=copy, longest=longest)


def check_folded(engine: Engine, source: int, first: int, file: Text) -> None:
    """``DropUnusable`` where a folded record, loaded from row ``first`` on, is no row, or has another row within it."""
    width = len(file.layout.columns)
    if start := engine.number(_MISSHAPEN.format(first=first, source=source)):
        raise _astray(file.plain.name, start, f"leaves that row without its {width} values")
    swallowed = _SWALLOWED.format(
        width=width,
        parts=file.grammar.values("line"),
        numbered=_NUMBERED.format(lines=file.lines),
        email=file.positions["email"] + 1,
        quote=text(file.layout.quote),
        delimiter=text(file.layout.delimiter),
        fold=text(FOLD),
    )
    if start := engine.number(swallowed):
        raise _astray(file.plain.name, start, "has another row within it")


def _find_spans(engine: Engine, file: Text) -> int:
    """Make table ``span``; returns how many there are."""
    grammar = file.grammar
    quoted = _QUOTED.format(
        numbered=_NUMBERED.format(lines=file.lines),
        quote=text(grammar.quote),
        parts=grammar.values("line"),
        opens=grammar.opens("line"),
        goes_on=grammar.goes_on("line"),
        closes=grammar.closes("line"),
    )
    try:
        engine.run(quoted)
    except (duckdb.InvalidInputException, duckdb.NotImplementedException) as error:
        raise unreadable(file.plain.name, error) from None
    engine.run(_SPAN)
    engine.run("DROP TABLE quoted")
    for start, stop, is_proper in engine.rows(_ASTRAY.format(longest=LONGEST)):
        if stop is None:
            raise _astray(file.plain.name, start, "is never closed")
        if not is_proper:
            raise _astray(file.plain.name, start, f"is closed in line {stop} where no value ends")
        raise _astray(file.plain.name, start, f"is closed {stop - start} lines later")
    return engine.number("SELECT count(*) FROM span")


def _astray(file: str, line: int, what: str) -> DropUnusable:
    return DropUnusable(
        f"{file}, line {line}: a quote opened here {what}; expected a closing quote at the end of the value",
        code="quote_unclosed",
    )
