"""Batches: who travels in which import, and the claim-check file with one import per line, ready to post."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from shared.documents import Automations, BatchEntry
from shared.plan import contact
from shared.plan.engine import Engine
from shared.plan.limits import CLOSING, CLOSING_QUIET, MOST_CONTACT_BYTES, MOST_CONTACTS, OPENING
from shared.plan.shapes import Job

_STRETCH = 100
"""Batches that are written at a time: at most 40 MB of text."""

_TRAVELLER = """
CREATE TABLE traveller AS
SELECT convoy, kind, place, bytes FROM (
    SELECT {convoy} AS convoy, kind, place, bytes FROM fate WHERE kind IN ('joiner', 'changed')
    UNION ALL
    SELECT {convoy} AS convoy, kind, rowid AS place, strlen({leaver}) AS bytes FROM absent
    WHERE kind = 'leaver' AND {leavers_travel}
) ORDER BY convoy, CASE kind WHEN 'joiner' THEN 0 WHEN 'changed' THEN 1 ELSE 2 END, place
"""

_SEATED = """
CREATE TABLE seated AS
SELECT kind, place, batch, position
FROM traveller POSITIONAL JOIN (
    SELECT batch, unnest(range(contacts)) AS position
    FROM (SELECT unnest(range(len($contacts::BIGINT[]))) AS batch, unnest($contacts::BIGINT[]) AS contacts)
)
"""

_CONTACTS = """
SELECT batch, encode(string_agg(json, ',' ORDER BY position)) FROM (
    SELECT batch, position, {member} AS json
    FROM seated JOIN person USING (place)
    WHERE kind <> 'leaver' AND seated.rowid BETWEEN $first AND $last
    UNION ALL
    SELECT batch, position, {leaver} AS json
    FROM seated JOIN absent ON seated.place = absent.rowid
    WHERE seated.kind = 'leaver' AND seated.rowid BETWEEN $first AND $last
) GROUP BY batch ORDER BY batch
"""


@dataclass(frozen=True)
class Convoy:
    """Contacts whose imports are alike: ``closing`` is how the bodies end, ``batches`` how many contacts each has."""

    closing: str
    batches: list[int]


def seat(engine: Engine, job: Job) -> list[Convoy]:
    """Make table ``seated``: ``batch`` and ``position`` (both 0-based) of every contact that travels.

    A member's ``place`` is its row in ``record``, a leaver's its row in ``absent``. Joiners come first, then changed
    members, then leavers; where automations run, joiners have batches of their own.
    """
    leaver = contact.leaver(job)
    engine.run(
        _TRAVELLER.format(
            convoy="0" if job.export.automations is Automations.OFF else "CASE kind WHEN 'joiner' THEN 0 ELSE 1 END",
            leaver=leaver or "''",
            leavers_travel="true" if leaver else "false",
        )
    )
    convoys = [
        Convoy(closing, pack(_sizes(engine, number))) for number, closing in enumerate(closings(job.export.automations))
    ]
    engine.run(_SEATED, contacts=[contacts for convoy in convoys for contacts in convoy.batches])
    return convoys


def closings(automations: Automations) -> tuple[str, ...]:
    """How the bodies of each convoy end."""
    return {
        Automations.OFF: (CLOSING_QUIET,),
        Automations.JOINERS: (CLOSING, CLOSING_QUIET),
        Automations.ALL: (CLOSING, CLOSING),
    }[automations]


def pack(sizes: Sequence[int], most_contacts: int = MOST_CONTACTS, most_bytes: int = MOST_CONTACT_BYTES) -> list[int]:
    """How many contacts go into each batch, in order; ``sizes`` are theirs in bytes, each at most ``most_bytes``.

    Greedy, so that no other way takes fewer batches. The last batch gets a second contact from the one before it where
    there is room, since imports of exactly one contact have a lower limit.
    """
    ends = list(accumulate(size + 1 for size in sizes))
    batches: list[int] = []
    start = used = 0
    while start < len(ends):
        stop = min(start + most_contacts, bisect_right(ends, used + most_bytes + 1))
        batches.append(stop - start)
        start, used = stop, ends[stop - 1]
    if len(batches) > 1 and batches[-1] == 1 and batches[-2] > 2 and sizes[-2] + sizes[-1] + 1 <= most_bytes:
        batches[-2:] = [batches[-2] - 1, 2]
    return batches


def write(engine: Engine, job: Job, convoys: Sequence[Convoy], path: Path) -> list[BatchEntry]:
    """Write one import per line; returns where each lies, without its line end."""
    closing = [convoy.closing for convoy in convoys for _ in convoy.batches]
    contacts = [count for convoy in convoys for count in convoy.batches]
    query = _CONTACTS.format(member=contact.member(job), leaver=contact.leaver(job) or "''")
    entries: list[BatchEntry] = []
    offset = 0
    with path.open("wb") as file:
        for batch, body in _bodies(engine, query, contacts):
            line = b"".join((OPENING.encode(), body, closing[batch].encode()))
            file.write(line)
            file.write(b"\n")
            entries.append(BatchEntry(offset=offset, length=len(line), contacts=contacts[batch]))
            offset += len(line) + 1
    return entries


def _bodies(engine: Engine, query: str, contacts: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """The contacts of each batch, in order."""
    first = 0
    for start in range(0, len(contacts), _STRETCH):
        last = first + sum(contacts[start : start + _STRETCH]) - 1
        yield from engine.rows(query, first=first, last=last)
        first = last + 1


def _sizes(engine: Engine, convoy: int) -> Sequence[int]:
    return engine.numbers("SELECT bytes FROM traveller WHERE convoy = $convoy ORDER BY rowid", convoy=convoy)
