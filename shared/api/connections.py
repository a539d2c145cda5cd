"""Connections: ``GET /connections``, ``GET|PUT|DELETE /connections/{name}`` (their test is in ``trying.py``)."""

import re
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field, SecretStr

from shared import names
from shared.api.bodies import check_name, invalid, read_body, read_name
from shared.api.callers import administrators_only
from shared.api.calls import Answer, Call, Caller, json_answer
from shared.api.versions import Condition, Version, find_version, listed, quoted, remove, save
from shared.courier import Courier
from shared.documents import Connection, Consent, Document, Name, Text
from shared.doors.clock import now
from shared.errors import Conflict, NotFound
from shared.exports import all_exports
from shared.runs.decisions import cancel_over

NO_CONSENT = (
    'nothing is sent over this connection: it has no "consent", the record that an administrator agreed to customer '
    "data leaving for ActiveCampaign"
)


def _api_key(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]{1,1000}", secret.get_secret_value().strip()):
        raise ValueError("does not look like an API key: copy the one of Settings > Developer")
    return SecretStr(secret.get_secret_value().strip())


class ConsentGiven(Document):
    """A signed-in caller may leave out ``accepted_by``, anybody ``accepted_at``: it was the caller, and now."""

    accepted_by: Text | None = None
    accepted_at: AwareDatetime | None = None


class ConnectionDocument(Connection):
    """A connection as it is sent and shown. ``api_key`` goes to Key Vault, and is never stored elsewhere or shown."""

    consent: ConsentGiven | None = None  # type: ignore[assignment]  # what may be left out here is filled in on storing
    api_key: Annotated[SecretStr, AfterValidator(_api_key)] | None = Field(
        default=None, json_schema_extra={"writeOnly": True}
    )
    name: Name | None = Field(default=None, json_schema_extra={"readOnly": True})
    warnings: list[str] | None = Field(default=None, json_schema_extra={"readOnly": True})


class ConnectionList(Document):
    """Every connection, by name."""

    connections: list[ConnectionDocument]


class ConnectionDeleted(Document):
    """What was deleted with a connection, and what was not."""

    deleted: Name
    cancelled: list[str]
    kept: list[str]


def list_connections(courier: Courier, _: Call) -> Answer:
    """Every connection."""
    found = [(name, find_version(courier, names.connection(name), Connection)) for name in _names(courier)]
    return json_answer(ConnectionList(connections=[_shown(name, one.readable()) for name, one in found if one]))


def get_connection(courier: Courier, call: Call) -> Answer:
    """One connection, with its ETag."""
    name = read_name(call)
    found = _found(courier, name)
    return json_answer(_shown(name, found.readable()), headers={"ETag": quoted(found.etag)})


def put_connection(courier: Courier, call: Call) -> Answer:
    """Store a connection, and its API key where there is one.

    Another host is another account: runs that were planned for the one before are held, and the next ones send every
    member.
    """
    name = read_name(call)
    administrators_only(call.caller, "writing a connection")
    body = read_body(call, ConnectionDocument)
    check_name(name, body.name)
    connection = _stored(courier, body, call.caller)

    def prepare(_: Version[Connection] | None) -> Connection:
        if body.api_key:
            courier.vault.store(connection.api_key_secret, body.api_key.get_secret_value())
        return connection

    saved = save(courier, names.connection(name), Connection, Condition.of(call), prepare)
    return json_answer(_shown(name, connection), 201 if saved.created else 200, {"ETag": saved.etag})


def delete_connection(courier: Courier, call: Call) -> Answer:
    """Delete a connection that no export uses, and stop every run that was planned for it."""
    name = read_name(call)
    administrators_only(call.caller, "deleting a connection")
    found = _found(courier, name)

    def allow(_: Version[Connection] | None) -> None:
        if users := _users(courier, name):
            message = f"connection {name} is used by exports: delete them, or give them another connection"
            raise Conflict(message, code="in_use", details=users)

    found = remove(courier, names.connection(name), Connection, Condition.of(call), allow) or found
    cancelled = cancel_over(courier, name, call.caller.label)
    secret = f"Key Vault: the secret {found.document.api_key_secret}" if found.document else "Key Vault: its secret"
    return json_answer(ConnectionDeleted(deleted=name, cancelled=cancelled, kept=[secret]))


def warnings_of(connection: Connection) -> list[str]:
    """What an administrator should know of a connection."""
    return [] if connection.consent else [NO_CONSENT]


def _names(courier: Courier) -> list[str]:
    return list(listed(courier, names.CONNECTIONS))


def _users(courier: Courier, name: str) -> list[str]:
    return [export for export, document in all_exports(courier.store).items() if document.connection == name]


def _found(courier: Courier, name: str) -> Version[Connection]:
    found = find_version(courier, names.connection(name), Connection)
    if found is None:
        raise NotFound(f"there is no connection {name}: GET /api/connections lists those there are")
    return found


def _shown(name: str, connection: Connection) -> ConnectionDocument:
    members = connection.model_dump()
    return ConnectionDocument(**members, name=name, warnings=warnings_of(connection))


def _stored(courier: Courier, body: ConnectionDocument, caller: Caller) -> Connection:
    members = body.model_dump(include=set(Connection.model_fields) - {"consent"})
    return Connection(**members, consent=_consent(courier, body.consent, caller) if body.consent else None)


def _consent(courier: Courier, given: ConsentGiven, caller: Caller) -> Consent:
    accepted_by = given.accepted_by or caller.name
    if accepted_by is None:
        raise invalid("the document", ["consent.accepted_by: is missing; say which administrator agreed"])
    return Consent(accepted_by=accepted_by, accepted_at=given.accepted_at or now(courier.clock))
