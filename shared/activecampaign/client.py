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
from pydantic import TypeAdapter, ValidationError
from requests.exceptions import ConnectTimeout, InvalidHeader, ProxyError, SSLError
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError

from shared.activecampaign.answers import (
    POLICIES,
    Answer,
    Finding,
    Reply,
    Silence,
    find,
    judge_import,
    parse,
    retry_after,
)
from shared.activecampaign.imports import ImportProgress, read_progress
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

PAGE = 100
"""The most that ActiveCampaign gives at once; the default of 20 silently hides the rest."""

LIMIT_PAUSE_SECONDS = 10.0
"""How long everybody waits after a rate-limit answer that does not say."""

_MOST_BYTES = 16 * 1024 * 1024
_MOST_PAGES = 1000
_CHUNK = 64 * 1024
_TRIES = 4
_LONGEST_PAUSE = 60.0
"""Seconds; a call that is asked to wait longer is left to its step, which comes back later."""

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
        self._vault = vault
        self._pacer = pacer
        self._clock = clock
        self._key_worked = False

    # The account

    def me(self) -> User:
        """Whom the key belongs to: the connection test."""
        return _read(User, self._get("users/me"), "user")

    def account(self) -> AccountRoom | None:
        """How much room the account has; ``None`` where the key's user may not know."""
        document = self._get_if_allowed("settings/account")
        settings = document.get("account") if isinstance(document, dict) else None
        members = settings if isinstance(settings, dict) else document if isinstance(document, dict) else {}
        total = _whole(members.get("subscriber_total"))
        return None if total is None else AccountRoom(total, _whole(members.get("subscriber_limit")))

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
        document = self._get("contacts", {"email": email})
        for contact in _read(list[Contact], document, "contacts"):
            if contact.email.casefold() == email.casefold():
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
        return _read(list[Contact], document, "contacts"), _total(document)

    def contact_lists(self, contact_id: int) -> list[Membership]:
        """How a contact stands on the lists it ever was on."""
        document = self._get(f"contacts/{contact_id}/contactLists")
        return _read(list[Membership], document, "contactLists")

    def exclusions(self) -> list[str]:
        """Addresses and patterns that the account refuses; none where the key's user may not know."""
        entries: list[str] = []
        for offset in range(0, PAGE * _MOST_PAGES, PAGE):
            page = self._get_if_allowed("lists/exclusions", {"limit": PAGE, "offset": offset})
            fresh = [text for text in _exclusions(page) if text not in entries]
            entries += fresh
            if len(fresh) < PAGE:
                break
        return entries

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
        self._key()

    def post_import(self, body: bytes) -> Answer:
        """Post one bulk import at once: the caller has kept an appointment for it.

        A key that was replaced in Key Vault meanwhile is read and used.
        """
        key = self._key()
        came_back = self._exchange("POST", "import/bulk_import", key, data=body)
        if find(came_back) is Finding.FORBIDDEN and (fresh := self._key(fresh=True)) != key:
            self._pacer.wait_turn(Lane.REQUESTS)
            came_back = self._exchange("POST", "import/bulk_import", fresh, data=body)
        return judge_import(came_back)

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

    def _get(self, path: str, params: Mapping[str, str | int] | None = None) -> object:
        _, reply = self._ask("GET", path, params=params)
        return parse(reply.body)

    def _get_if_allowed(self, path: str, params: Mapping[str, str | int] | None = None) -> object:
        found, reply = self._ask("GET", path, params=params, passing=(Finding.FORBIDDEN, Finding.UNKNOWN_THING))
        return parse(reply.body) if found is Finding.ANSWERED else None

    def _pages(self, path: str, member: str, shape: type[T]) -> Iterator[T]:
        """Everything, page by page; a page that brings nothing new is the last one."""
        seen: set[T] = set()
        for _ in range(_MOST_PAGES):
            document = self._get(path, {"limit": PAGE, "offset": len(seen)})
            page = _read(list[shape], document, member)  # type: ignore[valid-type]  # a runtime shape
            fresh = [one for one in page if one not in seen]
            yield from fresh
            seen.update(fresh)
            total = _total(document)
            if not fresh or (len(page) < PAGE if total is None else len(seen) >= total):
                return

    def _ask(
        self, method: str, path: str, *, passing: tuple[Finding, ...] = (), **request: object
    ) -> tuple[Finding, Reply]:
        """Ask until there is an answer, or no sense in asking again; raises unless what came last is in ``passing``."""
        key = self._key()
        found, came_back = Finding.UNSENT, _NOTHING
        for attempt in range(_TRIES):
            self._pacer.wait_turn(Lane.REQUESTS)
            reply = self._exchange(method, path, key, **request)
            found = find(reply)
            came_back = reply if isinstance(reply, Reply) else _NOTHING
            if found is Finding.ANSWERED:
                self._key_worked = True
                return found, came_back
            if found is Finding.FORBIDDEN and (fresh := self._key(fresh=True)) != key:
                key = fresh
            elif attempt + 1 == _TRIES or found in passing or not self._worth_another(found, came_back, attempt):
                break
        if found in passing:
            return found, came_back
        raise _error(found, came_back)

    def _worth_another(self, found: Finding, reply: Reply, attempt: int) -> bool:
        """Whether to ask again, once whatever is in the way has had time to pass."""
        if found is Finding.LIMITED:
            seconds = retry_after(reply) or LIMIT_PAUSE_SECONDS
            self._pacer.hold_back(seconds)
            return seconds <= _LONGEST_PAUSE
        passes = found in _PASSING or (found is Finding.FORBIDDEN and self._key_worked)
        return passes and self._pause(attempt)

    def _pause(self, attempt: int) -> bool:
        self._clock.sleep_until(self._clock.time() + 2.0**attempt * (0.5 + self._clock.jitter()))
        return True

    def _key(self, *, fresh: bool = False) -> str:
        name = self._connection.api_key_secret
        key = self._vault.secret(name, fresh=fresh).strip()
        if not key.isascii() or not key.isprintable() or not key:
            raise RunHeld(
                f"the Key Vault secret {name} does not look like an API key: store the one of Settings > Developer",
                code="credentials",
            )
        return key

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
_PASSING = (Finding.BROKEN, Finding.LOST, Finding.UNSENT)


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


def _read(shape: type[T], document: object, member: str) -> T:
    """A member of an answer in its shape; ids come as text and as numbers."""
    value = document.get(member) if isinstance(document, dict) else None
    try:
        return TypeAdapter(shape).validate_python(value)
    except ValidationError:
        pass
    raise Unavailable(f"ActiveCampaign's answer has no usable {member}", code="answer_unreadable")


def _total(document: object) -> int | None:
    meta = document.get("meta") if isinstance(document, dict) else None
    return _whole(meta.get("total")) if isinstance(meta, dict) else None


def _whole(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _exclusions(document: object) -> Iterator[str]:
    """The texts of a page of exclusions: plain, or as members of objects."""
    rows = (
        next((value for value in document.values() if isinstance(value, list)), [])
        if isinstance(document, dict)
        else []
    )
    for row in rows:
        text = row if isinstance(row, str) else _first_text(row)
        if text:
            yield text


def _first_text(row: object) -> str | None:
    members = row if isinstance(row, dict) else {}
    texts = (members.get(name) for name in ("email", "pattern", "value"))
    return next((text for text in texts if isinstance(text, str)), None)
