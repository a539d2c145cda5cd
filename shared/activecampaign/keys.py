"""The key of an account: read from Key Vault, and remembered as one that works.

A wrong key, and a good one that ActiveCampaign turns away now and then, are answered alike. What tells them apart is
whether the key has ever worked: the process remembers that, in a form that says nothing of the key.
"""

import hashlib
import secrets
from weakref import WeakKeyDictionary

from shared.documents import Connection
from shared.doors.ports import Vault
from shared.errors import RunHeld

_SALT = secrets.token_bytes(16)
"""Means nothing outside of this process."""

_worked: WeakKeyDictionary[Vault, set[bytes]] = WeakKeyDictionary()
"""The keys that have worked, salted and hashed with their host, by the vault they came from."""


class Keys:
    """The keys of one connection."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._host = connection.host
        self._name = connection.api_key_secret
        self._vault = vault

    def current(self, *, fresh: bool = False) -> str:
        """The key as Key Vault has it; ``fresh`` reads it again. Raises ``RunHeld`` where that can be no key."""
        key = self._vault.secret(self._name, fresh=fresh).strip()
        if not key.isascii() or not key.isprintable() or not key:
            raise RunHeld(
                f"the Key Vault secret {self._name} does not look like an API key: store the one of "
                "Settings > Developer",
                code="credentials",
            )
        return key

    def note(self, key: str) -> None:
        """Remember that this key worked."""
        _worked.setdefault(self._vault, set()).add(self._mark(key))

    def has_worked(self, key: str) -> bool:
        """Whether this key has ever worked here."""
        return self._mark(key) in _worked.get(self._vault, ())

    def _mark(self, key: str) -> bytes:
        return hashlib.blake2b(f"{self._host}\0{key}".encode(), key=_SALT, digest_size=16).digest()
