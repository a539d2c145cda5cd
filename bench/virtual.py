"""``python -m bench.virtual MEMBERS FOLDER``: a segment sent, and sent again as it changes, in virtual time.

The steps, the client, the pacing and the stand-in are the real ones; only time is simulated, and taking a step takes
none of it. So this counts exactly what is asked of ActiveCampaign and of storage, however many members there are.
"""

import argparse
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench.apart import MeasurementFailed, tell
from bench.counting import Calls, CountedBlobs, CountedQueues
from bench.data import Drop, blobs_in, make
from bench.workload import export_document
from local.scene import EXPORT
from shared import names
from shared.documents import Export, Run, RunState, Trigger
from shared.doors.clock import as_datetime
from shared.runs.requests import request_run
from shared.store import Store
from tests.simulation import Simulation

DAYS = (("first time", 0, 0), ("0 % changed", 0, 0), ("1 % changed", 1, 1), ("10 % changed", 10, 2))
"""What has changed since the day before: a name, how many percent of the members, and to which version."""


def main() -> None:
    """Play all days, and tell what each of them took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("members", type=int)
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    calls = Calls()
    world = _world(asked.folder, calls)
    days = {}
    for number, (name, percent, version) in enumerate(DAYS):
        _drop(world, asked.folder / f"day-{number}", Drop(asked.members, percent, version))
        days[name] = _play(world, calls)
    tell(days=days)


def _world(folder: Path, calls: Calls) -> Simulation:
    folder.mkdir(parents=True, exist_ok=True)
    world = Simulation(folder)
    world.connect()
    document = export_document(world.stage, guards={"max_contacts": 20_000_000})
    world.courier.store.put(names.export(EXPORT), Export.model_validate(document))
    real = world.courier
    world.courier = replace(
        real,
        drops=CountedBlobs(real.drops, calls),
        store=Store(CountedBlobs(real.store.blobs, calls)),
        queues=CountedQueues(real.queues, calls),
    )
    return world


def _drop(world: Simulation, folder: Path, drop: Drop) -> None:
    make(drop, folder, as_datetime(world.clock.time()))
    for name in blobs_in(folder):
        world.drops.upload(name, folder / name)
        (folder / name).unlink()
    world.clock.pass_by(timedelta(minutes=10).total_seconds())


def _play(world: Simulation, calls: Calls) -> dict[str, Any]:
    """One run from request to end."""
    calls.forget()
    world.api.journal.forget()
    asked = request_run(world.courier, EXPORT, Trigger.REQUEST)
    world.play()
    run = world.run_of(asked.id)
    _check(world, run)
    moments = [at for at, _ in world.api.journal.queued]
    return {
        "requests": len(world.api.journal.entries),
        "imports": len(moments),
        "rate_limit_answers": world.api.journal.rate_limit_answers,
        "seconds": (run.finished_at - run.requested_at).total_seconds() if run.finished_at else None,
        "moments": [round(moment - moments[0], 3) for moment in moments],
        "calls": calls.document(),
        "counts": run.counts.model_dump(),
    }


def _check(world: Simulation, run: Run) -> None:
    """A run that went wrong has no figures."""
    if run.state not in (RunState.SUCCEEDED, RunState.NOTHING_TO_DO) or world.errors:
        raise MeasurementFailed(f"run {run.id} {run.state}: {run.reason}; {world.errors[:1]}")


if __name__ == "__main__":
    main()
