"""Who is missing from an import with a gap: its contacts are looked up one by one, as many as a run may ask about.

Whoever stands as they were asked to was taken. The others were refused where the report told of failures, and else were
left out: those go out with the next run.
"""

from functools import partial
from typing import Any

from shared import receipts
from shared.activecampaign.emails import fails_in_processing
from shared.documents import Import, Receipt
from shared.outcomes import gaps
from shared.outcomes.inquiry import Search

MOST_CHECKS = 500
"""Contacts of imports with a gap that a run looks up at most; each takes two questions."""


def find_missing(search: Search) -> None:
    """Close the gaps of a run, batch by batch, until time is up."""
    for receipt in search.receipts():
        if not _find_in(search, receipt):
            return


def _find_in(search: Search, receipt: Receipt) -> bool:
    """Close the gaps of one batch; whether that was done in time."""
    contacts = search.contacts(receipt.batch) if gaps.first_open(receipt) else []
    while (one := gaps.first_open(receipt)) is not None:
        taken = search.inquiry.taken if search.inquiry.batch == receipt.batch else []
        left = [position for position in gaps.suspects(receipt, one) if position not in taken]
        if not left or search.inquiry.checks >= MOST_CHECKS:
            receipt = search.change(receipt.batch, partial(gaps.closed, everybody_looked_up=not left))
        elif search.in_time():
            search.note(batch=receipt.batch, taken=taken)
            receipt = _check(search, receipt, one, left[0], contacts[left[0]])
        else:
            return False
        search.steps += 1
    return True


def _check(search: Search, receipt: Receipt, one: Import, position: int, contact: dict[str, Any]) -> Receipt:
    """Find out about one contact."""
    taken, code = _look_up(search, one, contact)
    if taken:
        search.note(taken=[*search.inquiry.taken, position])
        return receipt
    if code == receipts.REFUSED_UNKNOWN and not one.unclear:
        return search.change(receipt.batch, lambda receipt: gaps.without(receipt, [position], gaps.LEFT_OUT))
    return search.change(receipt.batch, lambda receipt: gaps.with_codes(receipt, {position: code}))


def _look_up(search: Search, one: Import, contact: dict[str, Any]) -> tuple[bool, str]:
    if one.unclear and fails_in_processing(contact["email"]):
        return False, receipts.REFUSED_INVALID
    search.note(checks=search.inquiry.checks + 1)
    return search.look_up(contact)
