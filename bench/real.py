"""Delivery in real time: nothing is scaled, and the app is the very one that is deployed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.apart import MeasurementFailed
from bench.cost import Measured, measured
from bench.data import Drop, blobs_in, make
from bench.figures import Report, at_most, percentile, shown
from bench.folders import FolderBlobs
from bench.posts import accepted, executions, lateness, most_in_a_window
from bench.workload import CONTACTS_AN_IMPORT, export_document
from local.caller import Caller, wait_for
from local.host import HostProcess
from local.scene import CONNECTION, CONNECTION_DOCUMENT, EXPORT, Stage, prepare
from local.world import ACTIVECAMPAIGN_HOST, World
from shared import names
from shared.documents import MOST_IMPORTS_PER_MINUTE, ExportState
from shared.doors.blobs import AzureBlobs
from shared.store import Store

SECTION = "delivery, real time"
CONTACTS, QUICK_CONTACTS = 100_000, 5_000
AFTER_PLANNING_SECONDS = 250.0
CHANGED_SECONDS = 60.0
SETTLE_SECONDS = 2
LONGEST_SECONDS = 900.0


@dataclass(frozen=True)
class Delivered:
    """What later figures are made of: the executions, and when each import was accepted (seconds from the first)."""

    sample: dict[str, Measured]
    moments: list[float]


def measure_first(folder: Path, report: Report, *, quick: bool) -> Delivered:
    """Send everybody of a segment for the first time."""
    contacts = QUICK_CONTACTS if quick else CONTACTS
    folder.mkdir()
    make(Drop(contacts), folder / "drops", datetime.now(UTC) - timedelta(minutes=5))
    with _app(folder) as (world, host, caller, stage):
        caller.call("PUT", f"/exports/{EXPORT}", export_document(stage))
        _upload(world, folder / "drops")
        run = _until_settled(caller)
        run = _followed(caller, run)
        moments = sorted(accepted(world.state, run["id"]))
        planned = datetime.fromisoformat(run["planned_at"]).timestamp()
        imports = contacts // CONTACTS_AN_IMPORT
        limit = AFTER_PLANNING_SECONDS * contacts / CONTACTS
        late = percentile(lateness([host.log]), 99)
        report.add(
            SECTION,
            f"{contacts:,} contacts, {imports} imports: from planned to the last one accepted",
            moments[-1] - planned,
            "s",
            f"the limit alone asks for {shown((imports - 1) * 60 / MOST_IMPORTS_PER_MINUTE, 's')}; at most "
            f"{most_in_a_window(moments, 60.0)} in any 60 s; late by {late:.2f} s at most in 99 %",
            None if quick else at_most(limit),
        )
        journal = world.stand_ins[ACTIVECAMPAIGN_HOST].api.journal
        report.add(SECTION, f"{contacts:,} contacts: refused", journal.rate_limit_answers, "", "", at_most(0))
        report.add(
            SECTION,
            f"{contacts:,} contacts: from request to succeeded",
            _seconds(run, "requested_at", "finished_at"),
            "s",
            f"of it planning {shown(_seconds(run, 'requested_at', 'planned_at'), 's')}",
        )
    return Delivered(measured(executions([host.log])), [moment - moments[0] for moment in moments])


def measure_changed(folder: Path, report: Report, planned: Path, members: int) -> None:
    """Drop a segment of which 1 % changed since its ledger; ``planned`` holds that drop and that ledger."""
    folder.mkdir()
    with _app(folder) as (world, _, caller, stage):
        triggers = {"refresh": False, "drop": True}
        caller.call("PUT", f"/exports/{EXPORT}", export_document(stage, triggers=triggers))
        _hand_down(world, planned)
        make(Drop(members, percent=1, version=2), folder / "drops", datetime.now(UTC))
        _upload(world, folder / "drops")
        dropped = time.time()
        found = wait_for(lambda: next(iter(caller.runs(EXPORT)), None), seconds=120, what="run")
        run = _followed(caller, found)
        finished = datetime.fromisoformat(run["finished_at"]).timestamp()
        imports = run["counts"]["batches"]
        if run["counts"]["changed"] != members // 100:
            raise MeasurementFailed(f"{run['counts']['changed']} of {members} members had changed")
        report.add(
            SECTION,
            f"{members:,} members, 1 % changed, {imports} imports: from drop to succeeded",
            finished - dropped - SETTLE_SECONDS,
            "s",
            f"without {SETTLE_SECONDS} s of settling; of it planning "
            f"{shown(_seconds(run, 'requested_at', 'planned_at'), 's')}, and the limit alone asks for "
            f"{shown((imports - 1) * 60 / MOST_IMPORTS_PER_MINUTE, 's')}",
            at_most(CHANGED_SECONDS),
        )
        refused = world.stand_ins[ACTIVECAMPAIGN_HOST].api.journal.rate_limit_answers
        report.add(SECTION, f"{members:,} members, 1 % changed: refused", refused, "", "", at_most(0))
    report.note(
        f"In real time a drop settles for {SETTLE_SECONDS} s (DROP_SETTLE_SECONDS; 120 unless set), and the local host "
        "looks for drops every second, where Event Grid tells at once."
    )


@contextmanager
def _app(folder: Path) -> Iterator[tuple[World, HostProcess, Caller, Stage]]:
    """The app as deployed on one host, with its connection stored."""
    settings = {"DROP_SETTLE_SECONDS": str(SETTLE_SECONDS)}
    with World(folder / "world", settings=settings) as world, world.start_host(poll_seconds=1.0) as host:
        caller = Caller(host.url)
        stage = prepare(world.activecampaign)
        caller.call("PUT", f"/connections/{CONNECTION}", CONNECTION_DOCUMENT)
        yield world, host, caller, stage


def _upload(world: World, container: Path) -> None:
    for name in blobs_in(container):
        with (container / name).open("rb") as file:
            world.drops.upload_blob(name, file, overwrite=True)


def _hand_down(world: World, planned: Path) -> None:
    """What the run before left behind: the state of the export, and its ledger."""
    before = FolderBlobs(planned / "state")
    state = Store(before).get(names.export_state(EXPORT), ExportState)
    ledger = names.ledger(EXPORT, str(state.ledger))
    now = AzureBlobs(world.state)
    now.upload(ledger, planned / "state" / ledger)
    Store(now).put(names.export_state(EXPORT), state.model_copy(update={"active": None, "waiting": None}))


def _until_settled(caller: Caller) -> dict[str, Any]:
    """Ask for a run once the drop stands still."""
    time.sleep(SETTLE_SECONDS + 1)
    asked: dict[str, Any] = caller.call("POST", f"/exports/{EXPORT}/runs")
    return asked


def _followed(caller: Caller, run: dict[str, Any]) -> dict[str, Any]:
    """The run at its end. Raises where it does not succeed in time."""
    try:
        for found in caller.follow(run["id"], seconds=LONGEST_SECONDS):
            run = found
    except TimeoutError as late:
        raise MeasurementFailed(str(late)) from None
    if run["state"] != "succeeded":
        raise MeasurementFailed(f"run {run['id']} {run['state']}: {run.get('reason')}")
    return run


def _seconds(run: dict[str, Any], start: str, end: str) -> float:
    return (datetime.fromisoformat(run[end]) - datetime.fromisoformat(run[start])).total_seconds()
