"""An app in memory, and a client to call it with."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from local.activecampaign.account import Account
from local.activecampaign.api import Api
from local.activecampaign.transport import InProcess
from shared.courier import Courier
from tests.api.client import Client
from tests.fakes import ManualClock, MemoryVault, courier

HOST = "acme.api-us1.com"
SECRET = "activecampaign-acme"
CONSENT = {"accepted_by": "ada@example.org", "accepted_at": "2026-08-24T09:00:00Z"}
CONNECTION = {"host": HOST, "api_key_secret": SECRET, "consent": CONSENT}
EXPORT = {"connection": "acme", "list_id": 3, "segments": ["HighValueSegment"], "mapping": {"email": "EMail"}}


@pytest.fixture
def clock() -> ManualClock:
    """Virtual time."""
    return ManualClock()


@pytest.fixture
def vault() -> MemoryVault:
    """A Key Vault that holds the key of the account."""
    return MemoryVault(**{SECRET: "stand-in-key"})


@pytest.fixture
def account(clock: ManualClock) -> Api:
    """An ActiveCampaign account with one list."""
    made = Account(clock.time, api_key="stand-in-key")
    made.add_list("High value", 3)
    return Api(made)


@pytest.fixture
def session(account: Api, clock: ManualClock) -> Iterator[requests.Session]:
    """An HTTP session that reaches the account and nothing else."""
    with requests.Session() as session:
        session.mount("https://", InProcess(account, HOST, clock.pass_by))
        yield session


@pytest.fixture
def app(tmp_path: Path, clock: ManualClock, vault: MemoryVault, session: requests.Session) -> Courier:
    """The app's hands, everything in memory."""
    return courier(tmp_path, clock=clock, vault=vault, session=lambda: session)


@pytest.fixture
def client(app: Courier) -> Client:
    """An app without a connection or an export."""
    return Client(app)


@pytest.fixture
def ready(client: Client) -> Client:
    """An app with the connection ``acme`` and the export ``vip``."""
    client.put("connections/acme", CONNECTION)
    client.put("exports/vip", EXPORT)
    return client
