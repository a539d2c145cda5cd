"""What became of imports, as the account tells it: in the documented way, and in all those that it leaves open.

https://developers.activecampaign.com/reference/bulk-import-status-info
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from local.activecampaign.call import Call
from local.activecampaign.calls import no_result
from local.activecampaign.exchange import Response, answer, message
from local.activecampaign.imports import Import, ImportStatus
from local.activecampaign.variants import FailureForm, StatusForm

_STRANGER = "stranger@elsewhere.example.net"


def import_info(call: Call) -> Response:
    """`GET /import/info`."""
    batch_id = call.request.query.get("batchId")
    if not batch_id:
        return message(400, "The batchId is required.")
    found = call.account.imports.find(batch_id)
    if found is None:
        return _unknown_import(call)
    variants = call.account.variants
    report: dict[str, object] = {"status": _STATUS_FORMS[variants.status_form](call.account.imports.status(found))}
    if found.ended:
        failure = _FAILURE_FORMS[variants.failure_form](found.failure) if found.failure else []
        report |= {"success": [str(one) for one in found.success], "failure": failure}
        absent: set[str] = set(found.fate.absent)
        if variants.empty_failure_absent and not found.failure:
            absent.add("failure")
        report = {name: value for name, value in report.items() if name not in absent}
    return answer(200, report)


def _unknown_import(call: Call) -> Response:
    answers = {
        "not_found": no_result("Import", call.request.query["batchId"]),
        "bad_request": message(400, "The batchId is not valid."),
        "false": answer(200, {"status": False}),
        "empty": answer(200, {}),
    }
    return answers[call.account.variants.unknown_import]


def imports(call: Call) -> Response:
    """`GET /import/bulk_import`: what is outstanding and what ended lately, of the whole account, by day."""
    known = list(call.account.imports)
    outstanding = [one for one in known if not one.ended]
    ended = [one for one in known if one.ended]
    return answer(200, {"outstanding": _by_day(outstanding), "recentlyCompleted": _by_day(ended)})


def _by_day(chosen: Sequence[Import]) -> list[dict[str, str]]:
    batches: Counter[str] = Counter()
    people: Counter[str] = Counter()
    for one in chosen:
        day = datetime.fromtimestamp(one.accepted_at, UTC).date().isoformat()
        batches[day] += 1
        people[day] += one.contacts
    return [{"forDate": day, "batches": str(batches[day]), "contacts": str(people[day])} for day in batches]


# Forms


def _unicode(email: str) -> str:
    """The address with its domain as people write it."""
    local, _, domain = email.partition("@")
    return f"{local}@{domain.encode().decode('idna') if domain.isascii() else domain}"


_FAILURE_FORMS: Mapping[FailureForm, Callable[[list[str]], object]] = {
    "emails": lambda failure: failure,
    "upper_case": lambda failure: [email.upper() for email in failure],
    "unicode": lambda failure: [_unicode(email) for email in failure],
    "objects": lambda failure: [{"reason": "refused", "email": email} for email in failure],
    "keyed": lambda failure: dict.fromkeys(failure, "refused"),
    "names": lambda failure: [f'"Somebody, or other" <{email}>' for email in failure],
    "joined": lambda failure: ", ".join(failure),
    "plus_as_space": lambda failure: [email.replace("+", " ") for email in failure],
    "escaped": lambda failure: [email.replace("+", "&#43;").replace("'", "&#39;") for email in failure],
    "twice": lambda failure: failure + failure,
    "with_stranger": lambda failure: [*failure, _STRANGER],
    "with_null": lambda failure: [None, *failure],
    "strangers": lambda failure: [_STRANGER] * len(failure),
    "ids": lambda failure: [str(place) for place in range(len(failure))],
    "count": len,
}

_STATUS_FORMS: Mapping[StatusForm, Callable[[ImportStatus], object]] = {
    "documented": lambda status: status,
    "capitals": lambda status: status and f" {status.upper()} ",
    "another_word": lambda status: "done" if status == "completed" else status,
    "number": lambda status: 4 if status == "completed" else status,
    "null": lambda status: None if status == "completed" else status,
}
