"""Sightings: whom the rejects of a drop name.

Membership is presence in the drop. Whoever stands in a row that does not travel is still there, so what tells people
apart is looked for in such rows: addresses, and customer ids.
"""

from shared.plan.characters import EDGES, point
from shared.plan.domains import ascii_forms
from shared.plan.engine import Engine, text

_NEVER_WITHIN = rf"""{EDGES}"'(),:;<>@\[\\\]"""
"""What no email that travels has in it, but for its @."""

_SIGHTED = """
CREATE TABLE sighted AS
SELECT unnest(string_split(words, ' ')) AS word FROM record WHERE code = 'row_malformed'
UNION
SELECT unnest({words}) FROM record WHERE code <> 'row_malformed'
UNION
SELECT lower(customer_id) FROM record WHERE code IS NOT NULL
"""

_FOREIGN = """
SELECT DISTINCT split_part(word, '@', 2) FROM sighted WHERE contains(word, '@') AND strlen(word) <> length(word)
"""

_IN_ASCII = """
INSERT INTO sighted
SELECT split_part(word, '@', 1) || '@' || form
FROM sighted JOIN (SELECT unnest($domains) AS domain, unnest($forms) AS form) ON split_part(word, '@', 2) = domain
"""


def words_of(value: str, marks: str = "") -> str:
    """Expression of what may tell a person in a text, as a list in lower case: addresses, ids of Customer Insights.

    ``marks`` are what separates values there, beside what no address has in it. Ids have 32 hex digits.
    """
    inner = _NEVER_WITHIN + "".join(map(point, marks))
    word = rf"[^{inner}]+@[^{inner}]+|\b[0-9a-f]{{32}}\b"
    return f"list_transform(regexp_extract_all(lower({value}), {text(word)}), lambda word: trim(word, '.'))"


def find_sighted(engine: Engine) -> None:
    """Make table ``sighted`` of each ``word`` that tells a person in a reject: an email or customer id, lower case."""
    engine.run(_SIGHTED.format(words=words_of("email")))
    forms = ascii_forms(domain for (domain,) in engine.rows(_FOREIGN))
    if forms:
        engine.run(_IN_ASCII, domains=list(forms), forms=list(forms.values()))
