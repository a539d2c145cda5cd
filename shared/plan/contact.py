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


def define(engine: Engine) -> None:
    """Make what the expressions of this module use."""
    engine.run(_ESCAPED)


def member(job: Job) -> str:
    """The JSON of a member of the segment, from the columns of a cleaned row. Members that are absent stay out."""
    tags = sorted(set(job.export.tags))
    parts = [
        text('{"email":"'),
        "escaped(email)",
        text('"'),
        *(_optional(f',"{column}":"', column, '"') for column in ("first_name", "last_name", "phone")),
        text(f',"tags":{_json(tags)}' if tags else ""),
        _fields(job),
        text(f',"subscribe":{_json([{"listid": job.export.list_id}])}}}'),
    ]
    return f"concat({', '.join(parts)})"


def leaver(job: Job) -> str | None:
    """The JSON of somebody who left, from the column ``email``; ``None`` where leavers do not travel."""
    leavers = job.export.leavers
    if leavers.action is LeaverAction.MARK:
        told = f',"fields":[{_field_value(job, leavers.former or "")}]}}'
    elif leavers.action is LeaverAction.UNSUBSCRIBE:
        told = f',"unsubscribe":{_json([{"listid": job.export.list_id}])}}}'
    else:
        return None
    before, after = text('{"email":"'), text('"' + told)
    return f"concat({before}, escaped(email), {after})"


def _fields(job: Job) -> str:
    places = field_places(job)
    values = [_optional(f'{{"id":{job.fields[key].id},"value":"', place, '"}') for key, place in places.items()]
    if job.export.leavers.action is LeaverAction.MARK:
        values.append(text(_field_value(job, job.export.leavers.member or "")))
        has_values = "true"
    else:
        has_values = f"coalesce({', '.join(places.values())}) IS NOT NULL" if places else "false"
    return (
        f"CASE WHEN {has_values} THEN concat(',\"fields\":[', concat_ws(',', {', '.join(values or ['NULL'])}), ']') END"
    )


def _optional(before: str, column: str, after: str) -> str:
    return f"CASE WHEN {column} IS NOT NULL THEN concat({text(before)}, escaped({column}), {text(after)}) END"


def _field_value(job: Job, value: str) -> str:
    if job.mark is None:
        raise ValueError("the custom field of leavers.field is not resolved")
    return _json({"id": job.mark.id, "value": value})


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
