"""The plan: from the files of a drop and the ledger to batches ready to post. The way of a row, step by step."""

import duckdb

from shared.documents import Counts, Example
from shared.errors import CourierError
from shared.plan import batches, planned, rejects
from shared.plan.diff import compare, is_same
from shared.plan.engine import Engine
from shared.plan.identity import count_handed_on, find_duplicates, write_readdressed
from shared.plan.read import read_drops
from shared.plan.room import room_on_disk
from shared.plan.shapes import Job, Outcome

_EXAMPLES = 5

_ROWS = "SELECT count(*) FROM record WHERE form IN ('row', 'ragged', 'broken')"

_KINDS = "SELECT kind::VARCHAR, count(*) FROM fate GROUP BY kind"

_ABSENT = "SELECT count(*) FROM absent WHERE kind = $kind"

_EXAMPLE = """
SELECT kind::VARCHAR, name, place - source.first + 1
FROM (SELECT kind, place FROM fate WHERE kind IN ('joiner', 'changed') ORDER BY place LIMIT {most}) chosen
JOIN record ON chosen.place = record.rowid JOIN source ON record.source = source.id ORDER BY place
"""


def make_plan(job: Job) -> Outcome:
    """Plan one run.

    Raises ``DropUnusable`` (the drop cannot be read without guessing), ``ExportRefused`` and ``RunHeld`` (a mapped
    column is not there), and ``CourierError`` with code ``accounting`` where rows would be lost, ``plan_disk`` where
    the disk is full, or ``plan_memory`` and ``plan_failed`` where the engine gives up.
    """
    engine = Engine(job.folder, job.memory_mb)
    try:
        with room_on_disk(job.folder):
            return _plan(engine, job)
    except duckdb.OutOfMemoryException:
        raise CourierError(f"planning needs more than {job.memory_mb} MB of memory", code="plan_memory") from None
    except duckdb.Error as error:
        raise CourierError(f"the planning engine gave up: {type(error).__name__}", code="plan_failed") from None
    finally:
        engine.close()


def _plan(engine: Engine, job: Job) -> Outcome:
    reading = read_drops(engine, job)
    find_duplicates(engine)
    ledger_members = compare(engine, job.ledger, full=job.full, postponed=job.postponed)
    convoys = batches.seat(engine, job)
    counts = _count(engine, [contacts for convoy in convoys for contacts in convoy.batches])
    stay = _those_who_stay(engine, len(job.postponed)) if job.ledger else []
    examples = _examples(engine)
    rejects.write(engine, job.folder / "rejects.csv")
    write_readdressed(engine, job.folder / "readdressed.parquet")
    members = None if is_same(engine, job.ledger) else job.folder / "planned.parquet"
    if members:
        planned.write(engine, members, has_ledger=job.ledger is not None)
    engine.run("DROP TABLE fate")  # what is not asked for any more makes room
    return Outcome(
        counts=counts,
        index=tuple(batches.write(engine, job, convoys, job.folder / "batches.jsonl")),
        batches=job.folder / "batches.jsonl",
        planned=members,
        rejects=job.folder / "rejects.csv",
        readdressed=job.folder / "readdressed.parquet",
        columns=tuple(reading.columns),
        ledger_members=ledger_members,
        warnings=(*reading.warnings, *stay),
        examples=examples,
    )


def _count(engine: Engine, batches: list[int]) -> Counts:
    """The counts of the plan; ``CourierError`` where they do not add up."""
    kinds = dict(engine.rows(_KINDS))
    refused = kinds.get("refused", 0)
    counts = Counts(
        rows=engine.number(_ROWS),
        rejected=rejects.count(engine),
        duplicates=engine.number("SELECT count(*) FROM duplicate"),
        members=engine.number("SELECT count(*) FROM member"),
        joiners=kinds.get("joiner", 0),
        changed=kinds.get("changed", 0),
        unchanged=kinds.get("unchanged", 0) + refused,
        refused_earlier=refused,
        leavers=engine.number(_ABSENT, kind="leaver"),
        batches=len(batches),
        to_send=sum(batches),
    )
    check_equations(counts)
    return counts


def check_equations(counts: Counts) -> None:
    """Every row is accounted for, or ``CourierError`` with code ``accounting``."""
    accounted = counts.members + counts.duplicates + sum(counts.rejected.values())
    if counts.rows != accounted:
        raise CourierError(f"{counts.rows} rows were read, but {accounted} are accounted for", code="accounting")
    split = counts.joiners + counts.changed + counts.unchanged
    if counts.members != split:
        raise CourierError(f"{counts.members} members, but {split} of them have a fate", code="accounting")


def _those_who_stay(engine: Engine, postponed: int) -> list[str]:
    """Of those who are not in the drop under their address and have not left, or are there under another one's."""
    told = {
        "members stay what they were, since their rows are rejects": engine.number(_ABSENT, kind="unchanged")
        - postponed,
        "people with a new address stay what they were until a later run": postponed,
        "members have the address of another customer by now, and its contact with it": count_handed_on(engine),
    }
    return [f"{count} {what}" for what, count in told.items() if count]


def _examples(engine: Engine) -> tuple[Example, ...]:
    return tuple(
        Example(kind=kind, source=source, line=line)
        for kind, source, line in engine.rows(_EXAMPLE.format(most=_EXAMPLES))
    )
