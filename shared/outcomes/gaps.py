"""Contacts of an accepted import that are known not to be taken, while nobody says who they are.

An import may leave contacts out when it is queued, and its report may tell failures in a way that leads to nobody.
Both numbers of an ``Import`` go down as it is found out who was meant; as long as one is left, nobody else of that
import is confirmed.
"""

from collections.abc import Collection, Mapping, Sequence

from shared import receipts
from shared.documents import Import, Reason, Receipt, Refusal

_SILENT = frozenset({receipts.REFUSED_EXCLUDED, receipts.REFUSED_UNKNOWN})
"""Whoever was refused for that may have been left out when queueing; any other reason is found after it."""

LEFT_OUT = Reason(
    code="import_left_out",
    message="ActiveCampaign left contacts out of an import and does not say whom: let the API key's user see the "
    "account's exclusion list; the next run sends the contacts of that import again",
)
UNCLEAR = Reason(
    code="import_report_unreadable",
    message="ActiveCampaign's report on an import names contacts in a way nobody understands; the next run sends those "
    "again who were not found",
)


def first_open(receipt: Receipt) -> Import | None:
    """The first import of a batch that has a gap."""
    return next(filter(receipts.gap, receipt.imports), None)


def suspects(receipt: Receipt, one: Import) -> list[int]:
    """The positions of an import among which the missing ones are: those that were not refused."""
    refused = {refusal.position for refusal in receipt.refusals}
    return [position for position in receipts.positions_of(one, receipt.contacts) if position not in refused]


def unexplained(receipt: Receipt) -> list[int]:
    """The positions of a batch that an answer may be found for: refused without a reason, or suspects."""
    unnamed = [refusal.position for refusal in receipt.refusals if refusal.detail == receipts.UNNAMED]
    return unnamed + [position for one in receipt.imports if receipts.gap(one) for position in suspects(receipt, one)]


def with_codes(receipt: Receipt, codes: Mapping[int, str]) -> Receipt:
    """The receipt with the reasons that were found, by position: whoever has another reason keeps it."""
    for position, code in codes.items():
        receipt = _with_code(receipt, position, code)
    return receipt


def without(receipt: Receipt, lost: Collection[int], reason: Reason) -> Receipt:
    """The receipt with those suspects as contacts that were not taken: they go out with the next run."""
    imports = [part for one in receipt.imports for part in _parted(receipt, one, set(lost))]
    return receipt.model_copy(update={"imports": imports, "reason": reason if lost else receipt.reason})


def closed(receipt: Receipt, *, everybody_looked_up: bool) -> Receipt:
    """The receipt without its first gap, once everything was done to find who is missing.

    Where every suspect was found as asked, the import is confirmed: its report named strangers, or the number left out
    are those who were refused. Where that does not explain the number, or somebody was not looked up, nobody is.
    """
    one = first_open(receipt)
    if one is None:
        return receipt
    explained = everybody_looked_up and one.left_out <= _visibly_refused(receipt, one)
    lost = [] if explained else suspects(receipt, one)
    receipt = without(receipt, lost, LEFT_OUT if one.left_out else UNCLEAR)
    return _replaced(receipt, one.batch_id, left_out=0, unclear=0)


def given_up(receipt: Receipt) -> Receipt:
    """The receipt with nothing open: reasons stay unknown, and nobody is confirmed of whom that is not certain."""
    unnamed = [refusal.position for refusal in receipt.refusals if refusal.detail == receipts.UNNAMED]
    receipt = with_codes(receipt, dict.fromkeys(unnamed, receipts.REFUSED_UNKNOWN))
    while first_open(receipt):
        receipt = closed(receipt, everybody_looked_up=False)
    return receipt


def _with_code(receipt: Receipt, position: int, code: str) -> Receipt:
    known = next((refusal for refusal in receipt.refusals if refusal.position == position), None)
    one = next((one for one in receipt.imports if position in receipts.positions_of(one, receipt.contacts)), None)
    if known is None and (one is None or not receipts.gap(one)):
        return receipt
    if known is not None and known.detail != receipts.UNNAMED:
        return receipt
    named = receipt.model_copy(update={"refusals": _with(receipt.refusals, receipts.refusal(position, code))})
    if one is None:
        return named
    if code in _SILENT and one.left_out:
        return _replaced(named, one.batch_id, left_out=one.left_out - 1)
    if known is None and one.unclear:
        return _replaced(named, one.batch_id, unclear=one.unclear - 1)
    return named


def _with(refusals: Sequence[Refusal], new: Refusal) -> list[Refusal]:
    """The refusals with another one, in the place of the one of its position where there is one."""
    known = {refusal.position: refusal for refusal in refusals}
    return list((known | {new.position: new}).values())


def _visibly_refused(receipt: Receipt, one: Import) -> int:
    """How many contacts of an import were refused after it was queued."""
    positions = set(receipts.positions_of(one, receipt.contacts))
    return sum(refusal.position in positions and refusal.code not in _SILENT for refusal in receipt.refusals)


def _parted(receipt: Receipt, one: Import, lost: set[int]) -> list[Import]:
    """An import as one that completed and one that failed, where some of its suspects are lost."""
    gone = [position for position in suspects(receipt, one) if position in lost] if receipts.gap(one) else []
    if not gone:
        return [one]
    kept = [position for position in receipts.positions_of(one, receipt.contacts) if position not in gone]
    changes = {"left_out": max(0, one.left_out - len(gone)), "contacts": len(kept), "positions": kept}
    failed = {"outcome": "failed", "left_out": 0, "unclear": 0, "contacts": len(gone), "positions": gone}
    return [one.model_copy(update=changes)] * bool(kept) + [one.model_copy(update=failed)]


def _replaced(receipt: Receipt, batch_id: str, **changes: object) -> Receipt:
    """The receipt with changes to the completed import of that id."""
    return receipt.model_copy(
        update={
            "imports": [
                one.model_copy(update=changes) if one.batch_id == batch_id and receipts.gap(one) else one
                for one in receipt.imports
            ]
        }
    )
