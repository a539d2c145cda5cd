"""The plan: from the files of a drop and the ledger to batches ready to post. The way of a row, step by step.

A plan is drafted, somebody decides whether it is carried out, and only then is it finished: dry runs and runs that are
held write nothing that nobody sends.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.documents import Counts, Example
from shared.errors import CourierError
from shared.plan import planned, rejects
from shared.plan.batches import Batches, Convoy, seat
from shared.plan.diff import compare, is_same
from shared.plan.engine import Engine
from shared.plan.identity import count_handed_on, find_duplicates, find_readdressed
from shared.plan.read import read_drops
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


@dataclass(frozen=True)
class Draft:
    """A plan whose ``outcome`` is known, and of which nothing is written yet that could be sent."""

    outcome: Outcome
    engine: Engine
    job: Job
    convoys: Sequence[Convoy]

    def finish(self) -> tuple[Path | None, Batches]:
        """Write what becomes of everybody, and return that file with the batches, which are made while they are read.

        The file is Parquet and has one row per email of the drop or the ledger: ``email, customer_id, hash, kind
        (joiner|changed|unchanged|refused|leaver|former), batch, position (0-based, both null where it does not travel),
        since, source, line, ledger_state (null for an email the ledger did not have), ledger_hash``. A member of the
        ledger whose row is a reject is ``unchanged`` without a ``source``, and in none of the counts. There is no file
        where everything is as it is in the ledger.
        """
        members = None if is_same(self.engine, self.job.ledger) else self.job.folder / "planned.parquet"
        if members:
            planned.write(self.engine, members, has_ledger=self.job.ledger is not None)
        self.engine.run("DROP TABLE fate")  # what is not asked for any more makes room
        return members, Batches(self.engine, self.job, self.convoys)


@contextmanager
def drafted(job: Job) -> Iterator[Draft]:
    """The draft of one run, good until its context ends; see ``shared/plan/failures.py`` for what its engine raises.

    Raises ``DropUnusable`` (the drop cannot be read without guessing), ``ExportRefused`` and ``RunHeld`` (a mapped
    column is not there), and ``CourierError`` with code ``accounting`` where rows would be lost.
    """
    engine = Engine(job.folder, job.memory_mb)
    try:
        yield _draft(engine, job)
    finally:
        engine.close()


def _draft(engine: Engine, job: Job) -> Draft:
    reading = read_drops(engine, job)
    find_duplicates(engine)
    ledger_members = compare(engine, job.ledger, full=job.full, postponed=job.postponed)
    convoys = seat(engine, job)
    counts = _count(engine, [contacts for convoy in convoys for contacts in convoy.batches])
    stay = _those_who_stay(engine, len(job.postponed)) if job.ledger else []
    rejects.write(engine, job.folder / "rejects.csv")
    outcome = Outcome(
        counts=counts,
        rejects=job.folder / "rejects.csv",
        readdressed=tuple(find_readdressed(engine)),
        columns=tuple(reading.columns),
        ledger_members=ledger_members,
        warnings=(*reading.warnings, *stay),
        examples=_examples(engine),
    )
    return Draft(outcome, engine, job, convoys)


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
