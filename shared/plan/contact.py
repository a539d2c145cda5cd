"""What is sent of one contact, as text of the engine: the very JSON of the bulk import.

The text is built from cleaned values, which have no control characters but line feeds, so that nothing but quotes,
backslashes and line feeds has to be escaped, and the text of a contact does not depend on the version of any library.
https://developers.activecampaign.com/reference/bulk-import-contacts
"""

import hashlib
import json
from dataclasses import dataclass

from shared.documents import LeaverAction
from shared.plan.columns import field_places, plain_places
from shared.plan.engine import text
from shared.plan.shapes import Job

_OPENING = '{"email":"'


@dataclass(frozen=True)
class _Value:
    """A value that may be absent, from column ``place``, and the text around it."""

    before: str
    place: str
    after: str


@dataclass(frozen=True)
class _Member:
    """What is sent of a member beside the email: ``fields`` are custom ones, of which ``mark`` is the same in all."""

    plain: list[_Value]
    fields: list[_Value]
    mark: list[str]
    rest: str


def member(job: Job, email: str = "email", ending: str = "}") -> str:
    """Expression of a member, from the email and from columns named like the places of the other values, all escaped.

    What is ``NULL`` stays out. The ``ending`` stands in place of the closing brace.
    """
    sent = _member(job)
    plain = [part for value in sent.plain for part in _where_present(value)]
    fields = [f"CASE WHEN {value.place} IS NOT NULL THEN {_joined(_around(value))} END" for value in sent.fields]
    parts = [text(_OPENING), email, text('"'), *plain, *_listed(fields, sent), text(sent.rest + ending)]
    return _joined(parts)


def member_hash(job: Job, email: str = "email") -> str:
    """Expression of the hash (``UUID``) of what is sent of a member, from what :func:`member` takes.

    It differs where the contact does. What is the same in all contacts is hashed once.
    """
    sent = _member(job)
    values = [part for value in (*sent.plain, *sent.fields) for part in _where_present(value)[:2]]
    same = hashlib.md5(_json([sent.mark, sent.rest]).encode(), usedforsecurity=False).digest()
    return f"xor(md5_number({_joined([email, *values])}), '{int.from_bytes(same, 'little')}'::UHUGEINT)::UUID"


def leaver(job: Job, ending: str = "}") -> str:
    """Expression of somebody who leaves, from column ``email``."""
    return _joined([text(_OPENING), "email", text(f'"{_leaving(job)}{ending}')])


def _member(job: Job) -> _Member:
    tags = sorted(set(job.export.tags))
    told = f',"tags":{_json(tags)}' if tags else ""
    marks = job.export.leavers.action is LeaverAction.MARK
    return _Member(
        plain=[_Value(f',"{place}":"', place, '"') for place in plain_places(job)],
        fields=[
            _Value(f'{{"id":{job.fields[key].id},"value":"', place, '"}') for key, place in field_places(job).items()
        ],
        mark=[_mark(job, job.export.leavers.member)] if marks else [],
        rest=f'{told},"subscribe":{_json([{"listid": job.export.list_id}])}',
    )


def _leaving(job: Job) -> str:
    if job.export.leavers.action is LeaverAction.MARK:
        return f',"fields":[{_mark(job, job.export.leavers.former)}]'
    return f',"unsubscribe":{_json([{"listid": job.export.list_id}])}'


def _listed(fields: list[str], sent: _Member) -> list[str]:
    """Parts of the list of custom fields, if there is any."""
    elements = [*fields, *map(text, sent.mark)]
    if not elements:
        return []
    opening, closing = text(',"fields":['), text("]")
    if not sent.mark:
        is_any = f"coalesce({', '.join(value.place for value in sent.fields)}) IS NOT NULL"
        opening, closing = (f"CASE WHEN {is_any} THEN {part} END" for part in (opening, closing))
    return [opening, f"concat_ws(',', {', '.join(elements)})", closing]


def _where_present(value: _Value) -> list[str]:
    """Parts of a value, each ``NULL`` where it is absent."""
    before, place, after = _around(value)
    return [
        f"CASE WHEN {place} IS NOT NULL THEN {before} END",
        place,
        f"CASE WHEN {place} IS NOT NULL THEN {after} END",
    ]


def _around(value: _Value) -> list[str]:
    return [text(value.before), value.place, text(value.after)]


def _joined(parts: list[str]) -> str:
    return f"concat({', '.join(parts)})"


def _mark(job: Job, value: str | None) -> str:
    if job.mark is None:
        raise ValueError("the custom field of leavers.field is not resolved")
    return _json({"id": job.mark.id, "value": value})


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
