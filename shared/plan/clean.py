"""Cleaning: rows of ``record`` into rows of ``person``, each fit to travel or with the code of its reject.

In every value control characters are removed (line ends and tabs become spaces), then white space at both ends. An
empty value is absent. Beyond that, by where a value goes:

| value | cleaned to | what does not fit |
|---|---|---|
| email | lower case, domain in ASCII | a reject: ``email_missing``, ``email_invalid`` |
| text, hidden, dropdown, radio | as it is | |
| textarea | as it is, line ends kept | |
| date | ``YYYY-MM-DD``, from a year-first date or ``DD.MM.YYYY``, the time cut off | left out, warning |
| datetime | ISO 8601 in UTC, from a year-first date and time; without an offset it is UTC | left out, warning |
| number | as it is; with an exponent, written out | left out, warning |
| listbox, checkbox | ``||a||b||``, from that or from values between ``;`` or ``|`` | |

``01/02/2026`` is left out, since nobody can tell whether it is in January or February. A row of a damaged text is a
reject (``encoding_invalid``) where one of its mapped values is damaged, and a row whose contact would not fit into an
import by itself is one too (``value_too_long``).

The domain of an email is mapped to ASCII as browsers do (UTS 46). Before the @ only ASCII passes: lower-casing anything
else (a dotted capital I, a Kelvin sign) could make it another person's mailbox.
"""

import idna

from shared.plan import contact
from shared.plan.columns import STANDARD, field_places
from shared.plan.engine import Engine, listed, text
from shared.plan.limits import MOST_CONTACT_BYTES
from shared.plan.plain import DAMAGED
from shared.plan.shapes import CustomField, Job

_CONTROL = r"[\x{0}-\x{1f}\x{7f}-\x{9f}\x{2028}\x{2029}\x{feff}]"
_EDGE = r"[\x{0}-\x{20}\x{7f}-\x{a0}\x{ad}\pZ\x{200b}-\x{200f}\x{2060}\x{feff}]"
_UNTIDY = f"{_CONTROL}|^{_EDGE}|{_EDGE}$"

_MACROS = (
    rf"CREATE TEMP MACRO edged(x) AS regexp_replace(x, '^{_EDGE}+|{_EDGE}+$', '', 'g')",
    r"""
    CREATE TEMP MACRO one_line(x) AS
        regexp_replace(regexp_replace(x, '[\t\n\v\f\r\x{85}\x{2028}\x{2029}]+', ' ', 'g'),
                       '[\x{0}-\x{1f}\x{7f}-\x{9f}\x{feff}]', '', 'g')
    """,
    r"""
    CREATE TEMP MACRO lines(x) AS
        regexp_replace(regexp_replace(x, '\r\n?|[\v\f\x{85}\x{2028}\x{2029}]', chr(10), 'g'),
                       '[\x{0}-\x{9}\x{b}-\x{1f}\x{7f}-\x{9f}\x{feff}]', '', 'g')
    """,
    f"""
    CREATE TEMP MACRO tidy(x) AS
        nullif(CASE WHEN regexp_matches(x, '{_UNTIDY}') THEN edged(one_line(x)) ELSE x END, '')
    """,
    f"""
    CREATE TEMP MACRO tidy_lines(x) AS
        nullif(CASE WHEN regexp_matches(x, '{_UNTIDY}') THEN edged(lines(x)) ELSE x END, '')
    """,
    r"""
    CREATE TEMP MACRO as_date(x) AS
        CASE WHEN regexp_matches(x, '^\d{4}-\d\d-\d\d$') THEN try_cast(x AS DATE)
             WHEN regexp_matches(x, '^\d{4}([-/.])\d{1,2}([-/.])\d{1,2}([T ]\d{1,2}:\d\d.*)?$')
                 THEN try_cast(replace(replace(regexp_extract(x, '^[^T ]+'), '/', '-'), '.', '-') AS DATE)
             WHEN regexp_matches(x, '^\d{1,2}\.\d{1,2}\.\d{4}( \d{1,2}:\d\d.*)?$')
                 THEN try_strptime(regexp_extract(x, '^[^ ]+'), '%d.%m.%Y')::DATE
        END::VARCHAR
    """,
    r"""
    CREATE TEMP MACRO as_datetime(x) AS
        CASE WHEN regexp_matches(x, '^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.]\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?)?$')
             THEN strftime(
                 try_cast(regexp_replace(regexp_replace(x, '([.]\d{1,6})\d*', '\1'), '([+-]\d\d)(\d\d)$', '\1:\2')
                          AS TIMESTAMPTZ)::TIMESTAMP, '%Y-%m-%dT%H:%M:%S+00:00')
        END
    """,
    r"""
    CREATE TEMP MACRO as_number(x) AS
        CASE WHEN regexp_matches(x, '^[+-]?(\d+|\d*\.\d+)$') THEN ltrim(x, '+')
             WHEN regexp_matches(x, '^[+-]?(\d+|\d*\.\d+)[eE][+-]?\d+$')
                 THEN regexp_replace(try_cast(try_cast(x AS DOUBLE) AS DECIMAL(38, 12))::VARCHAR, '\.?0+$', '')
        END
    """,
    r"""
    CREATE TEMP MACRO chosen(parts) AS
        list_filter(parts, lambda part, place: part <> '' AND list_position(parts, part) = place)
    """,
    r"""
    CREATE TEMP MACRO as_choices(x) AS
        nullif('||' || array_to_string(chosen(list_transform(regexp_split_to_array(x, '[;|]+'),
                                                             lambda part: trim(part))), '||') || '||', '||||')
    """,
)

