"""A client for one ActiveCampaign account: https://developers.activecampaign.com/reference.

Only the calls below exist. None of them can make an unsubscribed or bounced contact active again: contacts travel by
bulk import alone, and standing on lists is read, never written. Every call but ``post_import`` waits for its turn in
the ``requests`` lane and is tried again, a bounded number of times, while errors pass. Raised are ``RunHeld`` where a
person has to act, and ``RateLimited`` or ``Unavailable`` where time helps. No error holds an address, a key or a URL.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import requests
from requests.exceptions import ConnectTimeout, InvalidHeader, ProxyError, SSLError
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError

from shared.activecampaign.answers import POLICIES, Answer, Finding, Reply, Silence, find, judge_import, retry_after
from shared.activecampaign.emails import comparable
from shared.activecampaign.imports import ImportProgress, read_progress
from shared.activecampaign.keys import Keys
from shared.activecampaign.reading import (
    PAGE,
    count_rows,
    first_list,
    first_text,
    next_offset,
    parse,
    read,
    read_rows,
    total,
    whole,
)
from shared.documents import Connection
from shared.doors.clock import Clock
from shared.doors.ports import Vault
from shared.errors import CourierError, RateLimited, RunHeld, Unavailable
from shared.pacing import Lane, Pacer
from shared.plan.shapes import CustomField

T = TypeVar("T")

CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
WHOLE_SECONDS = 90.0
"""An answer that trickles in for longer than this is no answer."""

LIMIT_PAUSE_SECONDS = 10.0
"""How long everybody waits after a rate-limit answer that does not say."""

_MOST_BYTES = 16 * 1024 * 1024
_MOST_PAGES = 1000
_CHUNK = 64 * 1024
_TRIES = 4
_LONGEST_QUESTION_SECONDS = 65.0
"""No other try after that long: the question is left to its step, which comes back later."""

_HEADERS = {
    "Accept": "application/json",
    "Content-Type": "application/json",
    "User-Agent": "segment-courier/1.0",
}


@dataclass(frozen=True)
class User:
    """Whom the key belongs to."""

    username: str
    email: str = ""


@dataclass(frozen=True)
class ContactList:
    """A list of the account."""

    id: int
    name: str = ""


@dataclass(frozen=True)
class AccountRoom:
    """How many contacts the account holds, and may hold (``None``: any number)."""

    contacts: int
    limit: int | None

    @property
    def full(self) -> bool:
        """Whether new contacts are turned away."""
        return self.limit is not None and self.contacts >= self.limit


@dataclass(frozen=True)
class Contact:
    """A contact of the account."""

    id: int
    email: str


@dataclass(frozen=True)
class Membership:
    """How a contact stands on a list: 0 unconfirmed, 1 active, 2 unsubscribed, 3 bounced."""

    list: int
    status: int


UNSUBSCRIBED = 2
BOUNCED = 3


class ActiveCampaign:
    """One account, asked in the name of one connection. Not to be shared between threads (nor is its session)."""

    def __init__(
        self, connection: Connection, *, session: requests.Session, vault: Vault, pacer: Pacer, clock: Clock
    ) -> None:
        self._connection = connection
        self._session = session
        self._keys = Keys(connection, vault)
        self._pacer = pacer
        self._clock = clock

    # The account

    def me(self) -> User:
        """Whom the key belongs to: the connection test."""
        return read(User, self._get("users/me"), "user")

    def account(self) -> AccountRoom | None:
        """How much room the account has; ``None`` where the key's user may not know."""
        document = self._get("settings/account", passing=(Finding.FORBIDDEN, Finding.UNKNOWN_THING))
        settings = document.get("account") if isinstance(document, dict) else None
        members = settings if isinstance(settings, dict) else document if isinstance(document, dict) else {}
        contacts = whole(members.get("subscriber_total"))
        return None if contacts is None else AccountRoom(contacts, whole(members.get("subscriber_limit")))

    def lists(self) -> list[ContactList]:
        """Every list of the account."""
        return list(self._pages("lists", "lists", ContactList))

    def list_exists(self, list_id: int) -> bool:
        """Whether the account has that list."""
        found, _ = self._ask("GET", f"lists/{list_id}", passing=(Finding.UNKNOWN_THING,))
        return found is Finding.ANSWERED

    def fields(self) -> list[CustomField]:
        """Every custom field of the account."""
        return list(self._pages("fields", "fields", CustomField))

    # Contacts

    def find_contact(self, email: str) -> Contact | None:
        """The contact with that address."""
        wanted = comparable(email)
        for contact in read_rows(Contact, self._get("contacts", {"email": email}), "contacts"):
            if comparable(contact.email) == wanted:
                return contact
        return None

    def contacts_on(self, list_id: int, status: int, *, after: int = 0) -> tuple[list[Contact], int | None]:
        """A page of those who stand so on a list, with ids above ``after``; and how many there are in all, if known."""
        params: dict[str, str | int] = {
            "listid": list_id,
            "status": status,
            "limit": PAGE,
            "orders[id]": "ASC",
            "id_greater": after,
        }
        document = self._get("contacts", params)
        return read_rows(Contact, document, "contacts"), total(document)

    def contact_lists(self, contact_id: int) -> list[Membership]:
        """How a contact stands on the lists it ever was on."""
        document = self._get(f"contacts/{contact_id}/contactLists")
        return read_rows(Membership, document, "contactLists")

    def exclusions(self, offset: int = 0) -> tuple[list[str], int | None]:
        """A page of addresses and patterns that the account refuses, and where the next one begins, if there is one.

        None at all where the account answers with no list, so that nobody may know them.
        """
        document = self._get("lists/exclusions", {"limit": PAGE, "offset": offset}, passing=_NO_LIST)
        rows = first_list(document)
        texts = (first_text(row, "email", "pattern", "value", "address") for row in rows)
        return [text for text in texts if text], next_offset(document, offset, len(rows))

    def change_email(self, contact_id: int, email: str) -> bool:
        """Give a contact another address; ``False`` where ActiveCampaign does not let it have that one."""
        found, _ = self._ask(
            "PUT",
            f"contacts/{contact_id}",
            json={"contact": {"email": email}},
            passing=(Finding.UNKNOWN_THING, Finding.REFUSED),
        )
        return found is Finding.ANSWERED

    # Imports

    def get_ready(self) -> None:
        """Read the key ahead of an appointment: Key Vault may take a second over its first answer."""
        self._keys.current()

    def post_import(self, body: bytes) -> Answer:
        """Post one bulk import at once: the caller has kept an appointment for it.

        A key that was replaced in Key Vault meanwhile is read and used.
        """
        key = self._keys.current()
        came_back = self._exchange("POST", "import/bulk_import", key, data=body)
        if find(came_back) is Finding.FORBIDDEN and (fresh := self._keys.current(fresh=True)) != key:
            self._pacer.wait_turn(Lane.REQUESTS)
            key, came_back = fresh, self._exchange("POST", "import/bulk_import", fresh, data=body)
        answer = judge_import(came_back)
        if answer.finding is Finding.ANSWERED:
            self._keys.note(key)
        return answer

    def import_info(self, batch_id: str) -> ImportProgress:
        """How far an import has come."""
        _, reply = self._ask(
            "GET",
            "import/info",
            params={"batchId": batch_id},
            passing=(Finding.UNKNOWN_THING, Finding.REFUSED),
        )
        return read_progress(reply)

    # How it is asked

    def _get(
        self, path: str, params: Mapping[str, str | int] | None = None, *, passing: tuple[Finding, ...] = ()
    ) -> object:
        _, reply = self._ask("GET", path, params=params, passing=passing)
        return parse(reply.body) if reply.status < 300 else None

    def _pages(self, path: str, member: str, shape: type[T]) -> Iterator[T]:
        """Everything, page by page; a page that brings nothing new is the last one."""
        seen: set[T] = set()
        offset = 0
        for _ in range(_MOST_PAGES):
            document = self._get(path, {"limit": PAGE, "offset": offset})
            fresh = [one for one in read_rows(shape, document, member) if one not in seen]
            yield from fresh
            seen.update(fresh)
            following = next_offset(document, offset, count_rows(document, member))
            if not fresh or following is None:
                return
            offset = following

    def _ask(
        self, method: str, path: str, *, passing: tuple[Finding, ...] = (), **request: object
    ) -> tuple[Finding, Reply]:
        """Ask until there is an answer, or no sense in asking again; raises unless what came last is in ``passing``."""
        key, until = self._keys.current(), self._clock.time() + _LONGEST_QUESTION_SECONDS
        found, came_back = Finding.UNSENT, _NOTHING
        for attempt in range(_TRIES):
            self._pacer.wait_turn(Lane.REQUESTS)
            reply = self._exchange(method, path, key, **request)
            found, came_back = find(reply), reply if isinstance(reply, Reply) else _NOTHING
            if found is Finding.ANSWERED:
                self._keys.note(key)
                return found, came_back
            if found is Finding.LIMITED:
                self._pacer.hold_back(retry_after(came_back) or LIMIT_PAUSE_SECONDS)
            if found is Finding.FORBIDDEN and (fresh := self._keys.current(fresh=True)) != key:
                key = fresh
            elif not self._passes(found, key) or attempt + 1 == _TRIES or self._clock.time() > until:
                break
            elif found is not Finding.LIMITED:
                self._pause(attempt)
        if found in passing:
            return found, came_back
        raise _error(found, came_back)

    def _passes(self, found: Finding, key: str) -> bool:
        """Whether time helps."""
        return found in _PASSING or (found is Finding.FORBIDDEN and self._keys.has_worked(key))

    def _pause(self, attempt: int) -> None:
        self._clock.sleep_until(self._clock.time() + 2.0**attempt * (0.5 + self._clock.jitter()))

    def _exchange(self, method: str, path: str, key: str, **request: Any) -> Reply | Silence:
        """One request and what came back. Exceptions end here: they hold URLs, and those hold addresses."""
        url = f"https://{self._connection.host}/api/3/{path}"
        headers = {**_HEADERS, "Api-Token": key}
        try:
            with self._session.request(
                method,
                url,
                headers=headers,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
                stream=True,
                **request,
            ) as response:
                return self._received(response)
        except requests.RequestException as error:
            return Silence.UNSENT if _never_left(error) else Silence.LOST
        except HTTPError:
            return Silence.LOST

    def _received(self, response: requests.Response) -> Reply | Silence:
        """The whole answer, unless it is larger or slower than any answer of this API.

        Taken as it comes in: a read for a number of bytes waits for the last of them, however long that takes.
        """
        deadline = self._clock.time() + WHOLE_SECONDS
        body = bytearray()
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            body += chunk
            if len(body) > _MOST_BYTES or self._clock.time() > deadline:
                return Silence.LOST
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, headers, bytes(body))


