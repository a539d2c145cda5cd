"""The managed identity endpoint, as `DefaultAzureCredential` and as a stranger see it."""

from collections.abc import Iterator

import pytest
import requests
from azure.identity import DefaultAzureCredential

from local.identity import Identity

STORAGE = "https://storage.azure.com"
VAULT = "https://vault.azure.net"


@pytest.fixture
def now() -> list[float]:
    """The time, as a list of one number that a test may change."""
    return [1_800_000_000.0]


@pytest.fixture
def identity(now: list[float]) -> Iterator[Identity]:
    """An identity that lives in the time of the test."""
    with Identity(lambda: now[0]) as identity:
        yield identity


def ask(identity: Identity, *, header: str | None = None, **query: str) -> requests.Response:
    """Call the endpoint as an app would, but for what the test says."""
    environment = identity.environment
    return requests.get(
        environment["IDENTITY_ENDPOINT"],
        params=query,
        headers={"X-IDENTITY-HEADER": environment["IDENTITY_HEADER"] if header is None else header},
        timeout=5,
    )


def test_the_default_credential_gets_a_token_by_its_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unchanged credential finds the endpoint, even where another service principal is configured."""
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.setenv(name, "left-over")
    with Identity() as identity:
        for name, value in identity.environment.items():
            monkeypatch.setenv(name, value)
        with DefaultAzureCredential() as credential:
            token = credential.get_token(f"{STORAGE}/.default").token
    assert identity.accepts(f"Bearer {token}", STORAGE)


def test_the_answer_has_the_documented_members(identity: Identity, now: list[float]) -> None:
    """Token, expiry in Unix seconds, resource and type are strings, as the real endpoint sends them."""
    answer = ask(identity, resource=VAULT, **{"api-version": "2019-08-01"}).json()
    assert identity.accepts(f"Bearer {answer.pop('access_token')}", VAULT)
    assert answer == {"expires_on": str(int(now[0]) + 86_400), "resource": VAULT, "token_type": "Bearer"}


@pytest.mark.parametrize(
    ("header", "query", "status"),
    [
        ("wrong", {"api-version": "2019-08-01", "resource": VAULT}, 401),
        ("", {"api-version": "2019-08-01", "resource": VAULT}, 401),
        (None, {"api-version": "2017-09-01", "resource": VAULT}, 400),
        (None, {"resource": VAULT}, 400),
        (None, {"api-version": "2019-08-01"}, 400),
    ],
)
def test_a_stranger_gets_no_token(identity: Identity, header: str | None, query: dict[str, str], status: int) -> None:
    """A wrong header, another version of the API or no resource is refused."""
    answer = ask(identity, header=header, **query)
    assert answer.status_code == answer.json()["statusCode"] == status
    assert "access_token" not in answer.json()


def test_a_token_is_good_for_its_resource_and_a_day(identity: Identity, now: list[float]) -> None:
    """Another resource, another scheme, another issuer's token or a token a day old is not accepted."""
    token = identity.token(VAULT)["access_token"]
    with Identity(lambda: now[0]) as other:
        foreign = other.token(VAULT)["access_token"]
    assert identity.accepts(f"Bearer {token}", VAULT)
    for authorization, resource in (
        (f"Bearer {token}", STORAGE),
        (f"Basic {token}", VAULT),
        (f"Bearer {foreign}", VAULT),
        ("Bearer nonsense", VAULT),
        (None, VAULT),
    ):
        assert not identity.accepts(authorization, resource)
    now[0] += 86_400
    assert not identity.accepts(f"Bearer {token}", VAULT)