_IS_EMAIL = r"""
CREATE TEMP MACRO is_email(x) AS
    regexp_matches(x, '^[a-z0-9!#$%&*+/=?^_`{|}~-]+([.][a-z0-9!#$%&*+/=?^_`{|}~-]+)*'
                   || '@([a-z0-9]([a-z0-9-]*[a-z0-9])?[.])+([a-z]{2,}|xn--[a-z0-9-]*[a-z0-9])$')
    AND (strlen(x) <= 64 OR (strlen(x) <= 254 AND strpos(x, '@') <= 65 AND NOT regexp_matches(x, '[@.][^@.]{64}')))
"""
"""ActiveCampaign's published rules, RFC 5321's lengths, and no apostrophe: it passes the queue and fails later."""

_BY_TYPE = {
    "date": "as_date(tidy({0}))",
    "datetime": "as_datetime(tidy({0}))",
    "number": "as_number(tidy({0}))",
    "listbox": "as_choices(tidy({0}))",
    "checkbox": "as_choices(tidy({0}))",
    "textarea": "tidy_lines({0})",
}
_CAN_MISFIT = {"date": "a date", "datetime": "a date and time", "number": "a number"}

_FOREIGN = r"form = 'row' AND strlen(email) <> length(email) AND regexp_matches(email, '^[^@]+@[^@]+$')"

_FOREIGN_DOMAINS = "SELECT DISTINCT split_part(edged(email), '@', 2) FROM record WHERE {foreign}"

_WRITE_ASCII = """
UPDATE record SET email = split_part(edged(email), '@', 1) || '@' || idn.ascii
FROM (SELECT unnest($domains) AS domain, unnest($ascii) AS ascii) idn
WHERE {foreign} AND split_part(edged(email), '@', 2) = idn.domain
"""

_PERSON = """
CREATE TABLE person AS
WITH tidied AS (
    SELECT rowid AS place, source, edged(email) AS mail,
       {cleaned},
       {is_damaged} AS is_damaged
    FROM record WHERE form = 'row'
),
judged AS (
    SELECT *,
           CASE WHEN strlen(mail) = length(mail) THEN lower(mail) END AS email,
           CASE WHEN is_damaged THEN 'encoding_invalid'
                WHEN coalesce(mail, '') = '' THEN 'email_missing'
                WHEN email IS NULL OR NOT is_email(email) THEN 'email_invalid' END AS flaw,
           CASE WHEN flaw IS NULL THEN {json} END AS json
    FROM tidied
)
SELECT place, source, CASE WHEN flaw IS NULL THEN email ELSE left(mail, 320) END AS email,
       {columns},
       CASE WHEN strlen(json) > {largest} THEN 'value_too_long' ELSE flaw END AS code,
       {filled} AS filled, md5(json) AS hash, coalesce(strlen(json), 0) AS bytes
FROM judged
"""

