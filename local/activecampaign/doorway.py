"""A bulk import at the door: queued as a whole or refused as a whole.

https://developers.activecampaign.com/reference/bulk-import-contacts
"""

from collections.abc import Mapping
from dataclasses import dataclass

from local.activecampaign.call import Call
from local.activecampaign.exchange import NotJson, Request, Response, answer, message, unprocessable
from local.activecampaign.fields import Field
from local.activecampaign.rows import BadMember, Row, read_row
from local.activecampaign.variants import Missing, Variants

PATH = "/import/bulk_import"
MOST_CONTACTS = 250
MOST_BYTES = 399_999

_WORDINGS = {"field": "Field '{}' incorrect format", "sentence": "The value given as {} is not valid."}

_ASTRAY = 17
"""How far off a wrong index is: more than the two ways of counting differ."""


@dataclass(frozen=True)
class Offence:
    """What is wrong with which contact, counted from 0."""

    index: int
    member: str


def contacts_in(request: Request) -> int | None:
    """How many contacts a request would import; None when it is no readable bulk import."""
    if request.method != "POST" or not request.path.endswith(PATH):
        return None
    try:
        entries = _entries(request)
    except NotJson:
        return None
    return None if entries is None else len(entries)


def bulk_import(call: Call) -> Response:
    """`POST /import/bulk_import`."""
    reason = _unfit(call.request)
    if reason:
        return _refuse([reason])
    rows, offences = _read(_entries(call.request) or [])
    if offences:
        return _refuse(_reasons(call, offences))
    repeated = _repeated(rows)
    if repeated:
        call.violated("email_repeated")
        if call.account.variants.repeated_email == "refused":
            return _refuse(_reasons(call, [Offence(index, "email") for index in repeated]))
    return _refuse_unknown(call, rows) or _accept(call, rows, repeated)


def _entries(request: Request) -> list[object] | None:
    document = request.document
    entries = document.get("contacts") if isinstance(document, dict) else None
    return entries if isinstance(entries, list) else None


def _unfit(request: Request) -> str | None:
    """What is wrong with the request as a whole."""
    if len(request.body) > MOST_BYTES:
        return f"The request body may not exceed {MOST_BYTES} bytes."
    try:
        entries = _entries(request)
    except NotJson:
        return "Unable to parse the request body as JSON."
    if not entries:
        return "No contacts were given."
    if len(entries) > MOST_CONTACTS:
        return f"Up to {MOST_CONTACTS} contacts may be imported per request."
    return None


def _read(entries: list[object]) -> tuple[list[Row], list[Offence]]:
    rows: list[Row] = []
    offences: list[Offence] = []
    for index, entry in enumerate(entries):
        try:
            rows.append(read_row(entry))
        except BadMember as error:
            offences.append(Offence(index, error.member))
    return rows, offences


def _repeated(rows: list[Row]) -> list[int]:
    """Where an address stands that stood before."""
    addresses = [row.email.lower() for row in rows]
    if len(set(addresses)) == len(addresses):
        return []
    return [index for index, address in enumerate(addresses) if address in addresses[:index]]


def _refuse(reasons: list[object]) -> Response:
    return answer(400, {"success": 0, "message": "The import was not queued.", "failureReasons": reasons})


def _reasons(call: Call, offences: list[Offence]) -> list[object]:
    """Per-contact reasons, as wrong and as few as the account's variants have them."""
    variants = call.account.variants
    wrong_every = variants.refusal_index_wrong_every
    number = call.account.count_refusal()
    astray = _ASTRAY if wrong_every and number % wrong_every == 0 else 0
    named = offences if variants.refusal_names == "all" else offences[:1]
    return [
        {
            "contact": one.index + variants.refusal_index_base + astray,
            "failureReason": _WORDINGS[variants.refusal_wording].format(one.member),
        }
        for one in named
    ]


def _refuse_unknown(call: Call, rows: list[Row]) -> Response | None:
    """Refuse an import that names lists or fields which the account has not."""
    variants = call.account.variants
    lists = _unknown(call.account.lists, [(*row.subscribe, *row.unsubscribe) for row in rows])
    fields = _unknown(call.account.fields, [tuple(row.fields) for row in rows])
    return _missing(call, "_List", "subscribe", lists, variants.missing_list) or _missing(
        call, "_Field", "fields", fields, variants.missing_field
    )


def _unknown(known: Mapping[int, object], named: list[tuple[int, ...]]) -> list[tuple[int, int]]:
    """Which contact, counted from 0, names which id that is not known."""
    unknown = set().union(*named) - known.keys()
    return [(index, one) for index, ids in enumerate(named) for one in ids if one in unknown] if unknown else []


def _missing(call: Call, kind: str, member: str, unknown: list[tuple[int, int]], how: Missing) -> Response | None:
    if not unknown or how == "ignored":
        return None
    if how == "refused":
        return _refuse(_reasons(call, [Offence(index, member) for index, _ in unknown]))
    sentence = f"No Result found for {kind} with id {unknown[0][1]}"
    if how == "not_found":
        return message(404, sentence)
    return unprocessable(sentence, "related_missing", f"/data/attributes/{member}")


def _accept(call: Call, rows: list[Row], repeated: list[int]) -> Response:
    account = call.account
    rows, misfits = _drop_misfits(rows, account.fields)
    if misfits:
        call.violated("value_misfit")
    call.journal.accepted(account.clock(), [row.email for row in rows])
    rows, failing = _drop_repeated(rows, repeated, call.account.variants)
    rows, excluded = _drop_excluded(rows, call)
    queued = account.imports.accept(
        rows, failing + excluded, automations=not _excludes_automations(call.request), fate=call.fate
    )
    told: dict[str, object] = {
        account.variants.success_member: 1,
        "queued_contacts": str(len(rows)) if account.variants.queued_told == "text" else len(rows),
        "batchId": int(queued.batch_id) if account.variants.batch_id_told == "number" else queued.batch_id,
        "message": "Contact import queued",
    }
    if account.variants.queued_told == "absent":
        del told["queued_contacts"]
    return answer(200, told)


def _drop_repeated(rows: list[Row], repeated: list[int], variants: Variants) -> tuple[list[Row], list[str]]:
    """The rows to queue and the addresses that fail, for an import that has addresses twice."""
    if not repeated or variants.repeated_email == "last_wins":
        return rows, []
    second = set(repeated)
    failing = [rows[index].email for index in repeated] if variants.repeated_email == "second_fails" else []
    return [row for index, row in enumerate(rows) if index not in second], failing


def _drop_excluded(rows: list[Row], call: Call) -> tuple[list[Row], list[str]]:
    """The rows to queue and the addresses that fail, for an account that refuses some addresses."""
    account = call.account
    excluded = {row.email for row in rows if account.contacts.excluded(row.email)}
    kept = [row for row in rows if row.email not in excluded]
    return kept, sorted(excluded) if account.variants.excluded_reported else []


def _excludes_automations(request: Request) -> bool:
    document = request.document
    return isinstance(document, dict) and document.get("exclude_automations") is True


def _drop_misfits(rows: list[Row], fields: Mapping[int, Field]) -> tuple[list[Row], int]:
    """The rows with the values that their fields take, and how many values of known fields were not taken."""
    count = 0
    kept: list[Row] = []
    for row in rows:
        unfit = [one for one, value in row.fields.items() if one not in fields or not fields[one].takes(value)]
        count += len(fields.keys() & unfit)
        kept.append(_without(row, unfit) if unfit else row)
    return kept, count


def _without(row: Row, field_ids: list[int]) -> Row:
    return row._replace(fields={one: value for one, value in row.fields.items() if one not in field_ids})
