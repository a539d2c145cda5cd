"""Cleaning: the values of a row into what is sent of a person, or into the code of a reject.

In every value control characters are removed (line ends and tabs become spaces), then white space at both ends. An
empty value is absent. Beyond that, by where a value goes:

| value | cleaned to | what does not fit |
|---|---|---|
| email | lower case, domain in ASCII | a reject: ``email_missing``, ``email_invalid`` |
| text, hidden | as it is | |
| dropdown, radio | as it is; whether the field has that option is left to ActiveCampaign | |
| textarea | as it is, line ends kept | |
| date | ``YYYY-MM-DD``, from a year-first date or ``DD.MM.YYYY``, the time cut off | left out, warning |
| datetime | ISO 8601 in UTC, from a year-first date and time; without an offset it is UTC | left out, warning |
| number | as it is; with an exponent, written out to twelve places | left out, warning |
| listbox, checkbox | ``||a||b||``, from that or from values between ``;`` or ``|``; options as above | |

``01/02/2026`` is left out, since nobody can tell whether it is in January or February. A row of a damaged text is a
reject (``encoding_invalid``) where one of its mapped values is damaged, and a row whose contact would not fit into an
import by itself is one too (``value_too_long``).

The domain of an email is mapped to ASCII as browsers do (UTS 46). Before the @ only ASCII passes: lower-casing anything
else (a dotted capital I, a Kelvin sign) could make it another person's mailbox.
"""

from shared.plan import contact
from shared.plan.characters import CONTROL, EDGES
from shared.plan.columns import IDENTITY, detail_places, field_places
from shared.plan.domains import ascii_forms
from shared.plan.engine import Engine, listed, text
from shared.plan.limits import LARGEST_CONTACT
from shared.plan.plain import DAMAGED
from shared.plan.shapes import Job

_BETWEEN = "`"
"""Put between the values of a row where all are looked at together; a value may have it, but rarely beside a space."""

_UNTIDY = f"[{CONTROL}]|^[{EDGES}]|[{EDGES}]$"
_NOT_PLAIN = rf'[{CONTROL}"\\]|(?:^|{_BETWEEN})[{EDGES}]|[{EDGES}](?:{_BETWEEN}|$)'
"""In values of which one has to be cleaned or escaped: most rows have none, and are looked at once."""

