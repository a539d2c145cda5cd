"""Rejects: every row that does not travel, with its place in the original file and the reason.

| code | the row |
|---|---|
| ``row_malformed`` | has too many or too few values, or quotes that do not match |
| ``encoding_invalid`` | has bytes in a mapped value that are not text |
| ``email_missing`` | has no email |
| ``email_invalid`` | has an email that ActiveCampaign does not take |
| ``value_too_long`` | makes a contact too large for an import |
| ``duplicate_email`` | has the email of a row that travels (counted as duplicates) |
"""

from pathlib import Path

from shared.plan.engine import Engine, text
from shared.plan.plain import FOLD, STRAY_CR

_REJECT = """
CREATE VIEW reject AS
SELECT rowid AS place, source, customer_id, email, code::VARCHAR AS code,
       CASE code
           WHEN 'row_malformed' THEN CASE form WHEN 'ragged' THEN 'the row has ' || found || ' values, not one a column'
                                               ELSE 'the quotes of the row do not match' END
           WHEN 'encoding_invalid' THEN 'a value has bytes that are not text in the encoding of the file'
           WHEN 'email_missing' THEN 'the row has no email'
           WHEN 'value_too_long' THEN 'the contact is larger than a whole import may be'
           ELSE flaw_of(email) END AS detail
FROM record WHERE code IS NOT NULL
UNION ALL
SELECT duplicate.place, record.source, record.customer_id, record.email, 'duplicate_email' AS code,
       'line ' || (kept - kept_source.first + 1) || ' of ' || kept_source.name || ' has the same email and is sent'
FROM duplicate
JOIN (SELECT rowid, * FROM record WHERE rowid IN (SELECT place FROM duplicate)) record ON record.rowid = place
JOIN (SELECT rowid, * FROM record WHERE rowid IN (SELECT kept FROM duplicate)) kept_record ON kept_record.rowid = kept
JOIN source kept_source ON kept_source.id = kept_record.source
"""

_FLAW_OF = r"""
CREATE TEMP MACRO flaw_of(x) AS
    CASE WHEN length(x) - length(replace(x, '@', '')) <> 1 THEN 'an email has exactly one @'
         WHEN regexp_matches(x, '\s') THEN 'an email has no white space in it'
         WHEN contains(x, '''') THEN 'an email with an apostrophe fails at ActiveCampaign'
         WHEN regexp_matches(x, '^[^@]*[^!-~@]') THEN 'an email has only ASCII before the @'
         WHEN strlen(x) > 254 THEN 'an email has at most 254 characters'
         WHEN strpos(x, '@') > 65 THEN 'an email has at most 64 characters before the @'
         WHEN NOT regexp_matches(x, '^[A-Za-z0-9!#$%&*+/=?^_`{|}~.-]+@')
             THEN 'before the @ of an email are letters, digits and some marks, but none of " ( ) , : ; < > [ \ ]'
         WHEN regexp_matches(x, '^[.]|[.]{2}|[.]@') THEN 'the dots of an email have something on both sides'
         ELSE 'the domain of an email is a name with a dot and at least two letters after it' END
"""

_WRITE = """
COPY (
    SELECT defused(source.name) AS source, place - source.first + 1 AS line, defused(customer_id) AS customer_id,
           defused(translate(email, {stand_ins}, chr(13) || chr(10))) AS email, code, defused(detail) AS detail
    FROM reject JOIN source ON reject.source = source.id
    ORDER BY place
) TO {path} (FORMAT csv, HEADER true)
"""

DEFUSED = r"""
CREATE TEMP MACRO defused(x) AS CASE WHEN regexp_matches(x, '^[=+\-@\t\r]') THEN '''' || x ELSE x END
"""
"""A spreadsheet takes such a value for a formula: https://owasp.org/www-community/attacks/CSV_Injection."""


def count(engine: Engine) -> dict[str, int]:
    """How many rows there are of each code, but for duplicates."""
    return dict(
        engine.rows("SELECT code::VARCHAR, count(*) FROM record WHERE code IS NOT NULL GROUP BY ALL ORDER BY 1")
    )


def write(engine: Engine, path: Path) -> None:
    """Write all rejects as ``source,line,customer_id,email,code,detail``, in the order of files and lines."""
    engine.run(_FLAW_OF)
    engine.run(DEFUSED)
    engine.run(_REJECT)
    engine.run(_WRITE.format(path=text(path), stand_ins=text(STRAY_CR + FOLD)))
