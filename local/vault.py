"""A Key Vault for secrets, as far as `SecretClient` can see.

https://learn.microsoft.com/rest/api/keyvault/secrets
"""

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from local.authority import Certificate
from local.https import HttpsServer, Json, JsonHandler
from local.identity import Identity

RESOURCE = "https://vault.azure.net"


class VaultError(Exception):
    """An answer that is no success; `body` is what the service says with it."""

    def __init__(self, status: HTTPStatus, code: str, message: str, inner: str = "") -> None:
        super().__init__(message)
        self.status = status
        within = {"innererror": {"code": inner}} if inner else {}
        self.body: Json = {"error": {"code": code, "message": message, **within}}


@dataclass(frozen=True)
class Version:
    """One of the values a secret has had; `created` is in Unix seconds, `extras` are contentType and tags."""

    value: str
    created: int
    extras: Mapping[str, object] = field(default_factory=dict)
    id: str = field(default_factory=lambda: uuid4().hex)


class Vault:
    """The secrets, safe to use from several threads; every method raises VaultError as the service answers.

    With `writes_refused` whoever writes through the network is told that the role for it is missing, and with
    `down` everybody that the service is unavailable. `now` is the time in Unix seconds.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.writes_refused = False
        self.down = False
        self._now = now
        self._lock = threading.Lock()
        self._live: dict[str, list[Version]] = {}
        self._deleted: dict[str, list[Version]] = {}

    def set(self, name: str, value: str, extras: Mapping[str, object] | None = None) -> Version:
        """Add a version, which becomes the current one."""
        version = Version(value, int(self._now()), extras or {})
        with self._lock:
            if name in self._deleted:
                raise _conflict(name)
            self._live.setdefault(name, []).append(version)
        return version

    def get(self, name: str, version: str = "") -> Version:
        """Return the version asked for, or else the current one."""
        matching = [known for known in self.versions(name) if version in ("", known.id)]
        if not matching:
            raise _not_found(f"{name}/{version}")
        return matching[-1]

    def versions(self, name: str) -> list[Version]:
        """Return the versions of a secret, oldest first."""
        with self._lock:
            return list(_find(self._live, name))

    def delete(self, name: str) -> Version:
        """Put a secret away; its name stays taken until it is recovered or purged."""
        with self._lock:
            self._deleted[name] = _find(self._live, name)
            return self._live.pop(name)[-1]

    def deleted(self, name: str) -> Version:
        """Return the last version of a deleted secret."""
        with self._lock:
            return _find(self._deleted, name)[-1]

    def recover(self, name: str) -> Version:
        """Take a deleted secret back, with all its versions."""
        with self._lock:
            self._live[name] = _find(self._deleted, name)
            return self._deleted.pop(name)[-1]

    def purge(self, name: str) -> None:
        """Forget a deleted secret, which frees its name."""
        with self._lock:
            _find(self._deleted, name)
            del self._deleted[name]


class VaultServer(HttpsServer):
    """Serves a vault over https to those with a token of the identity's for RESOURCE, as a context manager."""

    def __init__(self, vault: Vault, identity: Identity, certificate: Certificate) -> None:
        super().__init__(partial(_Handler, vault, identity), certificate.context())


