"""Dropping exports into a simulation, and looking at the runs that come of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.customers import Day, drop_day
from shared import names
from shared.documents import Run
from shared.doors.clock import as_datetime
from shared.steps import arrival
from tests.simulation import Simulation

Upload = Callable[[str, bytes], object]


def connected(folder: Path, *, export: dict[str, Any] | None = None, **options: Any) -> Simulation:
    """A world with a connection and an export; ``options`` are those of ``Simulation``."""
    world = Simulation(folder, **options)
    world.connect()
    world.export(**(export or {}))
    return world


def put_drop(world: Simulation, day: Day, upload: Upload | None = None) -> None:
    """Write that day's export, without any trigger."""
    moment = as_datetime(world.clock.time()).replace(second=0, microsecond=0)
    drop_day(upload or world.drops.write, day, moment)


def fire(world: Simulation, name: str) -> None:
    """Fire the blob trigger for that blob."""
    world.in_process(lambda: arrival.dropped(world.courier, name))


def dropped(world: Simulation, day: Day) -> None:
    """Drop an export and fire the trigger for each of its blobs."""
    before = {blob.name: blob.etag for blob in world.drops.below()}
    put_drop(world, day)
    for blob in list(world.drops.below()):
        if before.get(blob.name) != blob.etag:
            fire(world, blob.name)


def runs_of(world: Simulation) -> list[Run]:
    """All runs, oldest first."""
    documents = [blob.name for blob in world.state.below(names.RUNS) if blob.name.endswith("/run.json")]
    return [world.courier.store.get(name, Run) for name in documents]


def left(world: Simulation, run: str) -> set[str]:
    """The files of a run that are there, by the last part of their names."""
    return {blob.name.rpartition("/")[2] for blob in world.state.below(names.run_folder(run))}


def adds_up(run: Run) -> None:
    """The equations of the README hold."""
    counts = run.counts
    assert counts.rows == counts.members + counts.duplicates + sum(counts.rejected.values())
    assert counts.members == counts.joiners + counts.changed + counts.unchanged
    assert counts.sent == counts.confirmed + sum(counts.refused.values()) + counts.failed