_MISFITS = "SELECT {counts} FROM person WHERE code IS NULL"


def clean(engine: Engine, job: Job, *, is_damaged: bool) -> list[str]:
    """Make table ``person`` of the rows of ``record``; returns warnings about values that were left out.

    ``place`` is the row in ``record``, ``code`` the reject's or ``NULL``, ``hash`` and ``bytes`` those of the JSON that
    is sent, ``filled`` how many values a person has. The ``email`` of a reject is what the drop has in its place.
    """
    for macro in (*_MACROS, _IS_EMAIL):
        engine.run(macro)
    contact.define(engine)
    _map_foreign_domains(engine)
    fields = {place: job.fields[key] for key, place in field_places(job).items()}
    engine.run(_person(job, fields, is_damaged=is_damaged))
    return _warnings(engine, job, fields)


def ascii_domain(domain: str) -> str | None:
    """The ASCII form of an internationalised domain, ``None`` where it has none."""
    try:
        return idna.encode(domain, uts46=True, std3_rules=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        return None


def _map_foreign_domains(engine: Engine) -> None:
    """Write the domains of emails in ASCII where they are not. There are few of them, each mapped once."""
    domains = {domain: ascii_domain(domain) for (domain,) in engine.rows(_FOREIGN_DOMAINS.format(foreign=_FOREIGN))}
    mapped = {domain: form for domain, form in domains.items() if form}
    if mapped:
        engine.run(_WRITE_ASCII.format(foreign=_FOREIGN), domains=list(mapped), ascii=list(mapped.values()))


def _person(job: Job, fields: dict[str, CustomField], *, is_damaged: bool) -> str:
    cleaned = {place: f"tidy({place})" for place in STANDARD if place != "email"}
    cleaned |= {place: _BY_TYPE.get(field.type, "tidy({0})").format(place) for place, field in fields.items()}
    misfits = {_misfit(place): f"{cleaned[place]} IS NULL AND tidy({place}) IS NOT NULL" for place in _typed(fields)}
    damaged = [f"coalesce(contains({place}, {text(DAMAGED)}), false)" for place in ("email", *cleaned)]
    sent = [place for place in cleaned if place not in ("customer_id", "previous_ids")]
    return _PERSON.format(
        cleaned=listed([f"{expression} AS {column}" for column, expression in (cleaned | misfits).items()]),
        is_damaged=" OR ".join(damaged) if is_damaged else "false",
        json=contact.member(job),
        columns=", ".join(cleaned | misfits),
        largest=MOST_CONTACT_BYTES,
        filled=" + ".join(f"({place} IS NOT NULL)::UTINYINT" for place in sent),
    )


def _typed(fields: dict[str, CustomField]) -> list[str]:
    """The places whose values may not fit."""
    return [place for place, field in fields.items() if field.type in _CAN_MISFIT]


def _misfit(place: str) -> str:
    """The column that says whether a value was left out."""
    return f"{place}_misfit"


def _warnings(engine: Engine, job: Job, fields: dict[str, CustomField]) -> list[str]:
    typed = _typed(fields)
    if not typed:
        return []
    (found,) = engine.rows(_MISFITS.format(counts=", ".join(f"count(*) FILTER ({_misfit(place)})" for place in typed)))
    columns = {place: job.export.mapping.fields[key] for key, place in field_places(job).items()}
    return [
        f"{count} values of column {columns[place]} are not {_CAN_MISFIT[fields[place].type]} and were left out"
        for place, count in zip(typed, found, strict=True)
        if count
    ]
