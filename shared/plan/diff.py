"""The difference between the members of the drop and the ledger."""

from collections.abc import Sequence
from pathlib import Path

from shared.plan.engine import Engine, text
from shared.plan.sightings import find_sighted

TELL_AGAIN = "00000000-0000-0000-0000-000000000000"
"""The hash of a member of whom ActiveCampaign may know something else by now: no contact has it, so it changed."""

MAY_HAVE_JOINED = "ffffffff-ffff-ffff-ffff-ffffffffffff"
"""The hash of a member who was sent as a joiner, and of whom nobody knows whether they joined: they join again, or
leave where they are not in the drop any more."""

_LEDGER = """
CREATE VIEW ledger AS
SELECT email::VARCHAR AS email, customer_id::VARCHAR AS customer_id, try_cast(hash AS UUID) AS hash,
       state::state AS state, since::TIMESTAMPTZ AS since, file_row_number AS number
FROM read_parquet({path}, file_row_number = true)
"""

_TYPES = """
CREATE TYPE state AS ENUM ('member', 'former', 'refused');
CREATE TYPE kind AS ENUM ('joiner', 'changed', 'leaver', 'unchanged', 'refused', 'former')
"""
"""Kinds in the order in which they travel."""

_ALL_JOIN = """
CREATE TABLE fate AS SELECT place, size, 'joiner'::kind AS kind FROM member;
CREATE TABLE absent (email VARCHAR, customer_id VARCHAR, hash UUID, state state, since TIMESTAMPTZ, kind kind)
"""
"""Where there is no ledger. Columns of what it knows would be three quarters of the table, and empty."""

_FATE = """
CREATE TABLE fate AS
SELECT place, size,
       (CASE WHEN email IN (SELECT new_email FROM postponed) THEN 'unchanged'
             WHEN ledger.state IS NULL OR ledger.state = 'former' OR ledger.hash = $may_have_joined THEN 'joiner'
             WHEN ledger.hash = member.hash AND NOT {full}
                 THEN CASE ledger.state WHEN 'refused' THEN 'refused' ELSE 'unchanged' END
             ELSE CASE ledger.state WHEN 'refused' THEN 'joiner' ELSE 'changed' END END)::kind AS kind,
       ledger.state AS ledger_state, ledger.hash AS ledger_hash, ledger.since AS since, ledger.number AS number,
       ledger.number IS NOT NULL AND ledger.id_mark IS DISTINCT FROM hash(member.customer_id) AS has_new_id
FROM member LEFT JOIN (SELECT *, hash(customer_id) AS id_mark FROM ledger) ledger USING (email)
"""
"""Customer ids are compared by their marks, which are smaller to keep while people are looked up."""

_ABSENT = """
CREATE TABLE absent AS
SELECT email, customer_id, hash, state, since,
       (CASE WHEN state <> 'member' THEN 'former'
             WHEN email IN (FROM sighted) OR lower(customer_id) IN (FROM sighted) THEN 'unchanged'
             WHEN email IN (SELECT old_email FROM postponed) THEN 'unchanged'
             ELSE 'leaver' END)::kind AS kind
FROM ledger WHERE number IN (SELECT number FROM ledger ANTI JOIN fate USING (number))
ORDER BY email
"""
"""Who is absent is found by numbers; only of them the rest of the ledger is read."""

_DIFFERENCES = """
SELECT (SELECT count(*) FROM fate WHERE kind IN ('joiner', 'changed') OR has_new_id)
     + (SELECT count(*) FROM absent WHERE kind = 'leaver')
"""

_POSTPONED = """
CREATE TABLE postponed AS SELECT unnest($old::VARCHAR[]) AS old_email, unnest($new::VARCHAR[]) AS new_email
"""


def compare(engine: Engine, ledger: Path | None, *, full: bool, postponed: Sequence[tuple[str, str]] = ()) -> int:
    """Make table ``fate`` (what becomes of each member) and table ``absent`` (who of the ledger is not among them).

    Somebody who was refused and has changed since, or who left and is back, joins. ``full`` sends the unchanged too, as
    changed. A member whose email or customer id stands in a reject has not left: of kind ``unchanged``, it stays what
    it was. So does whoever is ``postponed``, given as old and new address: neither leaves, nor joins. Returns how many
    members the ledger has. Without one everybody joins, nobody is absent, and ``fate`` has no columns about it.
    """
    engine.run(_TYPES)
    if ledger is None:
        engine.run(_ALL_JOIN)
        return 0
    engine.run(_LEDGER.format(path=text(ledger)))
    engine.run(_POSTPONED, old=[old for old, _ in postponed], new=[new for _, new in postponed])
    engine.run(_FATE.format(full="true" if full else "false"), may_have_joined=MAY_HAVE_JOINED)
    find_sighted(engine)
    engine.run(_ABSENT)
    return engine.number("SELECT count(*) FROM ledger WHERE state = 'member'")


def is_same(engine: Engine, ledger: Path | None) -> bool:
    """Whether there is a ledger, and no run could write another one after this difference."""
    return ledger is not None and not engine.number(_DIFFERENCES)
