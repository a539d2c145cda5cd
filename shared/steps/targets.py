"""Does what an export asks for exist in its ActiveCampaign account? Everything that does not is named at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.activecampaign.client import ContactList
from shared.documents import Export, LeaverAction
from shared.errors import ExportRefused
from shared.plan.shapes import CustomField

_NAMED = 100
"""How many existing lists or fields a message names at most."""


@dataclass(frozen=True)
class Targets:
    """The custom fields of an export: by key of ``mapping.fields``, and the one that marks leavers."""

    fields: dict[str, CustomField]
    mark: CustomField | None


def find_targets(export: Export, lists: Sequence[ContactList], fields: Sequence[CustomField]) -> Targets:
    """Resolve the list and the custom fields; ``ExportRefused`` says what does not exist, and what does."""
    problems = []
    if all(found.id != export.list_id for found in lists):
        known = _some([f"{found.id} ({found.name})" for found in lists])
        problems.append(f"list_id: the account has no list {export.list_id}; it has {known}")
    wanted = {key: _field(key, fields) for key in export.mapping.fields}
    known = _some([found.title for found in fields])
    problems += [
        f"mapping.fields: the account has no custom field {key!r}; it has {known}"
        for key, found in wanted.items()
        if found is None
    ]
    mark = None
    if export.leavers.action is LeaverAction.MARK and export.leavers.field:
        mark = _field(export.leavers.field, fields)
        if mark is None:
            problems.append(f"leavers.field: the account has no custom field {export.leavers.field!r}; it has {known}")
    problems += _mapped_twice(wanted, mark)
    if problems:
        raise ExportRefused("the export does not fit its account: " + "; ".join(problems), details=problems)
    return Targets({key: found for key, found in wanted.items() if found}, mark)


def _field(key: str, fields: Sequence[CustomField]) -> CustomField | None:
    """By id, then by perstag, then by title; case matters to none of them."""
    text = key.strip().strip("%").casefold()
    for names in (lambda f: str(f.id), lambda f: f.perstag.strip("%"), lambda f: f.title):
        for found in fields:
            if names(found).casefold() == text:
                return found
    return None


def _mapped_twice(wanted: dict[str, CustomField | None], mark: CustomField | None) -> list[str]:
    seen: dict[int, str] = {mark.id: "leavers.field"} if mark else {}
    problems = []
    for key, found in wanted.items():
        if found and found.id in seen:
            problems.append(f"mapping.fields: {key!r} is the same custom field as {seen[found.id]!r}")
        elif found:
            seen[found.id] = key
    return problems


def _some(known: list[str]) -> str:
    if not known:
        return "none"
    more = f" and {len(known) - _NAMED} more" if len(known) > _NAMED else ""
    return ", ".join(known[:_NAMED]) + more
