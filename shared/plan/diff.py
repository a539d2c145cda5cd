"""The difference between the members of the drop and the ledger."""

from pathlib import Path

from shared.plan.engine import Engine, text

_LEDGER = """
CREATE VIEW ledger AS
SELECT email::VARCHAR AS email, customer_id::VARCHAR AS customer_id, hash::VARCHAR AS hash,
       state::VARCHAR AS state, since
FROM read_parquet({path})
"""

_NO_LEDGER = """
CREATE VIEW ledger AS
SELECT NULL::VARCHAR AS email, NULL::VARCHAR AS customer_id, NULL::VARCHAR AS hash, NULL::VARCHAR AS state,
       NULL::TIMESTAMPTZ AS since
WHERE false
"""

_FATE = """
CREATE TABLE fate AS
SELECT place, member.bytes,
       CASE WHEN ledger.state IS NULL OR ledger.state = 'former' THEN 'joiner'
            WHEN ledger.hash = member.hash AND NOT {full}
                THEN CASE ledger.state WHEN 'refused' THEN 'refused' ELSE 'unchanged' END
            ELSE CASE ledger.state WHEN 'refused' THEN 'joiner' ELSE 'changed' END END AS kind,
       ledger.state AS ledger_state, ledger.hash AS ledger_hash, ledger.since AS since
FROM member LEFT JOIN ledger USING (email)
"""

_SIGHTED = """
CREATE TABLE sighted AS
SELECT unnest(emails) AS email FROM malformed
UNION
SELECT lower(email) FROM person WHERE code IN ('encoding_invalid', 'value_too_long')
"""

_ABSENT = """
CREATE TABLE absent AS
SELECT email, customer_id, hash, state, since,
       CASE WHEN state <> 'member' THEN 'former'
            WHEN email IN (SELECT email FROM sighted) THEN 'unchanged'
            ELSE 'leaver' END AS kind
FROM ledger ANTI JOIN member USING (email)
ORDER BY email
"""


def compare(engine: Engine, ledger: Path | None, *, full: bool) -> int:
    """Make table ``fate`` (what becomes of each member) and table ``absent`` (who of the ledger is not among them).

    Somebody who was refused and has changed since, or who left and is back, joins. ``full`` sends the unchanged too, as
    changed. A member whose email stands in a reject has not left: of kind ``unchanged``, it stays what it was. Returns
    how many members the ledger has.
    """
    engine.run(_LEDGER.format(path=text(ledger)) if ledger else _NO_LEDGER)
    engine.run(_FATE.format(full="true" if full else "false"))
    engine.run(_SIGHTED)
    engine.run(_ABSENT)
    return engine.number("SELECT count(*) FROM ledger WHERE state = 'member'")
