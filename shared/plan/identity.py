"""Identity: one contact per email, and people recognised under a new address."""

from shared.plan.engine import Engine, text
from pathlib import Path

_DUPLICATE = """
CREATE TABLE duplicate AS
WITH crowded AS (
    SELECT hash(email) AS mark FROM person WHERE code IS NULL GROUP BY mark HAVING count(*) > 1
)
SELECT place, email, first_value(place) OVER best AS kept
FROM person JOIN source ON person.source = source.id
WHERE code IS NULL AND hash(email) IN (FROM crowded)
WINDOW best AS (PARTITION BY email ORDER BY segment, filled DESC, customer_id NULLS LAST, person.hash, name, place)
QUALIFY kept <> place
"""

_MEMBER = """
CREATE VIEW member AS
SELECT * FROM person WHERE code IS NULL AND place NOT IN (SELECT place FROM duplicate)
"""


def find_duplicates(engine: Engine) -> None:
    """Make table ``duplicate`` (``place``, the ``place`` that is ``kept`` instead) and view ``member`` of the others.

    Of the rows with one email, the row of the export's first segment is kept, then the one with most values, the lowest
    customer id, the lowest hash of what is sent; so the order of rows and files does not matter. The numbers that find
    candidates differ between versions of the engine, but nothing is decided by them.
    """
    engine.run(_DUPLICATE)
    engine.run(_MEMBER)
