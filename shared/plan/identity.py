"""Identity: one contact per email, and people recognised under a new address."""

from shared.plan.engine import Engine

_PERSON = """
CREATE VIEW person AS
SELECT rowid AS place, * FROM record WHERE form = 'row' AND code IS NULL
"""

_DUPLICATE = """
CREATE TABLE duplicate AS
WITH crowded AS (
    SELECT hash(email) AS mark FROM person GROUP BY mark HAVING count(*) > 1
)
SELECT place, email, first_value(place) OVER best AS kept
FROM person JOIN source ON person.source = source.id
WHERE hash(email) IN (FROM crowded)
WINDOW best AS (PARTITION BY email ORDER BY segment, filled DESC, customer_id NULLS LAST, person.hash, previous_ids,
             name, place)
QUALIFY kept <> place
"""

_MEMBER = """
CREATE VIEW member AS
SELECT * FROM person WHERE place NOT IN (SELECT place FROM duplicate)
"""


def find_duplicates(engine: Engine) -> None:
    """Find the one row that stands for each email.

    Makes view ``person`` of the rows that can travel, table ``duplicate`` (the ``place`` of a row, and of the one that
    is ``kept`` instead) and view ``member`` of the others. A place is a row of ``record``.

    Of the rows with one email, the row of the export's first segment is kept, then the one with most values, the lowest
    customer id, the lowest hash of what is sent; so the order of rows and files does not matter. The numbers that find
    candidates differ between versions of the engine, but nothing is decided by them.
    """
    engine.run(_PERSON)
    engine.run(_DUPLICATE)
    engine.run(_MEMBER)


_READDRESSED = """
WITH leaver AS (SELECT email, customer_id FROM absent WHERE kind = 'leaver'),
known AS (
    SELECT customer_id FROM ledger WHERE state = 'member' AND customer_id IN (SELECT customer_id FROM leaver)
    GROUP BY customer_id HAVING count(*) = 1
),
gone AS (FROM leaver WHERE customer_id IN (FROM known)),
new AS (
    SELECT email, customer_id, previous_ids FROM fate JOIN person USING (place)
    WHERE kind = 'joiner' AND ledger_state IS NULL
),
present AS (
    SELECT customer_id, count(DISTINCT email) AS emails FROM record
    WHERE form = 'row' AND customer_id IN (SELECT customer_id FROM gone) GROUP BY customer_id
),
merged AS (SELECT email, trim(unnest(string_split(previous_ids, ';'))) AS previous_id FROM new),
claim AS (
    SELECT gone.email AS old_email, new.email AS new_email, 0 AS rank
    FROM gone JOIN new ON new.customer_id = gone.customer_id JOIN present ON present.customer_id = gone.customer_id
    WHERE emails = 1
    UNION
    SELECT gone.email, merged.email, 1
    FROM gone JOIN merged ON merged.previous_id = gone.customer_id
    WHERE gone.customer_id NOT IN (SELECT customer_id FROM present)
),
heir AS (
    FROM claim QUALIFY count(*) OVER (PARTITION BY old_email) = 1
)
SELECT old_email, new_email FROM heir
QUALIFY row_number() OVER (PARTITION BY new_email ORDER BY rank, old_email) = 1
ORDER BY old_email
"""


def find_readdressed(engine: Engine) -> list[tuple[str, str]]:
    """The old and the new email of everybody who left under one and joined under another, in the order of the old ones.

    It is the same person if the customer id is the same, or if the new profile names the old one as merged into it. A
    profile that is still in the drop was not merged but split off. An id that several members of the ledger have, or
    that has or claims several addresses in the drop, tells nobody. An address that another contact has is none that
    a contact could be given, so nobody who was in the ledger under it is among them:
    https://developers.activecampaign.com/reference/update-a-contact-new.
    """
    if not engine.number("SELECT count(*) FROM absent WHERE kind = 'leaver'"):
        return []
    return [(str(old), str(new)) for old, new in engine.rows(_READDRESSED)]


_HANDED_ON = """
WITH taken AS (
    SELECT person.customer_id, ledger.customer_id AS previous_holder
    FROM (FROM fate WHERE kind = 'changed' AND has_new_id) fate JOIN person USING (place) JOIN ledger USING (email)
    WHERE person.customer_id <> ledger.customer_id AND person.hash IS DISTINCT FROM ledger.hash
),
known AS (
    SELECT customer_id FROM ledger
    WHERE state = 'member' AND customer_id IN (SELECT customer_id FROM taken UNION SELECT previous_holder FROM taken)
    GROUP BY customer_id HAVING count(*) = 1
)
SELECT count(*) FROM taken WHERE customer_id IN (FROM known) AND previous_holder IN (FROM known)
"""


def count_handed_on(engine: Engine) -> int:
    """How many members have the address that another customer had before, had their own, and are sent with it."""
    if not engine.number("SELECT count(*) FROM fate WHERE kind = 'changed' AND has_new_id"):
        return 0
    return engine.number(_HANDED_ON)