_MACROS = (
    rf"CREATE TEMP MACRO edged(x) AS regexp_replace(x, '^[{EDGES}]+|[{EDGES}]+$', '', 'g')",
    "CREATE TEMP MACRO small(x) AS CASE WHEN strlen(x) = length(x) THEN lower(x) ELSE x END",
    "CREATE TEMP MACRO cut(x, most) AS CASE WHEN strlen(x) > most THEN left(x, most) ELSE x END",
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
    CREATE TEMP MACRO tidy(x, is_plain) AS
        nullif(CASE WHEN is_plain THEN x WHEN regexp_matches(x, '{_UNTIDY}') THEN edged(one_line(x)) ELSE x END, '')
    """,
    f"""
    CREATE TEMP MACRO tidy_lines(x, is_plain) AS
        nullif(CASE WHEN is_plain THEN x WHEN regexp_matches(x, '{_UNTIDY}') THEN edged(lines(x)) ELSE x END, '')
    """,
    r"""
    CREATE TEMP MACRO escaped(x, is_plain) AS
        CASE WHEN is_plain THEN x
             WHEN contains(x, '"') OR contains(x, '\') OR contains(x, chr(10))
             THEN replace(replace(replace(x, '\', '\\'), '"', '\"'), chr(10), '\n')
             ELSE x END
    """,
    r"""
    CREATE TEMP MACRO in_our_era(x) AS
        nullif(regexp_extract(x, '^(?:[1-9]\d{3}|0[1-9]\d\d|00[1-9]\d|000[1-9])-\d\d-\d\d(?:T.*)?$'), '')
    """,
    r"""
    CREATE TEMP MACRO as_date(x) AS
        in_our_era(CASE WHEN regexp_matches(x, '^\d{4}-\d\d-\d\d$') THEN try_cast(x AS DATE)
             WHEN regexp_matches(x, '^\d{4}([-/.])\d{1,2}([-/.])\d{1,2}([T ]\d{1,2}:\d\d.*)?$')
                 THEN try_cast(replace(replace(regexp_extract(x, '^[^T ]+'), '/', '-'), '.', '-') AS DATE)
             WHEN regexp_matches(x, '^\d{1,2}\.\d{1,2}\.\d{4}( \d{1,2}:\d\d.*)?$')
                 THEN try_strptime(regexp_extract(x, '^[^ ]+'), '%d.%m.%Y')::DATE
        END::VARCHAR)
    """,
    r"""
    CREATE TEMP MACRO as_datetime(x) AS
        in_our_era(CASE
             WHEN regexp_matches(x, '^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.]\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?)?$')
             THEN strftime(
                 try_cast(regexp_replace(regexp_replace(x, '([.]\d{1,6})\d*', '\1'), '([+-]\d\d)(\d\d)$', '\1:\2')
                          AS TIMESTAMPTZ)::TIMESTAMP, '%Y-%m-%dT%H:%M:%S+00:00')
        END)
    """,
    r"""
    CREATE TEMP MACRO as_number(x) AS
        CASE WHEN regexp_matches(x, '^[+-]?(\d+|\d*\.\d+)$') THEN ltrim(x, '+')
             WHEN regexp_matches(x, '^[+-]?(\d+|\d*\.\d+)[eE][+-]?\d+$')
                  AND (try_cast(x AS DECIMAL(38, 12)) <> 0 OR regexp_matches(x, '^[+-]?[0.]+[eE]'))
                 THEN regexp_replace(try_cast(x AS DECIMAL(38, 12))::VARCHAR, '\.?0+$', '')
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
    "date": "as_date(tidy({0}, is_plain))",
    "datetime": "as_datetime(tidy({0}, is_plain))",
    "number": "as_number(tidy({0}, is_plain))",
    "listbox": "as_choices(tidy({0}, is_plain))",
    "checkbox": "as_choices(tidy({0}, is_plain))",
    "textarea": "tidy_lines({0}, is_plain)",
}
_CAN_MISFIT = {"date": "a date", "datetime": "a date and time", "number": "a number"}

_FLAW = """
CREATE TEMP MACRO flaw(email, size) AS
    CASE WHEN is_email(email) THEN CASE WHEN size > {largest} THEN 'value_too_long' END
         WHEN coalesce(email, '') = '' THEN 'email_missing'
         ELSE 'email_invalid' END
"""

_CLEANED = """
WITH uncleaned AS (
    SELECT *, NOT regexp_matches(concat_ws('{between}', {values}), '{not_plain}') AS is_plain FROM ({rows})
),
tidied AS (
    SELECT * REPLACE (CASE WHEN is_plain THEN email ELSE edged(email) END AS email, {tidied}) {misfits}
    FROM uncleaned
),
sent AS (
    SELECT * REPLACE (small(email) AS email {escaped}), {is_damaged} AS is_damaged FROM tidied
),
sized AS (
    SELECT *, strlen({json}) AS size FROM sent
)
SELECT form, found, bytes, cut(email, {longest_email}) AS email, {others}, words,
       CASE WHEN form = 'row' THEN CASE WHEN is_damaged THEN 'encoding_invalid' ELSE flaw(email, size) END
            WHEN form <> 'blank' THEN 'row_malformed' END AS code,
       {filled} AS filled, {hash} AS hash, size {misfit_names}
FROM sized
"""
"""Each step is a table of its own: what is computed once within one would be computed for every use of it."""

_FOREIGN_DOMAINS = r"""
CREATE TEMP TABLE foreigner AS
SELECT rowid AS place, lower(split_part(email, '@', 1)) AS mailbox, split_part(email, '@', 2) AS domain
FROM record WHERE code = 'email_invalid' AND strlen(email) <> length(email)
    AND regexp_matches(email, '^[!-?A-~]+@[^@]+$')
"""

_WRITE_ASCII = """
UPDATE record
SET email = ascii.email, size = ascii.size, code = flaw(ascii.email, ascii.size), hash = ascii.hash
FROM (
    SELECT place, ascii_email AS email, strlen({json}) AS size, {hash} AS hash
    FROM (
        SELECT place, mailbox || '@' || ascii_domain AS ascii_email FROM foreigner
        JOIN (SELECT unnest($domains) AS domain, unnest($forms) AS ascii_domain) USING (domain)
    )
    JOIN (SELECT rowid AS place, * EXCLUDE (hash, size) FROM record) USING (place)
) ascii
WHERE record.rowid = ascii.place
"""

_MISFITS = "SELECT {counts} FROM record WHERE form = 'row' AND code IS NULL"

_LONGEST_EMAIL = 320
"""Characters that are kept of what stands in the place of an email."""


class Cleaner:
    """Cleans the rows of one job. ``places`` are those of their values."""

    def __init__(self, engine: Engine, job: Job) -> None:
        self._engine = engine
        self._job = job
        self.places = [*IDENTITY, *detail_places(job)]
        self._fields = {place: job.fields[key] for key, place in field_places(job).items()}
        self._typed = [place for place, field in self._fields.items() if field.type in _CAN_MISFIT]
        self.misfits = [f"{place}_misfit" for place in self._typed]
        for macro in (*_MACROS, _IS_EMAIL, _FLAW.format(largest=LARGEST_CONTACT)):
            engine.run(macro)

    def cleaned(self, rows: str, *, is_damaged: bool = False) -> str:
        """Query of the columns of ``record`` from ``form`` on, from one of ``form, found, bytes, words`` and values.

        The values are those of all ``places``, and ``NULL`` where the form is not ``row``. ``is_damaged`` says that
        :data:`DAMAGED` may stand in them.
        """
        others = [place for place in self.places if place != "email"]
        tidied = {place: f"tidy({place}, is_plain)" for place in others}
        for place, field in self._fields.items():
            tidied[place] = _BY_TYPE.get(field.type, "tidy({0}, is_plain)").format(place)
        misfits = {
            misfit: f"{tidied[place]} IS NULL AND tidy({place}, is_plain) IS NOT NULL"
            for place, misfit in zip(self._typed, self.misfits, strict=True)
        }
        details = detail_places(self._job)
        damaged = [f"coalesce(contains({place}, {text(DAMAGED)}), false)" for place in self.places]
        return _CLEANED.format(
            rows=rows,
            between=_BETWEEN,
            not_plain=_NOT_PLAIN,
            values=", ".join(self.places),
            tidied=listed([f"{value} AS {place}" for place, value in tidied.items()]),
            misfits="".join(f", {is_misfit} AS {misfit}" for misfit, is_misfit in misfits.items()),
            escaped="".join(f", escaped({place}, is_plain) AS {place}" for place in details),
            is_damaged=" OR ".join(damaged) if is_damaged else "false",
            json=contact.member(self._job),
            longest_email=_LONGEST_EMAIL,
            others=", ".join(others),
            filled=" + ".join(["0", *(f"({place} IS NOT NULL)::UTINYINT" for place in details)]),
            hash=contact.member_hash(self._job),
            misfit_names="".join(f", {misfit}" for misfit in misfits),
        )

    def map_foreign_domains(self) -> None:
        """Write the domains of emails in ASCII where they are not. There are few of them, each is mapped once."""
        self._engine.run(_FOREIGN_DOMAINS)
        domains = [domain for (domain,) in self._engine.rows("SELECT DISTINCT domain FROM foreigner")]
        forms = ascii_forms(domains)
        if forms:
            statement = _WRITE_ASCII.format(
                json=contact.member(self._job, "ascii_email"), hash=contact.member_hash(self._job, "ascii_email")
            )
            self._engine.run(statement, domains=list(forms), forms=list(forms.values()))

    def warnings(self) -> list[str]:
        """How many values of which columns were left out."""
        if not self._typed:
            return []
        counts = ", ".join(f"count(*) FILTER ({misfit})" for misfit in self.misfits)
        (found,) = self._engine.rows(_MISFITS.format(counts=counts))
        columns = {place: self._job.export.mapping.fields[key] for key, place in field_places(self._job).items()}
        return [
            f"{count} values of column {columns[place]} are not {_CAN_MISFIT[self._fields[place].type]}"
            " and were left out"
            for place, count in zip(self._typed, found, strict=True)
            if count
        ]
