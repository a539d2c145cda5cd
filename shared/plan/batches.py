"""Batches: who travels in which import, and the claim-check file with one import per line, ready to post."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from shared.documents import Automations, BatchEntry, LeaverAction
from shared.errors import CourierError
from shared.plan import contact
from shared.plan.engine import Engine
from shared.plan.limits import LOUD, MOST_BYTES, MOST_CONTACT_BYTES, MOST_CONTACTS, OPENING, QUIET, Frame
from shared.plan.shapes import Job

_STRETCH = 1000
"""Most batches whose contacts are taken from the engine at a time: what is sorted at once stays small."""

_SHARE = 8
"""That part of the engine's memory is what they may take, since the engine holds them more than once."""

_TRAVELLER = """
CREATE VIEW traveller AS
SELECT {convoy} AS convoy, kind, place, size FROM (
    SELECT kind, place, size FROM fate WHERE kind IN ('joiner', 'changed')
    UNION ALL
    SELECT kind, rowid AS place, strlen({leaver}) AS size
    FROM absent WHERE kind = 'leaver' AND {leavers_travel}
)
"""

_CONVOY = "SELECT count(*), coalesce(max(size), 0) + $more FROM traveller WHERE convoy = $convoy"

_SIZES = "SELECT size + $more FROM traveller WHERE convoy = $convoy ORDER BY kind, place"

_SEAT = """
CREATE TABLE seat AS
SELECT kind, place, batch, position
FROM (FROM traveller ORDER BY convoy, kind, place) traveller POSITIONAL JOIN (
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
    SELECT seat.rowid AS number, {member} AS json
    FROM seat JOIN record ON seat.place = record.rowid
    WHERE kind <> 'leaver' AND seat.rowid BETWEEN {first} AND {last} AND record.rowid BETWEEN {lowest} AND {highest}
    UNION ALL
    SELECT seat.rowid AS number, {leaver} AS json
    FROM seat JOIN absent ON seat.place = absent.rowid
    WHERE seat.kind = 'leaver' AND seat.rowid BETWEEN {first} AND {last}
) ORDER BY number
"""


@dataclass(frozen=True)
class Convoy:
    """Contacts whose imports have the same ``frame``; ``batches`` says how many contacts each has.

    No batch has more than ``most_bytes``.
    """

    frame: Frame
    batches: list[int]
    most_bytes: int


def seat(engine: Engine, job: Job) -> list[Convoy]:
    """Make table ``seat``: ``batch`` and ``position`` (both 0-based) of every contact that travels.

    A member's ``place`` is its row in ``record``, a leaver's its row in ``absent``. Joiners come first, then changed
    members, then leavers; where automations run, joiners have batches of their own.
    """
    automations = job.export.automations
    engine.run(
        _TRAVELLER.format(
            convoy="0::UTINYINT" if automations is Automations.OFF else "(kind <> 'joiner')::UTINYINT",
            leaver=contact.leaver(job),
            leavers_travel="false" if job.export.leavers.action is LeaverAction.KEEP else "true",
        )
    )
    convoys = [_pack_convoy(engine, number, frame) for number, frame in enumerate(frames(automations))]
    engine.run(_SEAT, contacts=[contacts for convoy in convoys for contacts in convoy.batches])
    engine.run("DROP VIEW traveller")
    return convoys


def frames(automations: Automations) -> tuple[Frame, ...]:
    """What stands around the contacts of each convoy."""
    return {
        Automations.OFF: (QUIET,),
        Automations.JOINERS: (LOUD, QUIET),
        Automations.ALL: (LOUD, LOUD),
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


class Batches:
    """The lines of ``batches.jsonl``, an import and a line end each, made when they are asked for.

    ``index`` says where those lie that were made, without their line ends. Lines are made once, and no other statement
    may run on the engine before the last of them is.
    """

    def __init__(self, engine: Engine, job: Job, convoys: Sequence[Convoy]) -> None:
        self.index: list[BatchEntry] = []
        self._filled = _filled(engine, job, convoys)

    def __iter__(self) -> Iterator[bytes]:
        """The next lines."""
        offset = 0
        for frame, contacts in self._filled:
            line = b"".join((OPENING.encode(), b",".join(contacts), frame.closing.encode(), b"\n"))
            self.index.append(BatchEntry(offset=offset, length=len(line) - 1, contacts=len(contacts)))
            offset += len(line)
            yield line


def _filled(engine: Engine, job: Job, convoys: Sequence[Convoy]) -> Iterator[tuple[Frame, list[bytes]]]:
    """The text of the contacts of each batch, and what stands around them."""
    first = 0
    for convoy in convoys:
        for sizes in _stretches(convoy.batches, _most_at_a_time(engine, convoy)):
            for contacts, rows in zip(sizes, _seated(engine, job, convoy.frame, first, sizes), strict=True):
                if len(rows) != contacts:
                    raise CourierError("a batch has not all of its contacts", code="accounting")
                yield convoy.frame, [json for (json,) in rows]
            first += sum(sizes)


def _seated(engine: Engine, job: Job, frame: Frame, first: int, sizes: Sequence[int]) -> Iterator[list[tuple[bytes]]]:
    """The contacts from row ``first`` of ``seat`` on, so many at a time."""
    last = first + sum(sizes) - 1
    ((lowest, highest),) = engine.rows(_PLACES, first=first, last=last)
    query = _CONTACTS.format(
        member=contact.member(job, ending=frame.ending),
        leaver=contact.leaver(job, ending=frame.ending),
        first=first,
        last=last,
        lowest=lowest,
        highest=highest,
    )
    return engine.blocks(query, sizes)


def _most_at_a_time(engine: Engine, convoy: Convoy) -> int:
    """How many batches are taken from the engine at a time."""
    room = engine.memory_mb * 1_000_000 // _SHARE
    return max(1, min(_STRETCH, room // max(1, convoy.most_bytes)))


def _stretches(batches: Sequence[int], most: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(batches), most):
        yield batches[start : start + most]


def _pack_convoy(engine: Engine, convoy: int, frame: Frame) -> Convoy:
    more = len(frame.ending) - len(LOUD.ending)
    ((contacts, largest),) = engine.rows(_CONVOY, convoy=convoy, more=more)
    most_bytes = MOST_CONTACTS * (largest + 1)
    if most_bytes <= MOST_CONTACT_BYTES:
        return Convoy(frame, pack_evenly(contacts), most_bytes)
    sizes = (size for (size,) in engine.stream(_SIZES, convoy=convoy, more=more))
    return Convoy(frame, pack(sizes), MOST_BYTES)
