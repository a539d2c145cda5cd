"""Drops that are late, replaced, empty or wrong: exported once, whole, or not at all."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from local.customers import DESTINATION, INSTANCE, SEGMENT, Day, first_day
from local.scene import EXPORT, differences
from shared import names
from shared.documents import ExportState, RunState, Trigger
from shared.plan.batches import Batches
from shared.runs.requests import request_run
from shared.steps.refreshing import refresh
from tests.fakes import MemoryBlobs
from tests.runs.playing import connected, dropped, fire, left, put_drop, runs_of
from tests.simulation import Simulation

PEOPLE = 300
FOLDER = f"{INSTANCE}/{DESTINATION}/{SEGMENT}/"


def _late(world: Simulation, day: Day, seconds: float) -> None:
    """Drop an export whose last partition comes that long after ``model.json``."""
    blobs: list[tuple[str, bytes]] = []
    put_drop(world, day, lambda name, data: blobs.append((name, data)))
    (last,) = (blob for blob in blobs if blob[0].endswith("_3.csv"))
    for name, data in blobs:
        if name != last[0]:
            world.drops.write(name, data)
            fire(world, name)
    world.play_for(seconds)
    world.drops.write(*last)
    fire(world, last[0])


def test_a_late_partition_is_waited_for(tmp_path: Path) -> None:
    """The last partition comes 90 seconds after model.json: one run, and everybody in it."""
    world, day = connected(tmp_path), first_day(PEOPLE)
    _late(world, day, 90)
    assert not [run for run in runs_of(world) if run.planned_at]
    world.play()
    (run,) = runs_of(world)
    assert (run.state, run.counts.confirmed) == (RunState.SUCCEEDED, PEOPLE)
    assert differences(world.stage, day) == []


@pytest.mark.parametrize("times", [1, 12])
def test_a_drop_that_is_replaced_while_it_is_read_is_exported_in_its_new_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """Nobody of the old version is mixed in, and the old version is not exported, however often it is replaced."""
    world, old, new = connected(tmp_path), first_day(PEOPLE, seed=1), first_day(PEOPLE, seed=2)
    replaced: list[str] = []
    download = MemoryBlobs.download

    def replacing(blobs: MemoryBlobs, name: str, path: Path, *, etag: str | None = None) -> None:
        if name.endswith("_2.csv") and len(replaced) < times:
            replaced.append(name)
            put_drop(world, new)
        download(blobs, name, path, etag=etag)

    monkeypatch.setattr(MemoryBlobs, "download", replacing)
    dropped(world, old)
    world.play()
    assert len(replaced) == times
    assert world.errors == []
    assert [run.counts.confirmed for run in runs_of(world)] == [PEOPLE]
    assert differences(world.stage, new) == []


@pytest.mark.parametrize(("owner", "work"), [(MemoryBlobs, "download"), (Batches, "__iter__")], ids=["drop", "batches"])
def test_a_plan_that_the_disk_has_no_room_for_fails_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: type, work: str
) -> None:
    """With a reason that says so, nothing left behind, and nothing in the way of the next run.

    Whether the drop is fetched, or the batches are made while the other files are stored already.
    """
    world, day = connected(tmp_path), first_day(PEOPLE)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(owner, work, full)
        dropped(world, day)
        world.play()
    (run,) = runs_of(world)
    assert run.state is RunState.FAILED
    assert run.reason
    assert run.reason.code == "plan_disk"
    assert list(world.courier.workplace.glob("courier-*")) == []
    assert left(world, run.id) & {"planned.parquet", "batches.jsonl", "plan.json"} == set()
    again = request_run(world.courier, EXPORT, Trigger.REQUEST)
    world.play()
    assert world.run_of(again.id).state is RunState.SUCCEEDED
    assert differences(world.stage, day) == []


def test_a_run_that_was_asked_for_too_early_is_planned_as_soon_as_its_drop_has_settled(tmp_path: Path) -> None:
    """It looks again when the drop may be whole, and not minutes later."""
    world, day = connected(tmp_path, export={"triggers": {"refresh": False, "drop": False}}), first_day(PEOPLE)
    put_drop(world, day)
    written = world.clock.time()
    request_run(world.courier, EXPORT, Trigger.REQUEST)
    world.play()
    (run,) = runs_of(world)
    assert run.planned_at is not None
    assert run.planned_at.timestamp() - written < world.courier.settings.drop_settle_seconds + 3


@pytest.mark.parametrize("emptied", ["folder", "partition", "everything"])
def test_nothing_that_is_missing_makes_anybody_a_leaver(tmp_path: Path, emptied: str) -> None:
    """An empty newest folder, an empty partition, an empty container: the list stays as it is."""
    world, day = connected(tmp_path, export={"guards": {"max_leaver_percent": 100}}), first_day(PEOPLE)
    dropped(world, day)
    world.play()
    world.clock.pass_by(86_400)
    if emptied == "folder":
        world.drops.write(f"{FOLDER}2026/08/26/0214/readme.txt", b"")
    elif emptied == "partition":
        put_drop(world, day, lambda name, data: world.drops.write(name, b"" if name.endswith("_2.csv") else data))
    else:
        for blob in list(world.drops.below()):
            world.drops.delete(blob.name)
    world.in_process(lambda: request_run(world.courier, EXPORT, Trigger.REQUEST))
    world.play()
    run = runs_of(world)[-1]
    assert run.state is RunState.FAILED
    assert run.reason is not None
    assert run.reason.message
    assert run.counts.leavers == 0
    assert differences(world.stage, day) == []
    state = world.courier.store.get(names.export_state(EXPORT), ExportState)
    assert (state.ledger, state.active) == (runs_of(world)[0].id, None)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"list_id": 999}, "High value customers"),
        ({"segments": ["Nobody"]}, SEGMENT),
        ({"mapping": {"email": "Mail"}}, "EMail"),
        ({"mapping": {"email": "EMail", "fields": {"Shoe size": "LoyaltyTier"}}}, "Loyalty tier"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(tmp_path: Path, changes: dict[str, Any], named: str) -> None:
    """A wrong list, segment, column or custom field fails the run before anything is sent."""
    world = connected(tmp_path, export=changes)
    put_drop(world, first_day(PEOPLE))
    world.clock.pass_by(60)
    world.in_process(lambda: request_run(world.courier, EXPORT, Trigger.REQUEST))
    world.play()
    (run,) = runs_of(world)
    assert run.state is RunState.FAILED
    assert run.reason is not None
    assert named in run.reason.message + " ".join(run.reason.details)
    assert not world.api.journal.queued


def test_the_schedule_says_that_a_segment_is_not_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """No run is asked for, since nothing is there to export; the event behind the alert says which segment it is."""
    world = connected(tmp_path, export={"segments": ["Smal"]})
    with caplog.at_level("INFO"):
        world.in_process(lambda: refresh(world.courier))
    assert runs_of(world) == []
    (event,) = [line for line in caplog.messages if '"event":"drop_incomplete"' in line]
    assert '"segment":"Smal","code":"segment_missing"' in event


def test_every_segment_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """At once, and not one after the other."""
    world = connected(tmp_path, export={"segments": [SEGMENT, "Smal", "Lrge"]})
    put_drop(world, first_day(PEOPLE))
    world.clock.pass_by(60)
    request_run(world.courier, EXPORT, Trigger.REQUEST)
    world.play()
    (run,) = runs_of(world)
    assert run.reason is not None
    assert [detail.split(":")[0] for detail in run.reason.details] == ["segment Smal", "segment Lrge"]
