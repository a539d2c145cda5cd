"""Why ActiveCampaign did not take a contact: looked for once every import of a run has ended.

Cheapest first: what follows from the address itself, the account's exclusion list, everybody who is unsubscribed or
bounced on the list (a hundred per question), and last single contacts, as many as a run may ask about. Who is left
keeps ``refused_unknown``. One call asks for a minute at most; the next one goes on where it stopped.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import Field

from shared import names, receipts
from shared.activecampaign.client import BOUNCED, PAGE, UNSUBSCRIBED, AccountRoom, ActiveCampaign
from shared.activecampaign.emails import fails_in_processing
from shared.activecampaign.exclusions import Exclusions
from shared.courier import Courier
from shared.documents import Reason, Receipt, Stored
from shared.doors.clock import Clock
from shared.lines import Lines

MOST_PAGES = 500
"""Pages of unsubscribed or bounced contacts that a run reads at most, of each."""

MOST_LOOKUPS = 250
"""Single contacts that a run asks about at most; each takes two questions."""

ASKING_SECONDS = 60.0
"""A watcher that is silent for minutes would be taken for dead."""

LIST_GONE = Reason(
    code="list_gone",
    message="the account no longer has the export's list: correct the export; the next run sends these contacts again",
)


class Inquiry(Stored):
    """How far the search has come, in statuses, ids and numbers.

    ``unread`` are the statuses whose contacts on the list have still to be read, the first of them up to the contact
    id ``after`` already.
    """

    unread: list[int] = Field(default_factory=lambda: [UNSUBSCRIBED, BOUNCED])
    after: int = 0
    lookups: int = 0


def name_refusals(courier: Courier, client: ActiveCampaign, lines: Lines, run_id: str) -> int:
    """Look for the reasons of refusals that have none yet; returns how many are settled.

    Does nothing as long as some import has not ended. Raises what the client raises.
    """
    blobs = courier.store.blobs
    summaries = receipts.summaries(blobs, run_id)
    unnamed = [summary.batch for summary in summaries if summary.unnamed]
    if not unnamed or any(summary.pending for summary in summaries):
        return 0
    found = [receipt for batch in unnamed if (receipt := receipts.find(blobs, run_id, batch))]
    exclusions = Exclusions(client.exclusions())
    puzzle = _gather(lines, found, exclusions)
    if puzzle.list_id is not None and not client.list_exists(puzzle.list_id):
        for receipt in found:
            receipts.change(blobs, receipt, _without_list)
        return len(puzzle.emails)
    inquiry = courier.store.find(names.inquiry(run_id), Inquiry) or Inquiry()
    search = _Search(client, puzzle, inquiry, courier.clock, courier.clock.time() + ASKING_SECONDS)
    search.run(exclusions)
    for receipt in found:
        receipts.change(blobs, receipt, lambda receipt: _with_codes(receipt, puzzle, search.named))
    courier.store.put(names.inquiry(run_id), search.inquiry)
    return len(search.named)


Place = tuple[int, int]
"""A batch, and a position in it."""


@dataclass(frozen=True)
class _Puzzle:
    """What is open: refused addresses without a reason, the list they were to join or leave, and who was left out."""

    emails: Mapping[Place, str]
    list_id: int | None
    left_out: frozenset[Place]


def _gather(lines: Lines, found: Iterable[Receipt], exclusions: Exclusions) -> _Puzzle:
    emails: dict[Place, str] = {}
    left_out: set[Place] = set()
    list_id = None
    for receipt in found:
        contacts = lines.contacts(receipt.batch)
        for position in (refusal.position for refusal in receipt.refusals if refusal.detail == receipts.UNNAMED):
            contact = contacts[position]
            emails[receipt.batch, position] = contact["email"].casefold()
            list_id = list_id or next((one["listid"] for way in _WAYS for one in contact.get(way, ())), None)
        left_out |= {
            (receipt.batch, position) for position in _suspects(receipt) if exclusions.has(contacts[position]["email"])
        }
    return _Puzzle(emails, list_id, frozenset(left_out))


_WAYS = ("subscribe", "unsubscribe")


def _suspects(receipt: Receipt) -> set[int]:
    """Among whom those are who were left out without being named."""
    shortened = [one for one in receipt.imports if one.left_out and one.outcome == "completed"]
    positions = {position for one in shortened for position in receipts.positions_of(one, receipt.contacts)}
    return positions - {refusal.position for refusal in receipt.refusals}


def _with_codes(receipt: Receipt, puzzle: _Puzzle, named: Mapping[str, str]) -> Receipt:
    refusals = [
        receipts.refusal(refusal.position, code)
        if refusal.detail == receipts.UNNAMED
        and (code := named.get(puzzle.emails.get((receipt.batch, refusal.position), "")))
        else refusal
        for refusal in receipt.refusals
    ]
    refusals += [
        receipts.refusal(position, receipts.REFUSED_EXCLUDED)
        for position in sorted(_suspects(receipt))
        if (receipt.batch, position) in puzzle.left_out
    ]
    imports = [one.model_copy(update={"left_out": 0}) if one.outcome == "completed" else one for one in receipt.imports]
    return receipts.settled(receipt.model_copy(update={"refusals": refusals, "imports": imports}))


def _without_list(receipt: Receipt) -> Receipt:
    """Nobody was refused for who they are: the imports failed."""
    refused = {refusal.position for refusal in receipt.refusals if refusal.detail == receipts.UNNAMED}
    imports = [
        one.model_copy(update={"outcome": "failed"})
        if refused & set(receipts.positions_of(one, receipt.contacts))
        else one
        for one in receipt.imports
    ]
    refusals = [refusal for refusal in receipt.refusals if refusal.position not in refused]
    return receipts.settled(receipt.model_copy(update={"imports": imports, "refusals": refusals, "reason": LIST_GONE}))


class _Search:
    """The search for the reasons of some addresses: ``named`` by code so far, ``inquiry`` how far it has come."""

    def __init__(self, client: ActiveCampaign, puzzle: _Puzzle, inquiry: Inquiry, clock: Clock, until: float) -> None:
        self._client = client
        self._list_id = puzzle.list_id
        self._left = dict.fromkeys(puzzle.emails.values())
        self._clock = clock
        self._until = until
        self._room: AccountRoom | None = None
        self.inquiry = inquiry
        self.named: dict[str, str] = {}

    def run(self, exclusions: Exclusions) -> None:
        """Go on until everybody has a reason, every means is used up, or time is."""
        self._by_address(exclusions)
        if self._list_id is not None:
            self._by_standing(self._list_id)
        if self._left and self._in_time():
            self._room = self._client.account()
            self._one_by_one()
            if self.inquiry.lookups >= MOST_LOOKUPS:
                self._the_rest()

    def _by_address(self, exclusions: Exclusions) -> None:
        for email in list(self._left):
            if exclusions.has(email):
                self._name(email, receipts.REFUSED_EXCLUDED)
            elif fails_in_processing(email):
                self._name(email, receipts.REFUSED_INVALID)

    def _by_standing(self, list_id: int) -> None:
        while self.inquiry.unread and self._left and self._in_time():
            status, *others = self.inquiry.unread
            page, total = self._client.contacts_on(list_id, status, after=self.inquiry.after)
            last = max((contact.id for contact in page), default=0)
            if last <= self.inquiry.after or (self.inquiry.after == 0 and not self._worth_reading(total)):
                self.inquiry = self.inquiry.model_copy(update={"unread": others, "after": 0})
                continue
            for contact in page:
                if contact.email.casefold() in self._left:
                    self._name(contact.email.casefold(), _CODES[status])
            self.inquiry = self.inquiry.model_copy(update={"after": last})

    def _worth_reading(self, total: int | None) -> bool:
        """Whether reading everybody takes fewer questions than asking about each address that is left."""
        return total is not None and total <= PAGE * min(MOST_PAGES, 2 * len(self._left))

    def _one_by_one(self) -> None:
        for email in list(self._left):
            if self.inquiry.lookups >= MOST_LOOKUPS or not self._in_time():
                return
            self.inquiry = self.inquiry.model_copy(update={"lookups": self.inquiry.lookups + 1})
            self._name(email, self._look_up(email))

    def _the_rest(self) -> None:
        for email in list(self._left):
            self._name(email, self._newcomer_code())

    def _look_up(self, email: str) -> str:
        contact = self._client.find_contact(email)
        if contact is None:
            return self._newcomer_code()
        standing = self._client.contact_lists(contact.id)
        if any(one.status == BOUNCED for one in standing):
            return receipts.REFUSED_BOUNCED
        if any(one.status == UNSUBSCRIBED and one.list == self._list_id for one in standing):
            return receipts.REFUSED_UNSUBSCRIBED
        return receipts.REFUSED_UNKNOWN

    def _newcomer_code(self) -> str:
        """Why somebody is turned away of whom the account knows nothing, as far as we know."""
        return receipts.REFUSED_CONTACT_LIMIT if self._room and self._room.full else receipts.REFUSED_UNKNOWN

    def _name(self, email: str, code: str) -> None:
        del self._left[email]
        self.named[email] = code

    def _in_time(self) -> bool:
        return self._clock.time() < self._until


_CODES = {UNSUBSCRIBED: receipts.REFUSED_UNSUBSCRIBED, BOUNCED: receipts.REFUSED_BOUNCED}
