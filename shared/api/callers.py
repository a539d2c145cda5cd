"""Who calls, as far as the platform says so."""

import base64
import binascii
import json
from collections.abc import Mapping

from shared.api.calls import Caller
from shared.documents import Connection
from shared.errors import CallerError

ADMINISTRATOR = "Courier.Administrator"
"""The app role of those who may do everything.

Others write no connections and erase nobody; they write exports, and decide about runs, over connections that are open
to contributors.
"""

_ANYBODY_WITH_A_KEY = Caller(name=None, administrator=True)
_UNKNOWN = Caller(name=None, administrator=False)
_NAMES = ("preferred_username", "name", "appid", "azp")


def read_caller(headers: Mapping[str, str], *, authentication: bool) -> Caller:
    """The signed-in caller; ``authentication`` is whether the platform signs callers in.

    Where it does not, the header is anybody's to send, so it is not looked at, and a function key is all there is to
    have. https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities
    """
    if not authentication:
        return _ANYBODY_WITH_A_KEY
    try:
        principal = json.loads(base64.b64decode(headers.get("x-ms-client-principal", ""), validate=True))
        claims = [(str(claim["typ"]), str(claim["val"])) for claim in principal["claims"]]
        types = (str(principal.get("name_typ", "")), str(principal.get("role_typ", "")))
    except (binascii.Error, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return _UNKNOWN
    return _from_claims(claims, *types)


def administrators_only(caller: Caller, what: str) -> None:
    """Raise ``forbidden`` unless the caller may do that."""
    if not caller.administrator:
        raise CallerError(f"{what} takes the app role {ADMINISTRATOR}: ask an administrator for it", code="forbidden")


def writers_only(caller: Caller, connection: Connection | None, what: str) -> None:
    """Raise ``forbidden`` unless the caller may do that, as whoever may write exports over that connection."""
    if connection is None or not connection.allow_contributors:
        administrators_only(caller, f'{what} over a connection without "allow_contributors"')


def _from_claims(claims: list[tuple[str, str]], name_type: str, role_type: str) -> Caller:
    values = dict(reversed(claims))
    name = next((values[known][:200] for known in (name_type, *_NAMES) if values.get(known, "").strip()), None)
    return Caller(name, any(kind in (role_type, "roles") and value == ADMINISTRATOR for kind, value in claims))
