"""Why ActiveCampaign did not take a contact: looked for once every import of a run has ended.

Cheapest first: the account's exclusion list, what follows from the address itself, everybody who is unsubscribed or
bounced on the list (a hundred per question), and single contacts, as many as a run may ask about. Who is left keeps
``refused_unknown``. Last come imports of which somebody is missing whom nobody named (``missing.py``). One call asks
for less than a minute; the next one goes on where it stopped, for hours at most.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from shared import names, receipts
from shared.activecampaign.client import BOUNCED, UNSUBSCRIBED, ActiveCampaign
from shared.activecampaign.emails import comparable, fails_in_processing
from shared.activecampaign.exclusions import Exclusions
from shared.activecampaign.reading import PAGE
from shared.courier import Courier
from shared.documents import Reason, Receipt, Run
from shared.doors.clock import now
from shared.errors import PassingError, RunHeld
from shared.lines import Contact, lists_of
from shared.outcomes import gaps
from shared.outcomes.inquiry import Inquiry, Search
from shared.outcomes.missing import find_missing
from shared.runs.states import FINAL

MOST_PAGES = 500
"""Pages of unsubscribed or bounced contacts that a run reads at most, of each."""

MOST_EXCLUSIONS = 100_000
"""Entries of the exclusion list that a run reads at most."""

MOST_LOOKUPS = 250
"""Single contacts that a run asks about at most; each takes two questions."""

SEARCHED_FOR = timedelta(hours=2)
"""From the end of the last import: whatever is not known by then stays unknown. Longer than any pause that is kept."""

LIST_GONE = Reason(
    code="list_gone",
    message="the account no longer has the export's list: correct the export; the next run sends these contacts again",
)


def name_refusals(courier: Courier, client: ActiveCampaign, run: Run) -> int:
    """Look for the reasons of refusals that have none yet, and for contacts that are missing; returns the steps taken.

    Does nothing as long as some import has not ended. Raises what the client raises, with everything noted that was
    learned until then; after too long, and for a run that has ended where a person would have to act, what is not known
    stays unknown instead.
    """
    summaries = receipts.summaries(courier.store.blobs, run.id)
    unnamed = [summary.batch for summary in summaries if summary.unnamed]
    if not unnamed or any(summary.pending for summary in summaries):
        return 0
    search = Search(courier, client, run.id, unnamed)
    search.inquiry = courier.store.find(names.inquiry(run.id), Inquiry) or Inquiry()
    moment = now(courier.clock)
    began = search.inquiry.began or moment
    search.note(began=began)
    try:
        if moment - began > SEARCHED_FOR:
            _give_up(search)
        else:
            _go_on(search)
    except RunHeld:
        if run.state not in FINAL:
            search.note(began=None)
            raise
        _give_up(search)
    finally:
        courier.store.put(names.inquiry(run.id), search.inquiry)
    return search.steps


def _go_on(search: Search) -> None:
    list_id = next(_list_ids(search), None)
    if list_id is not None and not search.client.list_exists(list_id):
        _change_all(search, _without_list)
        return
    if not search.inquiry.excluded_known:
        _read_exclusions(search)
    if search.inquiry.excluded_known:
        unnamed = _Unnamed.of(search)
        try:
            _name(search, unnamed, list_id)
        finally:
            unnamed.store(search)
        if not unnamed.left:
            find_missing(search)


def _give_up(search: Search) -> None:
    _change_all(search, gaps.given_up)


def _change_all(search: Search, update: Callable[[Receipt], Receipt]) -> None:
    for receipt in search.receipts():
        search.change(receipt.batch, update)
        search.steps += 1


def _list_ids(search: Search) -> Iterator[int]:
    """The lists that contacts were to join or leave of whom something is not known."""
    for receipt in search.receipts():
        contacts = search.contacts(receipt.batch)
        for position in gaps.unexplained(receipt):
            yield from (list_id for _, list_id in lists_of(contacts[position]))


def _without_list(receipt: Receipt) -> Receipt:
    """Nobody was refused for who they are: the imports failed."""
    open_ones = set(gaps.unexplained(receipt))
    imports = [
        one.model_copy(update={"outcome": "failed"})
        if open_ones & set(receipts.positions_of(one, receipt.contacts))
        else one
        for one in receipt.imports
    ]
    refusals = [refusal for refusal in receipt.refusals if refusal.detail != receipts.UNNAMED]
    return receipt.model_copy(update={"imports": imports, "refusals": refusals, "reason": LIST_GONE})


# The exclusion list


def _read_exclusions(search: Search) -> None:
    """Read on in the exclusion list, and name whoever is on the part that was read: it is kept nowhere."""
    entries, following = _read_on(search)
    exclusions = Exclusions(entries)
    for receipt in search.receipts() if entries else ():
        contacts = search.contacts(receipt.batch)
        excluded = [one for one in gaps.unexplained(receipt) if exclusions.has(contacts[one]["email"])]
        if excluded:
            codes = dict.fromkeys(excluded, receipts.REFUSED_EXCLUDED)
            search.change(receipt.batch, partial(gaps.with_codes, codes=codes))
    search.steps += len(entries)
    if following is None or following >= MOST_EXCLUSIONS:
        search.note(excluded_known=True)
    else:
        search.note(exclusions=following)


def _read_on(search: Search) -> tuple[list[str], int | None]:
    """The entries for which there is time, and where the next one is; a page that comes again is the last one."""
    entries: list[str] = []
    before: list[str] = []
    following: int | None = search.inquiry.exclusions
    while following is not None and following < MOST_EXCLUSIONS and search.in_time():
        try:
            page, following = search.client.exclusions(following)
        except PassingError:
            if entries:
                break
            raise
        if page and page == before:
            return entries, None
        entries += page
        before = page
    return entries, following


# Refusals without a reason


@dataclass(frozen=True)
class _Refused:
    """Somebody who was refused without a reason, by their place in the run."""

    batch: int
    position: int
    contact: Contact


@dataclass(frozen=True)
class _Unnamed:
    """Who is ``left`` to be named, by their address in its comparable form, and which codes were found for whom."""

    left: dict[str, _Refused]
    codes: dict[int, dict[int, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, search: Search) -> "_Unnamed":
        """Everybody in the receipts of a search."""
        left: dict[str, _Refused] = {}
        for receipt in search.receipts():
            unnamed = [one.position for one in receipt.refusals if one.detail == receipts.UNNAMED]
            contacts = search.contacts(receipt.batch) if unnamed else []
            for position in unnamed:
                email = str(contacts[position]["email"])
                alike = comparable(email)
                left[email if alike in left else alike] = _Refused(receipt.batch, position, contacts[position])
        return cls(left)

    def name(self, email: str, code: str) -> None:
        """Note a reason."""
        refused = self.left.pop(email)
        self.codes.setdefault(refused.batch, {})[refused.position] = code

    def store(self, search: Search) -> None:
        """Put the reasons into the receipts."""
        for batch, codes in self.codes.items():
            search.change(batch, partial(gaps.with_codes, codes=codes))
            search.steps += len(codes)


def _name(search: Search, unnamed: _Unnamed, list_id: int | None) -> None:
    """Go on until everybody has a reason, every means is used up, or time is."""
    for email in list(unnamed.left):
        if fails_in_processing(email):
            unnamed.name(email, receipts.REFUSED_INVALID)
    if list_id is not None:
        _by_standing(search, unnamed, list_id)
    _one_by_one(search, unnamed)
    if search.inquiry.lookups >= MOST_LOOKUPS:
        for email in list(unnamed.left):
            unnamed.name(email, search.newcomer_code)


def _by_standing(search: Search, unnamed: _Unnamed, list_id: int) -> None:
    while search.inquiry.unread and unnamed.left and search.in_time():
        after, (status, *others) = search.inquiry.after, search.inquiry.unread
        page, total = search.client.contacts_on(list_id, status, after=after)
        last = max((contact.id for contact in page), default=0)
        if last <= after or (after == 0 and not _worth_reading(total, unnamed)):
            search.note(unread=others, after=0)
            continue
        for email in {comparable(contact.email) for contact in page} & unnamed.left.keys():
            unnamed.name(email, _CODES[status])
        search.note(after=last)
        search.steps += 1


def _worth_reading(total: int | None, unnamed: _Unnamed) -> bool:
    """Whether reading everybody takes fewer questions than asking about each address that is left."""
    return total is not None and total <= PAGE * min(MOST_PAGES, 2 * len(unnamed.left))


def _one_by_one(search: Search, unnamed: _Unnamed) -> None:
    for email, refused in list(unnamed.left.items()):
        if search.inquiry.lookups >= MOST_LOOKUPS or not search.in_time():
            return
        search.note(lookups=search.inquiry.lookups + 1)
        _, code = search.look_up(refused.contact)
        unnamed.name(email, code)


_CODES = {UNSUBSCRIBED: receipts.REFUSED_UNSUBSCRIBED, BOUNCED: receipts.REFUSED_BOUNCED}
