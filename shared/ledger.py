"""The ledger of an export: what ActiveCampaign was told of whom, as far as it confirmed it.

A Parquet file with one row per email: ``email, customer_id, hash, state (member|former|refused), since``. A hash is a
``UUID``, as the text of a million takes a tenth of a second to read. The next run's differences start here, so a
contact enters only when its import was confirmed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from shared.plan.diff import MAY_HAVE_JOINED, TELL_AGAIN
from shared.plan.engine import Engine, text

_MEMORY_MB = 512


@dataclass(frozen=True)
class BatchOutcome:
    """What became of a batch that was sent: ``refused`` maps 0-based positions to codes.

    ``lost`` are the positions that were not taken, as far as anybody knows, and ``unsure`` those that may have been;
    all others were confirmed. A batch without an outcome was not sent.
    """

    batch: int
    refused: Mapping[int, str] = field(default_factory=dict)
    lost: frozenset[int] = frozenset()
    unsure: frozenset[int] = frozenset()


_OUTCOMES = """
CREATE TABLE sent (batch INTEGER);
CREATE TABLE exceptions (batch INTEGER, position INTEGER, fate VARCHAR);
"""

_FATES = """
CREATE VIEW fates AS
SELECT planned.*,
       CASE WHEN exceptions.batch IS NOT NULL THEN exceptions.fate
            WHEN sent.batch IS NOT NULL THEN 'confirmed'
            ELSE 'lost' END AS fate
FROM read_parquet({planned}) planned
LEFT JOIN sent ON planned.batch = sent.batch
LEFT JOIN exceptions ON planned.batch = exceptions.batch AND planned.position = exceptions.position
"""

_NEXT = """
SELECT email, customer_id,
       CASE WHEN travelled AND fate = 'unsure'
                THEN CASE kind WHEN 'joiner' THEN $may_have_joined::UUID ELSE $tell_again::UUID END
            WHEN travelled AND fate <> 'lost' THEN hash
            ELSE coalesce(ledger_hash, hash) END AS hash,
       CASE WHEN travelled AND fate = 'unsure' THEN 'member'
            WHEN kind = 'leaver' AND (fate <> 'lost' OR (batch IS NULL AND {complete})) THEN 'former'
            WHEN travelled AND kind <> 'leaver' AND fate = 'confirmed' THEN 'member'
            WHEN travelled AND kind <> 'leaver' AND fate = 'refused' THEN 'refused'
            ELSE ledger_state END AS state,
       since AS known_since, ledger_state
FROM (SELECT *, batch IS NOT NULL AS travelled FROM fates)
"""

_WRITE = """
COPY (
    SELECT email, customer_id, hash, state,
           CASE WHEN state = ledger_state THEN known_since ELSE $now::TIMESTAMPTZ END AS since
    FROM ({next}) WHERE state IS NOT NULL ORDER BY email
) TO {target} (FORMAT parquet, COMPRESSION zstd)
"""


_READDRESS = """
COPY (
    SELECT coalesce(new_email, email) AS email, customer_id,
           CASE WHEN new_email IS NULL THEN try_cast(hash AS UUID) ELSE $tell_again::UUID END AS hash, state, since
    FROM read_parquet({ledger}) LEFT JOIN pair USING (email)
) TO {target} (FORMAT parquet, COMPRESSION zstd)
"""


def write_ledger(
    planned: Path, outcomes: Sequence[BatchOutcome], now: datetime, target: Path, *, complete: bool = True
) -> None:
    """Write the ledger that follows from a plan and from what became of its batches.

    Leavers of whom nobody has to be told are former members from then on, unless the run was not ``complete``: a run
    that was cancelled has decided nothing about those it did not send.

    A member whose batch has no outcome keeps the row it had; one who had none stays out and travels with the next run.
    Of whom ActiveCampaign may have been told something, the next run tells it again, or takes it back where they are
    not in the drop any more.
    """
    engine = Engine(target.parent, _MEMORY_MB)
    try:
        engine.run(_OUTCOMES)
        _fill(engine, outcomes)
        engine.run(_FATES.format(planned=text(planned)))
        engine.run(
            _WRITE.format(next=_NEXT.format(complete=complete), target=text(target)),
            now=now,
            may_have_joined=MAY_HAVE_JOINED,
            tell_again=TELL_AGAIN,
        )
    finally:
        engine.close()


def readdress_ledger(ledger: Path, pairs: Sequence[tuple[str, str]], target: Path) -> None:
    """Copy a ledger with the new addresses of those people, given as old and new.

    Their hash becomes one that nobody has, so that the plan sends them whatever else is the same about them.
    """
    engine = Engine(target.parent, _MEMORY_MB)
    try:
        engine.run(
            "CREATE TABLE pair AS SELECT unnest($old) AS email, unnest($new) AS new_email",
            old=[old for old, _ in pairs],
            new=[new for _, new in pairs],
        )
        engine.run(_READDRESS.format(ledger=text(ledger), target=text(target)), tell_again=TELL_AGAIN)
    finally:
        engine.close()


def _fill(engine: Engine, outcomes: Sequence[BatchOutcome]) -> None:
    if outcomes:
        engine.run("INSERT INTO sent SELECT unnest($batches)", batches=[outcome.batch for outcome in outcomes])
    exceptions = [
        (outcome.batch, position, fate)
        for outcome in outcomes
        for fate, positions in (("refused", outcome.refused), ("lost", outcome.lost), ("unsure", outcome.unsure))
        for position in sorted(positions)
    ]
    if exceptions:
        batches, positions, fates = zip(*exceptions, strict=True)
        engine.run(
            "INSERT INTO exceptions SELECT unnest($batches), unnest($positions), unnest($fates)",
            batches=list(batches),
            positions=list(positions),
            fates=list(fates),
        )
