"""The contacts of an account, their standing on its lists, and whom it refuses."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from fnmatch import translate

PLAN_LIMIT = 10_000_000
"""Contacts that the account may hold, unless a test says otherwise: far more than any test needs."""

_NOTHING = r"(?!)"


class Status(IntEnum):
    """How a contact stands on a list."""

    UNCONFIRMED = 0
    ACTIVE = 1
    UNSUBSCRIBED = 2
    BOUNCED = 3


@dataclass(slots=True, eq=False)
class Contact:
    """One contact; `fields` by field id, `automation_runs` counts the imports that let automations run.

    `person` is who it is: the contact that first had any of the addresses that this one had.
    """

    id: int
    email: str
    first_name: str = ""
    last_name: str = ""
    phone: str = ""
    fields: dict[int, str] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()
    automation_runs: int = 0
    bounced: bool = False
    person: int = 0

    def describe(self, first_name: str | None, last_name: str | None, phone: str | None) -> None:
        """Take over what was said: None leaves what is stored, an empty text overwrites it."""
        if first_name is not None:
            self.first_name = first_name
        if last_name is not None:
            self.last_name = last_name
        if phone is not None:
            self.phone = phone


@dataclass(slots=True, eq=False)
class MailingList:
    """A list, and how every contact that ever stood on it stands now, by contact id.

    `gone` are the persons who unsubscribed from it or bounced on it, whatever contacts they are now.
    """

    id: int
    name: str
    standing: dict[int, Status] = field(default_factory=dict)
    tally: Counter[Status] = field(default_factory=Counter)
    gone: set[int] = field(default_factory=set)

    def stand(self, contact: Contact, status: Status) -> None:
        """Note how a contact stands from now on."""
        if status in (Status.UNSUBSCRIBED, Status.BOUNCED):
            self.gone.add(contact.person)
        before = self.standing.get(contact.id)
        if before is status:
            return
        if before is not None:
            self.tally[before] -= 1
        self.tally[status] += 1
        self.standing[contact.id] = status


class Contacts:
    """Everybody an account knows, by address (in lower case) and by id, and the addresses it refuses.

    Ids are given in ascending order and nobody is ever removed, so that reading by pages is cheap for millions.
    """

    def __init__(self) -> None:
        self._by_email: dict[str, Contact] = {}
        self._by_id: list[Contact] = []
        self.limit = PLAN_LIMIT
        self.tags: dict[str, int] = {}
        self.exclusions: list[str] = []
        self._excluded_addresses: set[str] = set()
        self._excluded_pattern = re.compile(_NOTHING)
        self._tag_sets: dict[frozenset[str], frozenset[str]] = {}
        self._persons: dict[str, int] = {}
        self._bounced: set[int] = set()

    def __len__(self) -> int:
        return len(self._by_id)

    @property
    def full(self) -> bool:
        """Whether the account's contact limit keeps newcomers out."""
        return len(self._by_id) >= self.limit

    def find(self, email: str) -> Contact | None:
        """Whoever has that address, whatever its case."""
        return self._by_email.get(email.lower())

    def get(self, contact_id: int) -> Contact | None:
        """Whoever has that id."""
        return self._by_id[contact_id - 1] if 0 < contact_id <= len(self._by_id) else None

    def after(self, contact_id: int) -> Iterator[Contact]:
        """Everybody with a higher id, in the order of ids."""
        for index in range(max(contact_id, 0), len(self._by_id)):
            yield self._by_id[index]

    def add(self, email: str) -> Contact:
        """A new contact; nobody has that address yet."""
        contact = Contact(len(self._by_id) + 1, email.lower())
        contact.person = self._persons.get(contact.email, contact.id)
        self._by_id.append(contact)
        self._by_email[contact.email] = contact
        return contact

    def find_or_add(self, email: str) -> Contact:
        """Whoever has that address, now at the latest."""
        return self.find(email) or self.add(email)

    def rename(self, contact: Contact, email: str) -> None:
        """Give a contact another address; nobody else has it."""
        del self._by_email[contact.email]
        self._persons[contact.email] = contact.person
        contact.email = email.lower()
        self._persons[contact.email] = contact.person
        self._by_email[contact.email] = contact

    def bounce(self, contact: Contact) -> None:
        """Mail to a contact came back: nothing is written for it any more."""
        contact.bounced = True
        self._bounced.add(contact.person)

    def are_gone(self, mailing_list: MailingList, contact: Contact) -> bool:
        """Whether the person behind a contact unsubscribed from that list, or bounced, under whichever address."""
        return contact.person in mailing_list.gone or contact.person in self._bounced

    def tag(self, contact: Contact, names: frozenset[str]) -> None:
        """Give a contact these tags and no others; tags come into being with their first use.

        Equal sets of tags are kept once for everybody.
        """
        for name in sorted(names - self.tags.keys()):
            self.tag_id(name)
        contact.tags = self._tag_sets.setdefault(names, names)

    def tag_id(self, name: str) -> int:
        """The id of a tag, made if it is new."""
        return self.tags.setdefault(name, len(self.tags) + 1)

    def exclude(self, pattern: str) -> None:
        """Refuse an address, or every address that fits a pattern such as `*@example.org`."""
        self.exclusions.append(pattern)
        if "*" in pattern:
            patterns = [translate(one.lower()) for one in self.exclusions if "*" in one]
            self._excluded_pattern = re.compile("|".join(patterns))
        else:
            self._excluded_addresses.add(pattern.lower())

    def excluded(self, email: str) -> bool:
        """Whether the account refuses that address."""
        address = email.lower()
        return address in self._excluded_addresses or self._excluded_pattern.match(address) is not None