class _Handler(JsonHandler):
    def __init__(self, vault: Vault, identity: Identity, *connection: Any) -> None:
        self._vault = vault
        self._identity = identity
        super().__init__(*connection)

    def answer(self) -> None:
        content = self.read_body()
        if not self._identity.accepts(self.headers["Authorization"], RESOURCE):
            self._challenge()
            return
        try:
            self._check_state()
            self._route(urlsplit(self.path).path.rstrip("/"), content)
        except VaultError as error:
            self.send_json(error.status, error.body)

    def _challenge(self) -> None:
        error = VaultError(HTTPStatus.UNAUTHORIZED, "Unauthorized", "AKV10000: Request is missing a Bearer token.")
        tenant = f"https://login.microsoftonline.com/{self._identity.tenant}"
        challenge = f'Bearer authorization="{tenant}", resource="{RESOURCE}"'
        self.send_json(error.status, error.body, {"WWW-Authenticate": challenge})

    def _check_state(self) -> None:
        if self._vault.down:
            raise VaultError(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable", "The service is unavailable.")
        if self._vault.writes_refused and self.command != "GET":
            message = "Caller is not authorized to perform action on resource."
            raise VaultError(HTTPStatus.FORBIDDEN, "Forbidden", message, "ForbiddenByRbac")

    def _route(self, path: str, content: bytes) -> None:
        for method, pattern, serve in _ROUTES:
            if method == self.command and (match := re.fullmatch(pattern, path)):
                call = _Call(f"https://{self.headers['Host']}", content=content, **match.groupdict())
                body = serve(self._vault, call)
                self.send_json(HTTPStatus.NO_CONTENT if body is None else HTTPStatus.OK, body)
                return
        raise _bad_parameter(f"There is no {self.command} for this path.")


@dataclass(frozen=True)
class _Call:
    origin: str
    name: str = ""
    version: str = ""
    content: bytes = b""

    def attributes(self, version: Version) -> dict[str, object]:
        """What the service says of a version without giving its value away."""
        times = {"created": version.created, "updated": version.created}
        return {
            "id": f"{self.origin}/secrets/{self.name}/{version.id}",
            "attributes": {"enabled": True, "recoveryLevel": "Recoverable+Purgeable", **times},
            **version.extras,
        }

    def bundle(self, version: Version) -> dict[str, object]:
        """A version with its value."""
        return {"value": version.value, **self.attributes(version)}

    def deleted(self, version: Version) -> dict[str, object]:
        """What the service says of a deleted secret."""
        return {"recoveryId": f"{self.origin}/deletedsecrets/{self.name}", **self.attributes(version)}


def _set(vault: Vault, call: _Call) -> Json:
    try:
        body = json.loads(call.content)
        value, extras = body["value"], {key: body[key] for key in ("contentType", "tags") if key in body}
    except (ValueError, TypeError, KeyError):
        raise _bad_parameter("The request body needs a value.") from None
    return call.bundle(vault.set(call.name, value, extras))


def _get(vault: Vault, call: _Call) -> Json:
    return call.bundle(vault.get(call.name, call.version))


def _versions(vault: Vault, call: _Call) -> Json:
    return {"value": [call.attributes(version) for version in vault.versions(call.name)], "nextLink": None}


def _delete(vault: Vault, call: _Call) -> Json:
    return call.deleted(vault.delete(call.name))


def _get_deleted(vault: Vault, call: _Call) -> Json:
    return call.deleted(vault.deleted(call.name))


def _recover(vault: Vault, call: _Call) -> Json:
    return call.attributes(vault.recover(call.name))


def _purge(vault: Vault, call: _Call) -> None:
    vault.purge(call.name)


_NAME = "(?P<name>[0-9a-zA-Z-]{1,127})"
_ROUTES: tuple[tuple[str, str, Callable[[Vault, _Call], Json | None]], ...] = (
    ("PUT", f"/secrets/{_NAME}", _set),
    ("GET", f"/secrets/{_NAME}", _get),
    ("DELETE", f"/secrets/{_NAME}", _delete),
    ("GET", f"/secrets/{_NAME}/versions", _versions),
    ("GET", f"/secrets/{_NAME}/(?P<version>[0-9a-f]{{32}})", _get),
    ("GET", f"/deletedsecrets/{_NAME}", _get_deleted),
    ("DELETE", f"/deletedsecrets/{_NAME}", _purge),
    ("POST", f"/deletedsecrets/{_NAME}/recover", _recover),
)


def _find(secrets: dict[str, list[Version]], name: str) -> list[Version]:
    if name not in secrets:
        raise _not_found(name)
    return secrets[name]


def _not_found(what: str) -> VaultError:
    message = f"A secret with (name/id) {what} was not found in this key vault."
    return VaultError(HTTPStatus.NOT_FOUND, "SecretNotFound", message)


def _conflict(name: str) -> VaultError:
    message = f"Secret {name} is currently in a deleted but recoverable state, and its name cannot be reused."
    return VaultError(HTTPStatus.CONFLICT, "Conflict", message, "ObjectIsDeletedButRecoverable")


def _bad_parameter(message: str) -> VaultError:
    return VaultError(HTTPStatus.BAD_REQUEST, "BadParameter", message)
