"""A search for what became of contacts: how far it has come, what it may still ask, and what it has at hand."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from pydantic import Field

from shared import receipts
from shared.activecampaign.client import BOUNCED, UNSUBSCRIBED, ActiveCampaign
from shared.courier import Courier
from shared.documents import Receipt, Stored
from shared.lines import Contact, Lines, lists_of
from shared.store import Store

ASKING_SECONDS = 45.0
"""How long one call asks: a watcher that is silent for minutes would be taken for dead."""

_TAKEN = {"subscribe": (0, 1), "unsubscribe": (2,)}
"""How somebody stands on a list who was asked to join it (and may have yet to confirm that), or to leave it."""


class Inquiry(Stored):
    """How far the search has come, in moments, numbers, statuses, ids and positions.

    ``began`` is when every import had ended. ``exclusions`` entries of the exclusion list have been read, all of them
    where ``excluded_known``. ``unread`` are the statuses whose contacts on the list have still to be read, the first of
    them up to the contact id ``after`` already. ``lookups`` counts refused contacts that were looked up, ``checks``
    those who might have been left out; of batch ``batch``, ``taken`` are the positions of those who were not.
    """

    began: datetime | None = None
    exclusions: int = 0
    excluded_known: bool = False
    unread: list[int] = Field(default_factory=lambda: [UNSUBSCRIBED, BOUNCED])
    after: int = 0
    lookups: int = 0
    checks: int = 0
    batch: int = 0
    taken: list[int] = Field(default_factory=list)


class Search:
    """One round of a search in those batches; ``steps`` counts what was learned in it, ``inquiry`` is for the next."""

    def __init__(self, courier: Courier, client: ActiveCampaign, run_id: str, batches: Sequence[int]) -> None:
        self._store: Store = courier.store
        self._clock = courier.clock
        self._lines = Lines(courier.store, run_id)
        found = (receipts.find(courier.store.blobs, run_id, batch) for batch in batches)
        self._receipts = {receipt.batch: receipt for receipt in found if receipt}
        self._until = courier.clock.time() + ASKING_SECONDS
        self.client = client
        self.inquiry = Inquiry()
        self.steps = 0

    def in_time(self) -> bool:
        """Whether this round may go on asking."""
        return self._clock.time() < self._until

    def note(self, **changes: object) -> None:
        """Note how far the search has come."""
        self.inquiry = self.inquiry.model_copy(update=changes)

    def receipts(self) -> list[Receipt]:
        """The receipts in the order of their batches, as they are by now."""
        return list(self._receipts.values())

    def change(self, batch: int, update: Callable[[Receipt], Receipt]) -> Receipt:
        """Store what ``update`` makes of a receipt, in the state that follows from it."""
        blobs, receipt = self._store.blobs, self._receipts[batch]
        changed = receipts.change(blobs, receipt, lambda receipt: receipts.settled(update(receipt)))
        self._receipts[batch] = changed
        return changed

    def contacts(self, batch: int) -> list[dict[str, Any]]:
        """The contacts of a batch as they were sent."""
        return self._lines.contacts(batch)

    def look_up(self, contact: Contact) -> tuple[bool, str]:
        """Whether a contact stands as it was asked to, and why it does not, as far as two questions tell."""
        found = self.client.find_contact(str(contact["email"]))
        if found is None:
            return False, self.newcomer_code
        standing = {one.list: one.status for one in self.client.contact_lists(found.id)}
        asked = list(lists_of(contact))
        taken = all(standing.get(list_id) in _TAKEN[way] for way, list_id in asked)
        if BOUNCED in standing.values():
            return taken, receipts.REFUSED_BOUNCED
        if any(standing.get(list_id) == UNSUBSCRIBED for _, list_id in asked):
            return taken, receipts.REFUSED_UNSUBSCRIBED
        return taken, receipts.REFUSED_UNKNOWN

    @cached_property
    def newcomer_code(self) -> str:
        """Why somebody is turned away of whom the account knows nothing, as far as we know."""
        room = self.client.account()
        return receipts.REFUSED_CONTACT_LIMIT if room and room.full else receipts.REFUSED_UNKNOWN
