"""Batches: who travels in which import, and the claim-check file with one import per line, ready to post."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.documents import Automations, BatchEntry, LeaverAction
from shared.errors import CourierError
from shared.plan.engine import Engine
from shared.plan.limits import CLOSING, CLOSING_QUIET, MOST_BYTES, MOST_CONTACT_BYTES, MOST_CONTACTS, OPENING
from shared.plan.shapes import Job

_STRETCH = 1000
"""Most batches whose contacts are taken from the engine at a time: what is sorted at once stays small."""

_SHARE = 8
"""That part of the engine's memory is what they may take, since the engine holds them more than once."""

_TRAVELLER = """
CREATE TABLE traveller AS
SELECT {convoy} AS convoy, kind, place, size FROM (
    SELECT kind, place, size FROM fate WHERE kind IN ('joiner', 'changed')
    UNION ALL
    SELECT kind, rowid AS place, strlen(leaver_json(email)) AS size
    FROM absent WHERE kind = 'leaver' AND {leavers_travel}
) ORDER BY convoy, kind, place
"""

_CONVOY = "SELECT count(*), coalesce(max(size), 0) FROM traveller WHERE convoy = $convoy"

_SIZES = "SELECT size FROM traveller WHERE convoy = $convoy ORDER BY rowid"

_SEAT = """
CREATE TABLE seat AS
SELECT kind, place, batch, position
FROM traveller POSITIONAL JOIN (
    SELECT batch, unnest(range(contacts))::USMALLINT AS position
    FROM (SELECT unnest(range(len($contacts::BIGINT[])))::UINTEGER AS batch, unnest($contacts::BIGINT[]) AS contacts)
)
"""

_PLACES = """
SELECT coalesce(min(place), 0), coalesce(max(place), 0) FROM seat
WHERE kind <> 'leaver' AND rowid BETWEEN $first AND $last
"""

_CONTACTS = """
SELECT encode(json) FROM (
    SELECT seat.rowid AS number, member_json(email, details) AS json
    FROM seat JOIN record ON seat.place = record.rowid
    WHERE kind <> 'leaver' AND seat.rowid BETWEEN {first} AND {last} AND record.rowid BETWEEN {lowest} AND {highest}
    UNION ALL
    SELECT seat.rowid AS number, leaver_json(email) AS json
    FROM seat JOIN absent ON seat.place = absent.rowid
    WHERE seat.kind = 'leaver' AND seat.rowid BETWEEN {first} AND {last}
) ORDER BY number
"""


@dataclass(frozen=True)
class Convoy:
    """Contacts whose imports are alike: ``closing`` is how the bodies end, ``batches`` how many contacts each has.

    No batch has more than ``most_bytes``.
    """

    closing: str
    batches: list[int]
    most_bytes: int


Stretch = Sequence[tuple[str, int]]
"""Batches in a row, each with how its body ends and how many contacts it has."""


def seat(engine: Engine, job: Job) -> list[Convoy]:
    """Make table ``seat``: ``batch`` and ``position`` (both 0-based) of every contact that travels.

    A member's ``place`` is its row in ``record``, a leaver's its row in ``absent``. Joiners come first, then changed
    members, then leavers; where automations run, joiners have batches of their own.
    """
    automations = job.export.automations
    engine.run(
        _TRAVELLER.format(
            convoy="0" if automations is Automations.OFF else "(kind <> 'joiner')::UTINYINT",
            leavers_travel="false" if job.export.leavers.action is LeaverAction.KEEP else "true",
        )
    )
    convoys = [_pack_convoy(engine, number, closing) for number, closing in enumerate(closings(automations))]
    engine.run(_SEAT, contacts=[contacts for convoy in convoys for contacts in convoy.batches])
    engine.run("DROP TABLE traveller")
    return convoys


def closings(automations: Automations) -> tuple[str, ...]:
    """How the bodies of each convoy end."""
    return {
        Automations.OFF: (CLOSING_QUIET,),
        Automations.JOINERS: (CLOSING, CLOSING_QUIET),
        Automations.ALL: (CLOSING, CLOSING),
    }[automations]


