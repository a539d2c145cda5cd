"""A world of its own for every test: what one leaves behind is never another's beginning."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local.activecampaign.journal import Journal
from local.caller import Caller, rests, wait_for
from local.customers import Day, drop_day
from local.host import HostProcess
from local.scene import CONNECTION, CONNECTION_DOCUMENT, EXPORT, Stage, differences, prepare
from local.world import ACTIVECAMPAIGN_HOST, World
from tests.loopback import no_proxy
from tests.privacy import personal_data

__all__ = ["no_proxy"]

MOMENT = datetime(2026, 8, 24, 2, 14, tzinfo=UTC)


@dataclass(frozen=True)
class Scene:
    """A world with a prepared account."""

    world: World
    stage: Stage

    @property
    def journal(self) -> Journal:
        """What ActiveCampaign was asked."""
        return self.world.stand_ins[ACTIVECAMPAIGN_HOST].api.journal

    def caller(self, host: HostProcess) -> Caller:
        """Whoever calls the API of that host."""
        return Caller(host.url)

    def store_documents(self, host: HostProcess, **export: Any) -> Caller:
        """Store a connection and an export over HTTP; the caller is for more."""
        caller = self.caller(host)
        caller.call("PUT", f"/connections/{CONNECTION}", CONNECTION_DOCUMENT)
        caller.call("PUT", f"/exports/{EXPORT}", self.stage.export_document(**export))
        return caller

    def drop(self, day: Day, moment: datetime = MOMENT) -> None:
        """Drop that day's export."""
        drop_day(lambda name, data: self.world.drops.upload_blob(name, data, overwrite=True), day, moment)

    def check(self, day: Day) -> None:
        """The list is what the segment says, and no rule was broken on the way."""
        assert differences(self.stage, day) == []
        assert self.journal.rate_limit_answers == 0
        assert self.journal.violation_kinds() == set()
        assert self.world.proxy.refused == []


def first_run(caller: Caller, *, seconds: float = 60) -> dict[str, Any]:
    """The first run of the export, as soon as there is one."""
    return wait_for(lambda: next(iter(caller.runs(EXPORT)), None), seconds=seconds, what="run")


def end_of(caller: Caller, run: str, *, seconds: float = 120) -> dict[str, Any]:
    """The run once it has ended, or is held."""

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = caller.call("GET", f"/runs/{run}")
        return found if rests(found) else None

    return wait_for(look, seconds=seconds, what="end of a run")


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A world of its own."""
    with World(tmp_path) as world:
        yield Scene(world, prepare(world.activecampaign))
    for log in tmp_path.rglob("*.log"):
        assert personal_data(log.read_text(errors="replace")) == []
