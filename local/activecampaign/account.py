"""One ActiveCampaign account without HTTP: what it holds, its rules, and how a test sets it up and looks at it."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, get_args

from local.activecampaign.contacts import Contact, Contacts, MailingList, Status
from local.activecampaign.fields import Field, FieldType
from local.activecampaign.imports import Imports, Timing
from local.activecampaign.journal import Journal
from local.activecampaign.limits import LimitRules, Limits
from local.activecampaign.variants import Variants

Permission = Literal["lists", "fields", "contacts", "tags", "imports", "admin"]
EVERYTHING: frozenset[Permission] = frozenset(get_args(Permission))

DEFAULT_KEY = "stand-in-key"


@dataclass(frozen=True)
class User:
    """Somebody with keys to the account, and what they may do with them."""

    id: int
    name: str
    email: str
    permissions: frozenset[Permission]


class Account:
    """An account whose first user may do everything, with the key `api_key`.

    `clock` tells seconds since 1970 and may run at any speed. Every method takes effect after all that was due by
    then, and may be called from any thread; so may whatever is done inside `with account.settled()`.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        *,
        api_key: str = DEFAULT_KEY,
        limits: LimitRules | None = None,
        timing: Timing | None = None,
        variants: Variants | None = None,
        seed: int = 0,
    ) -> None:
        self.clock = clock
        self.limits = Limits(limits or LimitRules())
        self.variants = variants or Variants()
        self.journal = Journal()
        self.contacts = Contacts()
        self.lists: dict[int, MailingList] = {}
        self.fields: dict[int, Field] = {}
        self.users: list[User] = []
        self.keys: dict[str, User] = {}
        self.payment_problem = False
        self.imports = Imports(
            self.contacts,
            self.lists,
            clock=clock,
            timing=timing or Timing(),
            variants=self.variants,
            seed=seed,
            resubscribed=lambda at: self.journal.violated(at, "resubscribed"),
        )
        self._lock = threading.RLock()
        self._last_id = 0
        self._refusals = 0
        self.add_user("admin", api_key)

    @contextmanager
    def settled(self) -> Iterator[None]:
        """Keep everybody else out, with every import ended that is due."""
        with self._lock:
            self.imports.advance()
            yield

    def count_refusal(self) -> int:
        """How many imports were refused for their contacts, this one included."""
        self._refusals += 1
        return self._refusals

    # What a test sets up

    def add_user(self, name: str, api_key: str, permissions: frozenset[Permission] = EVERYTHING) -> User:
        """Give somebody access."""
        with self.settled():
            mailbox = name.lower().replace(" ", ".")
            user = User(len(self.users) + 1, name, f"{mailbox}@example.com", permissions)
            self.users.append(user)
            self.keys[api_key] = user
            return user

    def revoke_key(self, api_key: str) -> None:
        """Make a key worthless."""
        with self.settled():
            del self.keys[api_key]

    def rotate_key(self, old: str, new: str) -> None:
        """Replace a key of a user by another one."""
        with self.settled():
            self.keys[new] = self.keys.pop(old)

    def add_list(self, name: str, list_id: int | None = None) -> int:
        """Add a list and return its id."""
        with self.settled():
            made = MailingList(self._new_id() if list_id is None else list_id, name)
            self.lists[made.id] = made
            return made.id

    def delete_list(self, list_id: int) -> None:
        """Remove a list; its contacts stay in the account."""
        with self.settled():
            del self.lists[list_id]

    def add_field(
        self,
        title: str,
        field_type: FieldType = "text",
        options: Sequence[str] = (),
        *,
        perstag: str | None = None,
        shown: bool = True,
    ) -> int:
        """Add a custom field and return its id; its personalisation tag is made from the title."""
        with self.settled():
            tag = perstag or title.upper().replace(" ", "_")
            made = Field(self._new_id(), title, field_type, tag, tuple(options), shown)
            self.fields[made.id] = made
            return made.id

    def delete_field(self, field_id: int) -> None:
        """Remove a custom field; what contacts have in it is out of sight from then on."""
        with self.settled():
            del self.fields[field_id]

    def add_contact(
        self,
        email: str,
        list_id: int | None = None,
        status: Status = Status.ACTIVE,
        *,
        fields: Mapping[int, str] | None = None,
        tags: Sequence[str] = (),
    ) -> Contact:
        """Put somebody into the account, on a list if one is given, whatever the rules say: they came by themselves."""
        with self.settled():
            contact = self.contacts.find_or_add(email)
            contact.fields.update(fields or {})
            self.contacts.tag(contact, contact.tags | set(tags))
            if status is Status.BOUNCED:
                self.contacts.bounce(contact)
            if list_id is not None:
                self.lists[list_id].gone.discard(contact.person)
                self.lists[list_id].stand(contact, status)
            return contact

    def unsubscribe(self, email: str, list_id: int) -> None:
        """Somebody unsubscribes from a list, known to the account before or not."""
        self.add_contact(email, list_id, Status.UNSUBSCRIBED)

    def bounce(self, email: str, list_id: int | None = None) -> None:
        """Mail to an address comes back: its contact bounces on that list and wherever it was active."""
        with self.settled():
            contact = self.add_contact(email, list_id, Status.BOUNCED)
            for mailing_list in self.lists.values():
                if mailing_list.standing.get(contact.id) is Status.ACTIVE:
                    mailing_list.stand(contact, Status.BOUNCED)

    def exclude(self, pattern: str) -> None:
        """Refuse an address, or every address that fits a pattern such as `*@example.org`."""
        with self.settled():
            self.contacts.exclude(pattern)

    def limit_contacts(self, limit: int) -> None:
        """Let the account hold at most that many contacts."""
        with self.settled():
            self.contacts.limit = limit

    # What a test looks at

    def contact(self, email: str) -> Contact | None:
        """Whoever has that address."""
        with self.settled():
            return self.contacts.find(email)

    def status(self, email: str, list_id: int) -> Status | None:
        """How somebody stands on a list; None where they never were on it."""
        with self.settled():
            contact = self.contacts.find(email)
            return self.lists[list_id].standing.get(contact.id) if contact else None

    def contacts_on(self, list_id: int, status: int = Status.ACTIVE) -> dict[str, Contact]:
        """Everybody who stands so on a list, by address."""
        with self.settled():
            standing = self.lists[list_id].standing
            ids = [contact_id for contact_id, stands in standing.items() if stands == status]
            return {contact.email: contact for contact in map(self.contacts.get, ids) if contact}

    def _new_id(self) -> int:
        """Never given before, so that a list's id does not pass for a field's."""
        self._last_id = max([self._last_id, *self.lists, *self.fields]) + 1
        return self._last_id
