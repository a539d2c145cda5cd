"""``POST /connections/{name}/test``: what stands between a connection and its first import, a sentence each."""

from collections.abc import Iterator
from typing import Literal

from shared import names
from shared.activecampaign.client import AccountRoom, ActiveCampaign, ContactList
from shared.api.bodies import read_name
from shared.api.calls import Answer, Call, json_answer
from shared.courier import Courier
from shared.documents import Connection, Document, Name
from shared.errors import CourierError, NotFound

_NAMED = 20
"""How many lists the sentence names; ``lists`` has them all."""


Result = Literal["ok", "failed", "unknown"]


class ListShown(Document):
    """A list of the account: what ``list_id`` of an export may be."""

    id: int
    name: str


class Check(Document):
    """One question and its answer; ``unknown`` where an earlier answer keeps it from being asked."""

    check: Literal["consent", "host", "key", "user", "lists", "room"]
    result: Result
    message: str
    lists: list[ListShown] | None = None


class ConnectionTest(Document):
    """``ok`` says that nothing failed."""

    connection: Name
    ok: bool
    checks: list[Check]


def try_connection(courier: Courier, call: Call) -> Answer:
    """Ask the account everything that sending will depend on; nothing is changed in it."""
    name = read_name(call)
    connection = courier.store.find(names.connection(name), Connection)
    if connection is None:
        raise NotFound(f"there is no connection {name}: GET /api/connections lists those there are")
    checks = [_consent(connection), *_account(courier.activecampaign(connection), connection.host)]
    ok = not any(check.result == "failed" for check in checks)
    return json_answer(ConnectionTest(connection=name, ok=ok, checks=checks))


def _consent(connection: Connection) -> Check:
    if connection.consent is None:
        return Check(check="consent", result="failed", message='the connection has no "consent": nothing is sent')
    return Check(
        check="consent", result="ok", message=f"consent was given on {connection.consent.accepted_at:%Y-%m-%d}"
    )


def _account(client: ActiveCampaign, host: str) -> Iterator[Check]:
    try:
        user = client.me()
    except CourierError as error:
        yield from _no_answer(error, host)
        return
    yield Check(check="host", result="ok", message=f"{host} answers")
    yield Check(check="key", result="ok", message="the API key works")
    yield Check(check="user", result="ok", message=f"the key belongs to {user.username}")
    yield _lists(client)
    yield _room(client)


_STOPPED_AT: dict[str, tuple[Result, Result]] = {
    "vault": ("unknown", "failed"),
    "vault_unavailable": ("unknown", "unknown"),
    "credentials": ("ok", "failed"),
    "payment": ("ok", "failed"),
    "rate_limited": ("ok", "unknown"),
}
"""How host and key fared when the account's first call ended in that error; in any other, the host did not answer."""


_KEY_REFUSED = (
    "ActiveCampaign refuses the API key: check that the key in Key Vault is the one of Settings > Developer, and that "
    "its user may see lists and import contacts"
)


def _no_answer(error: CourierError, host: str) -> Iterator[Check]:
    """Where it ended; what comes after it was not asked."""
    host_fared, key_fared = _STOPPED_AT.get(error.code, ("failed", "unknown"))
    told = {"ok": f"{host} answers", "failed": error.message, "unknown": f"{host} was not asked"}
    yield Check(check="host", result=host_fared, message=told[host_fared])
    told = {
        "failed": _KEY_REFUSED if error.code == "credentials" else error.message,
        "unknown": "the key was not tried" if host_fared == "failed" else error.message,
    }
    yield Check(check="key", result=key_fared, message=told[key_fared])
    yield Check(check="user", result="unknown", message="the key's user was not asked for")
    yield Check(check="lists", result="unknown", message="the account's lists were not asked for")
    yield Check(check="room", result="unknown", message="the account's room was not asked for")


def _lists(client: ActiveCampaign) -> Check:
    try:
        lists = client.lists()
    except CourierError as error:
        return Check(check="lists", result="failed", message=error.message)
    if not lists:
        message = "the key's user sees no list: create one in ActiveCampaign, or give the user the right to see them"
        return Check(check="lists", result="failed", message=message)
    shown = [ListShown(id=found.id, name=found.name) for found in lists]
    return Check(check="lists", result="ok", message=_naming(lists), lists=shown)


def _naming(lists: list[ContactList]) -> str:
    named = ", ".join(f"{found.id} ({found.name})" for found in lists[:_NAMED])
    return f"the key can see these lists: {named}" + (", …" if len(lists) > _NAMED else "")


def _room(client: ActiveCampaign) -> Check:
    try:
        room = client.account()
    except CourierError as error:
        return Check(check="room", result="unknown", message=error.message)
    if room is None:
        message = "only an administrator's key is told how many contacts the account may hold"
        return Check(check="room", result="unknown", message=message)
    return Check(check="room", result="failed" if room.full else "ok", message=_room_left(room))


def _room_left(room: AccountRoom) -> str:
    if room.limit is None:
        return f"the account holds {room.contacts} contacts and names no limit"
    if room.full:
        return f"the account holds {room.contacts} of {room.limit} contacts: new ones are refused"
    return f"the account holds {room.contacts} of {room.limit} contacts: room for {room.limit - room.contacts} more"
