"""The difference between the members of the drop and the ledger."""

from pathlib import Path

from shared.plan.engine import Engine, text

_LEDGER = """
CREATE VIEW ledger AS
SELECT email::VARCHAR AS email, customer_id::VARCHAR AS customer_id, try_cast(hash AS UUID) AS hash,
       state::state AS state, since::TIMESTAMPTZ AS since
FROM {rows}
"""

_NOBODY = "(SELECT NULL AS email, NULL AS customer_id, NULL AS hash, NULL AS state, NULL AS since WHERE false)"

_TYPES = """
CREATE TYPE state AS ENUM ('member', 'former', 'refused');
CREATE TYPE kind AS ENUM ('joiner', 'changed', 'leaver', 'unchanged', 'refused', 'former')
"""
"""Kinds in the order in which they travel."""

_FATE = """
CREATE TABLE fate AS
SELECT place, size,
       (CASE WHEN ledger.state IS NULL OR ledger.state = 'former' THEN 'joiner'
             WHEN ledger.hash = member.hash AND NOT {full}
                 THEN CASE ledger.state WHEN 'refused' THEN 'refused' ELSE 'unchanged' END
             ELSE CASE ledger.state WHEN 'refused' THEN 'joiner' ELSE 'changed' END END)::kind AS kind,
       ledger.state AS ledger_state, ledger.hash AS ledger_hash, ledger.since AS since
FROM member LEFT JOIN ledger USING (email)
"""

_SIGHTED = r"""
CREATE TABLE sighted AS
SELECT unnest(regexp_extract_all(lower(details), '[^\s"(),:;<>@\[\\\]|]+@[^\s"(),:;<>@\[\\\]|]+')) AS email
FROM record WHERE code = 'row_malformed'
UNION
SELECT lower(email) FROM record WHERE code IN ('encoding_invalid', 'value_too_long')
"""

_ABSENT = """
CREATE TABLE absent AS
SELECT email, customer_id, hash, state, since,
       (CASE WHEN state <> 'member' THEN 'former'
             WHEN email IN (SELECT email FROM sighted) THEN 'unchanged'
             ELSE 'leaver' END)::kind AS kind
FROM ledger ANTI JOIN member USING (email)
ORDER BY email
"""


def compare(engine: Engine, ledger: Path | None, *, full: bool) -> int:
    """Make table ``fate`` (what becomes of each member) and table ``absent`` (who of the ledger is not among them).

    Somebody who was refused and has changed since, or who left and is back, joins. ``full`` sends the unchanged too, as
    changed. A member whose email stands in a reject has not left: of kind ``unchanged``, it stays what it was. Returns
    how many members the ledger has.
    """
    engine.run(_TYPES)
    engine.run(_LEDGER.format(rows=f"read_parquet({text(ledger)})" if ledger else _NOBODY))
    engine.run(_FATE.format(full="true" if full else "false"))
    engine.run(_SIGHTED)
    engine.run(_ABSENT)
    return engine.number("SELECT count(*) FROM ledger WHERE state = 'member'")