def pack(sizes: Iterable[int], most_contacts: int = MOST_CONTACTS, most_bytes: int = MOST_CONTACT_BYTES) -> list[int]:
    """How many contacts go into each batch, in order; ``sizes`` are theirs in bytes, each at most ``most_bytes``.

    Greedy, so that no other way takes fewer batches. The last batch gets a second contact from the one before it where
    there is room, since imports of exactly one contact have a lower limit.
    """
    batches: list[int] = []
    contacts = used = last = before = 0
    for size in sizes:
        if contacts == most_contacts or used + size > most_bytes:
            batches.append(contacts)
            contacts = used = 0
        contacts += 1
        used += size + 1
        before, last = last, size
    return with_company([*batches, contacts] if contacts else batches, has_room=before + last + 1 <= most_bytes)


def pack_evenly(contacts: int, most_contacts: int = MOST_CONTACTS) -> list[int]:
    """What :func:`pack` comes to where bytes do not matter."""
    full, rest = divmod(contacts, most_contacts)
    return with_company([most_contacts] * full + [rest] * bool(rest), has_room=True)


def with_company(batches: list[int], *, has_room: bool) -> list[int]:
    """The same contacts, the last of them not alone if there is room for the one before it."""
    if has_room and len(batches) > 1 and batches[-1] == 1 and batches[-2] > 2:
        return [*batches[:-2], batches[-2] - 1, 2]
    return batches


def write(engine: Engine, convoys: Sequence[Convoy], path: Path) -> list[BatchEntry]:
    """Write one import per line; returns where each lies, without its line end."""
    entries: list[BatchEntry] = []
    offset = 0
    with path.open("wb") as file:
        for closing, contacts in _filled(engine, convoys):
            body = b"".join((OPENING.encode(), b",".join(contacts), closing.encode()))
            file.write(body)
            file.write(b"\n")
            entries.append(BatchEntry(offset=offset, length=len(body), contacts=len(contacts)))
            offset += len(body) + 1
    return entries


def _filled(engine: Engine, convoys: Sequence[Convoy]) -> Iterator[tuple[str, list[bytes]]]:
    """How the body of each batch ends, and the text of its contacts."""
    batches = [(convoy.closing, contacts) for convoy in convoys for contacts in convoy.batches]
    first = 0
    for stretch in _stretches(batches, _most_at_a_time(engine, convoys)):
        sizes = [contacts for _, contacts in stretch]
        last = first + sum(sizes) - 1
        ((lowest, highest),) = engine.rows(_PLACES, first=first, last=last)
        query = _CONTACTS.format(first=first, last=last, lowest=lowest, highest=highest)
        for (closing, contacts), rows in zip(stretch, engine.blocks(query, sizes), strict=True):
            if len(rows) != contacts:
                raise CourierError("a batch has not all of its contacts", code="accounting")
            yield closing, [contact for (contact,) in rows]
        first = last + 1


def _most_at_a_time(engine: Engine, convoys: Sequence[Convoy]) -> int:
    """How many batches are taken from the engine at a time."""
    room = engine.memory_mb * 1_000_000 // _SHARE
    return max(1, min(_STRETCH, room // max(convoy.most_bytes for convoy in convoys)))


def _stretches(batches: Stretch, most: int) -> Iterator[Stretch]:
    for start in range(0, len(batches), most):
        yield batches[start : start + most]


def _pack_convoy(engine: Engine, convoy: int, closing: str) -> Convoy:
    ((contacts, largest),) = engine.rows(_CONVOY, convoy=convoy)
    most_bytes = MOST_CONTACTS * (largest + 1)
    if most_bytes <= MOST_CONTACT_BYTES:
        return Convoy(closing, pack_evenly(contacts), most_bytes)
    sizes = (size for (size,) in engine.stream(_SIZES, convoy=convoy))
    return Convoy(closing, pack(sizes), MOST_BYTES)
