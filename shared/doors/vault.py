"""Key Vault through Azure's SDK: secrets are kept for minutes, so that a rotated key needs no restart."""

import threading

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
)
from azure.keyvault.secrets import SecretClient

from shared.doors.clock import Clock
from shared.errors import CourierError, RunHeld, Unavailable

_KEPT_SECONDS = 300


class AzureVault:
    """One Key Vault; see ``ports.Vault``. Safe to share between threads. A secret never appears in an error."""

    def __init__(self, client: SecretClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._kept: dict[str, tuple[float, str]] = {}
        self._lock = threading.Lock()

    def secret(self, name: str, *, fresh: bool = False) -> str:
        """Its current value."""
        with self._lock:
            read_at, value = self._kept.get(name, (0.0, ""))
            if fresh or not value or self._clock.time() - read_at > _KEPT_SECONDS:
                value = self._read(name)
                self._kept[name] = (self._clock.time(), value)
            return value

    def store(self, name: str, value: str) -> None:
        """Make that the current value."""
        try:
            self._client.set_secret(name, value)
        except AzureError as error:
            raise _translated(error, name, "written", "Key Vault Secrets Officer") from None
        with self._lock:
            self._kept[name] = (self._clock.time(), value)

    def _read(self, name: str) -> str:
        try:
            value = self._client.get_secret(name).value
        except AzureError as error:
            raise _translated(error, name, "read", "Key Vault Secrets User") from None
        if not value:
            raise RunHeld(f"the Key Vault secret {name} is empty: store the API key in it", code="vault")
        return value


def _translated(error: AzureError, name: str, done: str, role: str) -> CourierError:
    """What the vault's refusal means for whoever asked; an outage passes."""
    failed = f"the Key Vault secret {name} could not be {done}"
    if isinstance(error, ResourceNotFoundError):
        message = f"the Key Vault has no secret {name}: store the API key under that name"
    elif isinstance(error, ClientAuthenticationError):
        message = f"{failed}: the app's identity got no access token"
    elif isinstance(error, HttpResponseError) and error.status_code in (401, 403):
        message = f"{failed}: give the app's identity the role {role}"
    elif isinstance(error, HttpResponseError) and 400 <= (error.status_code or 0) < 429:
        message = f"{failed}: the vault answered {error.status_code}"
    else:
        return Unavailable(f"{failed}: the vault gives no answer", code="vault_unavailable")
    return RunHeld(message, code="vault")
