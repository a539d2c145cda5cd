"""The Key Vault stand-in, as the real `SecretClient` with the real `DefaultAzureCredential` sees it."""

from collections.abc import Iterator

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import SecretClient

from local.authority import Authority
from local.identity import Identity
from local.proxy import Proxy
from local.vault import Vault, VaultServer

URL = "https://courier.vault.azure.net"
NAME = "activecampaign-acme"


@pytest.fixture
def vault() -> Vault:
    """The secrets, empty."""
    return Vault()


@pytest.fixture
def network(vault: Vault, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """Identity and vault behind the proxy, and a process whose environment says so."""
    with (
        Identity() as identity,
        VaultServer(vault, identity, authority.certificate) as server,
        Proxy({"*.vault.azure.net": ("127.0.0.1", server.port)}) as proxy,
    ):
        environment = identity.environment | proxy.environment | {"REQUESTS_CA_BUNDLE": str(authority.bundle)}
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield proxy


@pytest.fixture
def client(network: Proxy) -> Iterator[SecretClient]:
    """The client of production code; only its patience is shorter, so that a test of an outage is."""
    with DefaultAzureCredential() as credential, SecretClient(URL, credential, retry_total=0) as client:
        yield client
    assert network.refused == []


def test_a_secret_is_read_through_challenge_and_identity(vault: Vault, client: SecretClient) -> None:
    """Production code reads a secret with nothing but its address, and asks for no other name on the network."""
    vault.set(NAME, "first")
    secret = client.get_secret(NAME)
    assert (secret.name, secret.value) == (NAME, "first")


def test_a_rotated_secret_keeps_its_old_versions(vault: Vault, client: SecretClient) -> None:
    """Without a version the newest value is read, with one that very value, and all of them are listed."""
    first, second = vault.set(NAME, "first"), vault.set(NAME, "second")
    assert client.get_secret(NAME).value == "second"
    assert client.get_secret(NAME, first.id).value == "first"
    listed = [one.version for one in client.list_properties_of_secret_versions(NAME)]
    assert listed == [first.id, second.id]


def test_a_secret_is_written_with_its_tags(vault: Vault, client: SecretClient) -> None:
    """A written value is there for the in-process side, its content type and tags come back."""
    written = client.set_secret(NAME, "käse", content_type="api key", tags={"owner": "courier"})
    assert vault.get(NAME).value == "käse"
    read = client.get_secret(NAME, written.properties.version)
    assert (read.properties.content_type, read.properties.tags) == ("api key", {"owner": "courier"})


@pytest.mark.parametrize("version", ["", "0" * 32])
def test_an_unknown_secret_is_not_found(vault: Vault, client: SecretClient, version: str) -> None:
    """An unknown name and an unknown version are SecretNotFound."""
    if version:
        vault.set(NAME, "first")
    with pytest.raises(ResourceNotFoundError) as raised:
        client.get_secret(NAME, version)
    assert raised.value.error is not None
    assert raised.value.error.code == "SecretNotFound"


def test_a_deleted_secret_keeps_its_name_taken(vault: Vault, client: SecretClient) -> None:
    """Deleted is not gone: it cannot be read or written, but recovered, or purged for good."""
    vault.set(NAME, "first")
    client.begin_delete_secret(NAME).wait()
    assert client.get_deleted_secret(NAME).name == NAME
    with pytest.raises(ResourceNotFoundError):
        client.get_secret(NAME)
    with pytest.raises(ResourceExistsError):
        client.set_secret(NAME, "second")
    client.begin_recover_deleted_secret(NAME).wait()
    assert client.get_secret(NAME).value == "first"
    client.begin_delete_secret(NAME).wait()
    client.purge_deleted_secret(NAME)
    client.set_secret(NAME, "second")
    assert [version.value for version in vault.versions(NAME)] == ["second"]


def test_refused_writes_do_not_stop_reads(vault: Vault, client: SecretClient) -> None:
    """An app without the role for writing is told Forbidden, and goes on reading."""
    vault.set(NAME, "first")
    vault.writes_refused = True
    with pytest.raises(HttpResponseError) as raised:
        client.set_secret(NAME, "second")
    assert raised.value.status_code == 403
    assert raised.value.error is not None
    assert raised.value.error.code == "Forbidden"
    assert client.get_secret(NAME).value == "first"


def test_an_outage_ends_when_it_is_over(vault: Vault, client: SecretClient) -> None:
    """While the vault is down every call fails with 503; afterwards everything is as before."""
    vault.set(NAME, "first")
    vault.down = True
    with pytest.raises(HttpResponseError) as raised:
        client.get_secret(NAME)
    assert raised.value.status_code == 503
    vault.down = False
    assert client.get_secret(NAME).value == "first"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nonsense"}])
def test_without_a_token_there_is_only_the_challenge(network: Proxy, vault: Vault, headers: dict[str, str]) -> None:
    """A caller without a token of the identity is told where to get one, and nothing else."""
    vault.set(NAME, "first")
    answer = requests.get(f"{URL}/secrets/{NAME}", headers=headers, timeout=5)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith('Bearer authorization="https://login.microsoftonline.com/')
    assert "first" not in answer.text
    assert network.refused == []
