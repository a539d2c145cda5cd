"""An account in virtual time, and somebody with good manners who asks it things."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from local.activecampaign.account import DEFAULT_KEY, Account
from local.activecampaign.api import Api
from local.activecampaign.exchange import Request, Response
from local.activecampaign.faults import Fault
from local.activecampaign.imports import Timing
from local.activecampaign.limits import LimitRules
from local.activecampaign.variants import Variants

MANNERS = {"User-Agent": "courier-tests/1", "Accept": "application/json", "Content-Type": "application/json"}
PROCESSED = 4.0  # seconds until an import has ended, with the default timing


@dataclass
class Clock:
    """Time that passes when a test says so."""

    now: float = 1_780_000_000.0

    def __call__(self) -> float:
        """Seconds since 1970."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


@dataclass
class World:
    """One account, its API and its clock; every question is a quarter of a second after the one before."""

    clock: Clock
    account: Account
    api: Api = field(init=False)
    pause: float = 0.25

    def __post_init__(self) -> None:
        self.api = Api(self.account)

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str = DEFAULT_KEY,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Send a request to `/api/3` + path; bytes go out as they are, anything else as JSON."""
        self.clock.sleep(self.pause)
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = {**MANNERS, "Api-Token": key, **(headers or {})}
        return self.api.handle(Request(method, f"/api/3{path}", sent, content))

    def get(self, path: str) -> Any:
        """What a good answer to a GET says."""
        response = self.ask("GET", path)
        assert response.status == 200, response
        return response.document

    def post_import(self, *contacts: object, **members: object) -> Response:
        """Ask for a bulk import."""
        return self.ask("POST", "/import/bulk_import", {"contacts": list(contacts), **members})

    def imported(self, *contacts: object, **members: object) -> Any:
        """Import contacts, wait until it has ended, and return what it reports."""
        batch_id = self.batch_id(self.post_import(*contacts, **members))
        self.clock.sleep(PROCESSED)
        return self.info(batch_id)

    def info(self, batch_id: str) -> Any:
        """What `import/info` reports."""
        return self.get(f"/import/info?batchId={batch_id}")

    @staticmethod
    def batch_id(response: Response) -> str:
        """The id of an import that was accepted."""
        document = response.document
        assert response.status == 200, response
        assert isinstance(document, dict)
        return str(document["batchId"])

    def strike(self, *faults: Fault) -> None:
        """Let things go wrong."""
        self.api.faults.add(*faults)


MakeWorld = Callable[..., World]


def fresh_world(
    variants: Variants | None = None, limits: LimitRules | None = None, timing: Timing | None = None
) -> World:
    """A world by the rules that a test names."""
    clock = Clock()
    return World(clock, Account(clock, variants=variants, limits=limits, timing=timing))


@pytest.fixture
def make_world() -> MakeWorld:
    """How to make a world by other rules."""
    return fresh_world


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """A world with the documented limits and the likelier variants."""
    return make_world()


def person(number: int, **members: object) -> dict[str, object]:
    """A contact of a bulk import."""
    return {"email": f"person{number}@example.com", **members}


def on(*list_ids: int) -> list[dict[str, int]]:
    """Lists as a bulk import names them."""
    return [{"listid": list_id} for list_id in list_ids]
