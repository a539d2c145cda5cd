"""What becomes of accepted bulk imports: https://developers.activecampaign.com/reference/bulk-import-status-info.

Nothing runs in the background: whoever looks first lets everything happen that is due by then.
"""

import heapq
import random
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from local.activecampaign.contacts import Contact, Contacts, MailingList, Status
from local.activecampaign.rows import Row
from local.activecampaign.variants import Variants

Ending = Literal["completed", "failed", "interrupted"]
ImportStatus = Literal[False, "waiting", "claimed", "active", "completed", "failed", "interrupted"]


@dataclass(frozen=True)
class Timing:
    """Seconds that an import spends in each state before it ends; `unseen` is the boolean `false`."""

    unseen: float = 1.0
    waiting: float = 1.0
    claimed: float = 0.5
    active: float = 1.5


@dataclass(frozen=True)
class Fate:
    """What befalls one import out of the ordinary."""

    ending: Ending = "completed"
    share: float = 1.0
    """The part of its contacts that were processed before it ended."""

    unseen: float = 0.0
    """Further seconds of the status `false`."""

    stuck: float = 0.0
    """Further seconds of the status `active`; `math.inf` for ever."""

    unknown: bool = False
    """Nobody knows its id."""

    absent: frozenset[Literal["success", "failure"]] = frozenset()
    """What its report lacks."""


ORDINARY = Fate()


@dataclass(slots=True, eq=False)
class Import:
    """An accepted import; `rows` until it has ended, `success` and `failure` from then on."""

    batch_id: str
    accepted_at: float
    ends_at: float
    contacts: int
    automations: bool
    fate: Fate
    rows: list[Row]
    ended: bool = False
    success: list[int] = field(default_factory=list)
    failure: list[str] = field(default_factory=list)


class Imports:
    """The imports of one account, applied to its contacts when their time has come.

    `resubscribed` is told when an import makes somebody active who is gone.
    """

    def __init__(
        self,
        contacts: Contacts,
        lists: Mapping[int, MailingList],
        *,
        clock: Callable[[], float],
        timing: Timing,
        variants: Variants,
        seed: int,
        resubscribed: Callable[[float], object],
    ) -> None:
        self._contacts = contacts
        self._lists = lists
        self._clock = clock
        self._timing = timing
        self._variants = variants
        self._random = random.Random(seed)
        self._resubscribed = resubscribed
        self._known: dict[str, Import] = {}
        self._pending: list[tuple[float, int, Import]] = []

    def __iter__(self) -> Iterator[Import]:
        """Every import in the order of acceptance."""
        return iter(self._known.values())

    def accept(self, rows: list[Row], failing: list[str], *, automations: bool, fate: Fate) -> Import:
        """Queue an import of `rows`; the addresses `failing` fail in any case."""
        now = self._clock()
        timing = self._timing
        busy = timing.unseen + timing.waiting + timing.claimed + timing.active
        overtaken = 0.0 if len(self._known) % 2 else self._variants.overtaken
        accepted = Import(
            batch_id=self._new_id(),
            accepted_at=now,
            ends_at=now + busy + fate.unseen + fate.stuck + overtaken,
            contacts=len(rows),
            automations=automations,
            fate=fate,
            rows=rows,
            failure=failing,
        )
        heapq.heappush(self._pending, (accepted.ends_at, len(self._known), accepted))
        self._known[accepted.batch_id] = accepted
        return accepted

    def _new_id(self) -> str:
        number = self._random.getrandbits(128)
        if self._variants.batch_id_told == "number":
            return str(number >> 80)
        return str(uuid.UUID(int=number, version=4))

    def find(self, batch_id: str) -> Import | None:
        """The import of that id, unless it is unknown by fate or by age."""
        found = self._known.get(batch_id)
        if found is None or found.fate.unknown:
            return None
        kept = self._variants.import_kept
        return None if kept is not None and self._clock() >= found.ends_at + kept else found

    def status(self, one: Import) -> ImportStatus:
        """How far an import has come."""
        if one.ended:
            return one.fate.ending
        left = self._clock() - one.accepted_at - one.fate.unseen
        states: tuple[tuple[float, ImportStatus], ...] = (
            (self._timing.unseen, False),
            (self._timing.waiting, "waiting"),
            (self._timing.claimed, "claimed"),
        )
        for seconds, status in states:
            left -= seconds
            if left < 0:
                return status
        return "active"

    def advance(self) -> None:
        """Let every import end that is due, in the order of their ends."""
        now = self._clock()
        while self._pending and self._pending[0][0] <= now:
            self._end(heapq.heappop(self._pending)[2])

    def _end(self, one: Import) -> None:
        for row in one.rows[: round(one.fate.share * len(one.rows))]:
            self._process(row, one)
        one.rows = []
        one.ended = True

    def _process(self, row: Row, one: Import) -> None:
        known = self._contacts.find(row.email)
        if self._refused(row, known):
            one.failure.append(row.email)
            return
        left = known is not None and any(self._has_left(list_id, known) for list_id in row.subscribe)
        reported = left and self._variants.unsubscribed_reported
        if reported:
            one.failure.append(row.email)
        if left and not self._variants.unsubscribed_updated:
            return
        contact = known or self._contacts.add(row.email)
        in_body = self._variants.exclude_automations_in == "body"
        self._write(row, contact, one, automations=one.automations if in_body else not row.quiet)
        if not reported and (known is None or self._variants.success_lists == "all"):
            one.success.append(contact.id)

    def _refused(self, row: Row, known: Contact | None) -> bool:
        """Whether nothing at all of a contact is taken."""
        if "'" in row.email or (known.bounced if known else self._contacts.full):
            return True
        if self._variants.missing_list == "ignored":
            return False
        return any(list_id not in self._lists for list_id in row.subscribe)

    def _has_left(self, list_id: int, known: Contact) -> bool:
        """Whether a contact has unsubscribed from a list."""
        mailing_list = self._lists.get(list_id)
        return mailing_list is not None and mailing_list.standing.get(known.id) is Status.UNSUBSCRIBED

    def _write(self, row: Row, contact: Contact, one: Import, *, automations: bool) -> None:
        contact.describe(row.first_name, row.last_name, row.phone)
        contact.fields.update(row.fields)
        if row.tags:
            self._contacts.tag(contact, contact.tags | row.tags)
        if automations:
            contact.automation_runs += 1
        for list_id in row.subscribe:
            self._subscribe(list_id, contact, one.ends_at)
        for list_id in row.unsubscribe:
            if list_id in self._lists:
                self._lists[list_id].stand(contact, Status.UNSUBSCRIBED)

    def _subscribe(self, list_id: int, contact: Contact, at: float) -> None:
        """Never takes back an unsubscription of that contact; a person may have had another one."""
        mailing_list = self._lists.get(list_id)
        if mailing_list and not self._has_left(list_id, contact):
            if self._contacts.are_gone(mailing_list, contact):
                self._resubscribed(at)
            mailing_list.stand(contact, Status.ACTIVE)
