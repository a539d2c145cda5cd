"""The managed identity endpoint of App Service, by which `DefaultAzureCredential` gets its tokens.

https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
"""

import secrets
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import jwt

from local.https import LOOPBACK, HttpsServer, JsonHandler

API_VERSION = "2019-08-01"
LIFETIME_SECONDS = 24 * 60 * 60
CLOCK_SKEW_SECONDS = 60

_ALGORITHM = "HS256"


class Identity(HttpsServer):
    """Issues tokens to whoever knows the header, and tells others whether a token is one of its own.

    `now` is the time in Unix seconds, so that a test can let tokens expire.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        super().__init__(partial(_Handler, self))
        self.tenant: UUID = uuid4()
        self._principal = uuid4()
        self._key = secrets.token_bytes(32)
        self._header = secrets.token_hex(16)
        self._now = now

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which App Service tells an app where its identity is.

        AZURE_TOKEN_CREDENTIALS keeps `DefaultAzureCredential` from trying this machine's other credentials.
        """
        return {
            "IDENTITY_ENDPOINT": f"http://{LOOPBACK}:{self.port}/msi/token",
            "IDENTITY_HEADER": self._header,
            "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
        }

    def knows(self, header: str | None) -> bool:
        """Say whether the caller sent the secret header."""
        return header is not None and secrets.compare_digest(header.encode(), self._header.encode())

    def token(self, resource: str) -> dict[str, str]:
        """Issue a token for a resource, in the shape of the endpoint's answer."""
        issued = int(self._now())
        claims = {
            "aud": resource,
            "iss": f"https://sts.windows.net/{self.tenant}/",
            "iat": issued,
            "nbf": issued - CLOCK_SKEW_SECONDS,
            "exp": issued + LIFETIME_SECONDS,
            "oid": str(self._principal),
            "tid": str(self.tenant),
        }
        return {
            "access_token": jwt.encode(claims, self._key, _ALGORITHM),
            "expires_on": str(issued + LIFETIME_SECONDS),
            "resource": resource,
            "token_type": "Bearer",
        }

    def accepts(self, authorization: str | None, resource: str) -> bool:
        """Say whether an Authorization header carries a token of ours that is for `resource` and in force."""
        scheme, _, token = (authorization or "").partition(" ")
        try:
            # Expiry is compared with our own clock below, since the library knows no other than the system's.
            claims = jwt.decode(
                token,
                self._key,
                [_ALGORITHM],
                audience=resource,
                options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError:
            return False
        return scheme == "Bearer" and claims["nbf"] <= self._now() < claims["exp"]


class _Handler(JsonHandler):
    def __init__(self, identity: Identity, *connection: Any) -> None:
        self._identity = identity
        super().__init__(*connection)

    def answer(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if not self._identity.knows(self.headers.get("X-IDENTITY-HEADER")):
            self._refuse(401, "X-IDENTITY-HEADER is missing or wrong.")
        elif query.get("api-version") != [API_VERSION]:
            self._refuse(400, f"The api-version has to be {API_VERSION}.")
        elif "resource" not in query:
            self._refuse(400, "The resource is missing.")
        else:
            self.send_json(200, self._identity.token(query["resource"][0]))

    def _refuse(self, status: int, message: str) -> None:
        self.send_json(status, {"statusCode": status, "message": message})
