"""Key Vault: kept for minutes, read again when asked to, and clear about who has to act."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceRequestError,
)

from shared.doors.vault import AzureVault
from shared.errors import CourierError, RunHeld, Unavailable
from tests.fakes import ManualClock


@dataclass
class _Client:
    """Answers as Azure's client does."""

    value: str = "first"
    error: AzureError | None = None
    reads: int = 0
    written: dict[str, str] = field(default_factory=dict)

    def get_secret(self, name: str) -> SimpleNamespace:
        self.reads += 1
        if self.error:
            raise self.error
        return SimpleNamespace(value=self.value)

    def set_secret(self, name: str, value: str) -> None:
        if self.error:
            raise self.error
        self.written[name] = value


def _status(status: int) -> HttpResponseError:
    error = HttpResponseError("refused")
    error.status_code = status
    return error


def _vault(client: _Client, clock: ManualClock | None = None) -> AzureVault:
    return AzureVault(client, clock or ManualClock())  # type: ignore[arg-type]


def test_a_secret_is_kept_for_minutes() -> None:
    """A thousand deliveries read it once; a rotated key is seen within five minutes."""
    client, clock = _Client(), ManualClock()
    vault = _vault(client, clock)
    assert [vault.secret("key") for _ in range(3)] == ["first"] * 3
    client.value = "second"
    clock.pass_by(301)
    assert vault.secret("key") == "second"
    assert client.reads == 2


def test_a_fresh_read_does_not_wait() -> None:
    """After a refusal the current version counts at once."""
    client = _Client()
    vault = _vault(client)
    vault.secret("key")
    client.value = "second"
    assert vault.secret("key", fresh=True) == vault.secret("key") == "second"


def test_a_stored_secret_is_used_at_once() -> None:
    """Whoever has just written a key does not get the one before it."""
    client = _Client()
    vault = _vault(client)
    vault.secret("key")
    vault.store("key", "written")
    assert (client.written, vault.secret("key")) == ({"key": "written"}, "written")


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (ResourceNotFoundError("no"), RunHeld, "has no secret key"),
        (ClientAuthenticationError("no"), RunHeld, "no access token"),
        (_status(403), RunHeld, "role Key Vault Secrets"),
        (_status(400), RunHeld, "answered 400"),
        (_status(429), Unavailable, "no answer"),
        (_status(503), Unavailable, "no answer"),
        (ServiceRequestError("no"), Unavailable, "no answer"),
    ],
)
def test_an_outage_passes_and_a_refusal_waits_for_a_person(
    error: AzureError, kind: type[CourierError], told: str
) -> None:
    """Reading and writing alike, with a sentence that says what to do."""
    vault = _vault(_Client(error=error))
    with pytest.raises(kind, match=told):
        vault.secret("key")
    if not isinstance(error, ResourceNotFoundError):
        with pytest.raises(kind, match=told):
            vault.store("key", "value")


def test_an_empty_secret_is_no_key() -> None:
    """It waits for a person instead of being sent."""
    with pytest.raises(RunHeld, match="is empty"):
        _vault(_Client(value="")).secret("key")
