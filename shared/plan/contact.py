"""What is sent of one contact, as text of the engine: the very JSON of the bulk import.

The text is built from cleaned values, which have no control characters but line feeds, so that nothing but quotes,
backslashes and line feeds has to be escaped, and the text of a contact does not depend on the version of any library.
https://developers.activecampaign.com/reference/bulk-import-contacts
"""

import json

from shared.documents import LeaverAction
from shared.plan.columns import field_places
from shared.plan.engine import Engine, text
from shared.plan.shapes import Job

_ESCAPED = """
CREATE TEMP MACRO escaped(x) AS
    CASE WHEN contains(x, '"') OR contains(x, '\\') OR contains(x, chr(10))
         THEN replace(replace(replace(x, '\\', '\\\\'), '"', '\\"'), chr(10), '\\n')
         ELSE x END
"""

_MEMBER = """
CREATE TEMP MACRO member_json(email, details, ending := '}}') AS
    concat('{{"email":"', email, '"', details, {rest}, ending)
"""

_LEAVER = (
    "CREATE TEMP MACRO leaver_json(email, ending := '}}') AS concat('{{\"email\":\"', email, '\"', {rest}, ending)"
)


def define(engine: Engine, job: Job) -> None:
    """Make the macros ``member_json(email, details)`` and ``leaver_json(email)``, and what :func:`details` uses.

    Both take an ``ending`` in place of the closing brace. An email that travels has nothing in it that JSON would have
    to escape.
    """
    tags = sorted(set(job.export.tags))
    told = f',"tags":{_json(tags)}' if tags else ""
    subscribe = f',"subscribe":{_json([{"listid": job.export.list_id}])}'
    engine.run(_ESCAPED)
    engine.run(_MEMBER.format(rest=text(told + subscribe)))
    engine.run(_LEAVER.format(rest=text(_leaver(job))))


def details(job: Job) -> str:
    """Expression of what is sent of a member beside the email, from cleaned values. What is absent stays out."""
    plain = [_optional(f',"{place}":"', place, '"') for place in ("first_name", "last_name", "phone")]
    return f"concat({', '.join([*plain, _fields(job)])})"


def _fields(job: Job) -> str:
    places = field_places(job)
    values = [_optional(f'{{"id":{job.fields[key].id},"value":"', place, '"}') for key, place in places.items()]
    if job.export.leavers.action is LeaverAction.MARK:
        values.append(text(_mark(job, job.export.leavers.member)))
        return f"concat(',\"fields\":[', concat_ws(',', {', '.join(values)}), ']')"
    if not values:
        return "''"
    has_values = f"coalesce({', '.join(places.values())}) IS NOT NULL"
    return f"CASE WHEN {has_values} THEN concat(',\"fields\":[', concat_ws(',', {', '.join(values)}), ']') END"


def _optional(before: str, place: str, after: str) -> str:
    return f"CASE WHEN {place} IS NOT NULL THEN concat({text(before)}, escaped({place}), {text(after)}) END"


def _leaver(job: Job) -> str:
    if job.export.leavers.action is LeaverAction.MARK:
        return f',"fields":[{_mark(job, job.export.leavers.former)}]'
    return f',"unsubscribe":{_json([{"listid": job.export.list_id}])}'


def _mark(job: Job, value: str | None) -> str:
    if job.mark is None:
        raise ValueError("the custom field of leavers.field is not resolved")
    return _json({"id": job.mark.id, "value": value})


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
