"""Receipts: what became of each batch, in positions and codes, never in addresses.

A receipt's numbers are also the metadata of its blob, so that one listing tells how far a run has come.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from shared import names
from shared.documents import Import, Receipt, ReceiptState, Refusal
from shared.doors.ports import Blob, Blobs
from shared.errors import BlobChanged, BlobMissing, CourierError

EMAIL_INVALID = "email_invalid"
REFUSED_INVALID = "refused_invalid"
REFUSED_UNSUBSCRIBED = "refused_unsubscribed"
REFUSED_BOUNCED = "refused_bounced"
REFUSED_EXCLUDED = "refused_excluded"
REFUSED_CONTACT_LIMIT = "refused_contact_limit"
REFUSED_UNKNOWN = "refused_unknown"

DETAILS: Mapping[str, str] = {
    EMAIL_INVALID: "ActiveCampaign's rules do not allow this address",
    REFUSED_INVALID: "ActiveCampaign refuses this contact as it is written",
    REFUSED_UNSUBSCRIBED: "this person unsubscribed from the list; only they can subscribe again",
    REFUSED_BOUNCED: "mail to this address bounced",
    REFUSED_EXCLUDED: "the address, or a pattern that fits it, is on the account's exclusion list",
    REFUSED_CONTACT_LIMIT: "the account had reached its contact limit",
    REFUSED_UNKNOWN: "ActiveCampaign did not take this contact and gave no reason",
}
"""What a person reads beside each code."""

CLOSED = frozenset({ReceiptState.CONFIRMED, ReceiptState.FAILED})
"""The states that a receipt never leaves."""

UNNAMED = "ActiveCampaign did not take this contact; the reason is being looked up"
"""The detail of a refusal whose reason nobody has looked for yet."""

_TRIES = 50
"""Writers of one receipt meet rarely: a copy of a message, or the watcher."""


@dataclass(frozen=True)
class Summary:
    """A receipt as its metadata tells it.

    ``refused`` counts contacts by code, ``failed`` those that go out with the next run, ``pending`` the imports whose
    end is not known, ``unnamed`` the refusals whose reason is not, and the contacts that are known not to be taken
    without being named. ``accepted_at`` is when its last import was, and ``written`` when the receipt was written or
    last asked after.
    """

    batch: int
    state: ReceiptState
    contacts: int
    refused: Mapping[str, int]
    failed: int
    extra_sends: int
    pending: int
    unnamed: int
    accepted_at: datetime | None
    written: datetime


def refusal(position: int, code: str) -> Refusal:
    """That contact of a batch was refused for that reason."""
    return Refusal(position=position, code=code, detail=DETAILS[code])


def find(blobs: Blobs, run: str, batch: int) -> Receipt | None:
    """The receipt of a batch, ``None`` where there is none yet."""
    try:
        return Receipt.from_bytes(blobs.read(names.receipt(run, batch)).data)
    except BlobMissing:
        return None


def write(blobs: Blobs, receipt: Receipt, *, if_match: str | None = None, create_only: bool = False) -> None:
    """Store a receipt with its numbers as metadata; conditions as in ``Blobs.write``."""
    name = names.receipt(receipt.run, receipt.batch)
    blobs.write(name, receipt.to_bytes(), if_match=if_match, create_only=create_only, metadata=_metadata(receipt))


def change(blobs: Blobs, empty: Receipt, update: Callable[[Receipt], Receipt]) -> Receipt:
    """Replace the stored receipt, or ``empty`` where there is none, by what ``update`` makes of it.

    ``update`` may run several times. The receipt is written even when nothing changes: that it was looked at shows in
    the moment of its last change.
    """
    name = names.receipt(empty.run, empty.batch)
    for _ in range(_TRIES):
        try:
            content = blobs.read(name)
            receipt, etag = Receipt.from_bytes(content.data), content.etag
        except BlobMissing:
            receipt, etag = empty, None
        changed = update(receipt)
        try:
            write(blobs, changed, if_match=etag, create_only=etag is None)
        except BlobChanged:
            continue
        return changed
    raise CourierError(f"{name} was changed by others {_TRIES} times in a row", code="contended")


def summaries(blobs: Blobs, run: str) -> list[Summary]:
    """All receipts of a run in the order of their batches, from one listing."""
    return [_summary(blob) for blob in blobs.below(names.receipts(run), metadata=True)]


def settled(receipt: Receipt) -> Receipt:
    """The receipt in the state that follows from what is known, once nothing more of its batch will be sent."""
    if _pending(receipt) or _unnamed(receipt):
        state = ReceiptState.ACCEPTED
    else:
        state = ReceiptState.FAILED if failed_positions(receipt) else ReceiptState.CONFIRMED
    return receipt.model_copy(update={"state": state})


def positions_of(accepted: Import, contacts: int) -> list[int]:
    """Which contacts of a batch of so many an import holds."""
    return list(range(contacts)) if accepted.positions is None else accepted.positions


def spoken_for(receipt: Receipt) -> set[int]:
    """The positions that were accepted or refused: they are not sent again."""
    accepted = {position for one in receipt.imports for position in positions_of(one, receipt.contacts)}
    return accepted | {refused.position for refused in receipt.refusals}


def failed_positions(receipt: Receipt) -> set[int]:
    """The positions that go out with the next run: in a failed import, or in none and not refused."""
    taken = {
        position
        for one in receipt.imports
        if one.outcome != "failed"
        for position in positions_of(one, receipt.contacts)
    }
    return set(range(receipt.contacts)) - taken - {refused.position for refused in receipt.refusals}


def gap(one: Import) -> int:
    """How many contacts of an import are known not to be taken, and not who they are."""
    return one.left_out + one.unclear if one.outcome == "completed" else 0


def _pending(receipt: Receipt) -> int:
    return sum(one.outcome is None for one in receipt.imports)


def _unnamed(receipt: Receipt) -> int:
    return sum(map(gap, receipt.imports)) + sum(refused.detail == UNNAMED for refused in receipt.refusals)


def _metadata(receipt: Receipt) -> dict[str, str]:
    refused = Counter(refused.code for refused in receipt.refusals)
    failed = 0 if receipt.state is ReceiptState.PARTIAL else len(failed_positions(receipt))
    accepted = {"accepted": receipt.imports[-1].accepted_at.isoformat()} if receipt.imports else {}
    return accepted | {
        "state": receipt.state.value,
        "contacts": str(receipt.contacts),
        "refused": json.dumps(refused, sort_keys=True),
        "failed": str(failed),
        "extra": str(receipt.extra_sends),
        "pending": str(_pending(receipt)),
        "unnamed": str(_unnamed(receipt)),
    }


def _summary(blob: Blob) -> Summary:
    known = blob.metadata
    return Summary(
        batch=int(blob.name.rpartition("/")[2].removesuffix(".json")),
        state=ReceiptState(known["state"]),
        contacts=int(known["contacts"]),
        refused=json.loads(known["refused"]),
        failed=int(known["failed"]),
        extra_sends=int(known["extra"]),
        pending=int(known["pending"]),
        unnamed=int(known["unnamed"]),
        accepted_at=datetime.fromisoformat(known["accepted"]) if "accepted" in known else None,
        written=blob.modified,
    )