_NOTHING = Reply(0)
_PASSING = (Finding.LIMITED, Finding.BROKEN, Finding.LOST, Finding.UNSENT)
_NO_LIST = (
    Finding.FORBIDDEN,
    Finding.UNKNOWN_THING,
    Finding.OFFENDERS,
    Finding.TOO_LARGE,
    Finding.REFUSED,
    Finding.BROKEN,
)
"""Answers that hold none of what was asked for, and will not hold it later."""


def _never_left(error: requests.RequestException) -> bool:
    """Whether no connection came about, so that nothing can have been done."""
    if isinstance(error, ConnectTimeout | ProxyError | SSLError | InvalidHeader):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)


def _error(found: Finding, reply: Reply) -> CourierError:
    if found is Finding.LIMITED:
        return RateLimited("ActiveCampaign's rate limit was exceeded", retry_after=retry_after(reply))
    if found in (Finding.FORBIDDEN, Finding.UNPAID):
        policy = POLICIES[found]
        return RunHeld(policy.message, code=policy.code)
    if found is Finding.UNSENT:
        return Unavailable("the connection's host does not answer: check its host name", code="unreachable")
    if found is Finding.LOST:
        return Unavailable("the connection's host left a question unanswered")
    status = f" (status {reply.status})" if reply.status else ""
    return Unavailable(f"the connection's host gave no answer that ActiveCampaign would give{status}")
