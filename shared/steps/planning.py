"""The step behind ``export-runs``: from a request to batches ready to post.

Nothing is sent to ActiveCampaign here. What planning leaves is stored before the run's state says so, and the stored
plan is looked for first, so that a message that comes twice goes on where the first one got to.
"""

import math
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from shared import names
from shared.activecampaign.client import ActiveCampaign
from shared.courier import Courier
from shared.documents import Connection, Drop, DropBlob, Export, ExportState, Plan, Reason, Run, RunState
from shared.doors.clock import now
from shared.doors.machine import engine_memory_mb
from shared.drop.finding import newest_drop
from shared.drop.shapes import SegmentDrop
from shared.errors import (
    BlobChanged,
    BlobMissing,
    CourierError,
    DropChanged,
    DropUnusable,
    ExportRefused,
    PassingError,
    RunHeld,
)
from shared.ledger import readdress_ledger
from shared.messages import PlanMessage, WatchMessage
from shared.plan.guards import check
from shared.plan.identity import read_readdressed
from shared.plan.planner import make_plan
from shared.plan.shapes import Job, LocalDrop, Outcome
from shared.runs.announcing import hold
from shared.runs.requests import export_of
from shared.runs.states import FINAL, change, moved, take_over
from shared.steps.finishing import end_unplanned, finish
from shared.steps.readdressing import MOST, readdress
from shared.steps.targets import Targets, find_targets
from shared.telemetry import RunPlanned, about, record

_PATIENCE = timedelta(hours=6)
"""How long a run waits for a whole drop or for ActiveCampaign before it fails."""

_PAUSE_SECONDS = 60
"""How long the message stays away where nobody said when to come back."""

_REPLACED_TRIES = 5
"""How often a drop may be replaced while it is read within one call; the message then comes back later."""


def plan_run(courier: Courier, message: PlanMessage) -> None:
    """Plan that run and hand it to its watcher, or end it with its reason."""
    with courier.planning, about(run=message.run, export=export_of(message.run)):
        run = _claim(courier, message)
        if run is None:
            return
        try:
            _plan(courier, run)
        except RunHeld as held:
            hold(courier, run.id, _reason(held))
        except (ExportRefused, DropUnusable) as refused:
            end_unplanned(courier, run.id, RunState.FAILED, _reason(refused))
        except PassingError as passing:
            _try_later(courier, run, passing)


def _claim(courier: Courier, message: PlanMessage) -> Run | None:
    """The run in state planning, if this message is the one to plan it."""
    run = courier.store.find(names.run(message.run), Run)
    if run is None or run.watch.generation != message.generation:
        return None
    if run.state is RunState.PLANNING:
        return run
    if run.state is not RunState.QUEUED:
        return None
    moment = now(courier.clock)
    watch = run.watch.model_copy(update={"at": moment})
    return change(
        courier.store,
        run.id,
        lambda run: (
            moved(run, RunState.PLANNING, moment).model_copy(update={"watch": watch})
            if run.state is RunState.QUEUED
            else run
        ),
    )


def _plan(courier: Courier, run: Run) -> None:
    plan = courier.store.find(names.plan(run.id), Plan)
    if plan is None:
        export, connection = _documents(courier, run)
        if not connection.consent and not run.dry_run:
            raise RunHeld(
                f'connection {export.connection} has no "consent": store it with the connection, then release the run',
                code="consent_missing",
            )
        client = courier.activecampaign(connection)
        targets = find_targets(export, client.lists(), client.fields())
        plan = _plan_drops(courier, client, run, export, targets)
    if plan is not None:
        _hand_over(courier, run.id, plan)


def _documents(courier: Courier, run: Run) -> tuple[Export, Connection]:
    export = courier.store.find(names.export(run.export), Export)
    if export is None:
        raise ExportRefused(f"export {run.export} was deleted before the run was planned", code="export_deleted")
    connection = courier.store.find(names.connection(export.connection), Connection)
    if connection is None:
        raise ExportRefused(f"there is no connection {export.connection}", code="connection_missing")
    change(courier.store, run.id, lambda run: run.model_copy(update={"connection": export.connection}))
    return export, connection


def _plan_drops(courier: Courier, client: ActiveCampaign, run: Run, export: Export, targets: Targets) -> Plan | None:
    """Read and plan the newest drops, from the start again when one is replaced meanwhile."""
    for _ in range(_REPLACED_TRIES - 1):
        try:
            return _plan_once(courier, client, run, export, targets)
        except DropChanged:
            continue
    return _plan_once(courier, client, run, export, targets)


def _plan_once(courier: Courier, client: ActiveCampaign, run: Run, export: Export, targets: Targets) -> Plan | None:
    state = courier.store.find(names.export_state(run.export), ExportState) or ExportState()
    segments = [_newest_drop(courier, segment, state) for segment in export.segments]
    folder = Path(tempfile.mkdtemp(prefix="plan-", dir=courier.workplace))
    try:
        job = Job(
            export=export,
            drops=_fetch(courier, segments, folder),
            fields=targets.fields,
            mark=targets.mark,
            ledger=_fetch_ledger(courier, run.export, state, folder),
            full=run.full,
            now=now(courier.clock),
            folder=_subfolder(folder, "work"),
            memory_mb=engine_memory_mb(),
            known_columns=tuple(state.columns),
        )
        outcome = _readdressed(client, job, make_plan(job), sends=not run.dry_run)
        return _publish(courier, run, export, outcome, [segment.drop for segment in segments])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _readdressed(client: ActiveCampaign, job: Job, outcome: Outcome, *, sends: bool) -> Outcome:
    """The plan after people with a new address got it; where that may not be done, the plan says how many would."""
    wanted = read_readdressed(outcome.readdressed)
    if not sends or check(outcome.counts, job.export, outcome.ledger_members):
        counts = outcome.counts.model_copy(update={"readdressed": min(len(wanted), MOST)})
        return replace(outcome, counts=counts)
    done = readdress(client, wanted)
    if not done or job.ledger is None:
        return outcome
    ledger = job.ledger.with_name("readdressed.parquet")
    readdress_ledger(job.ledger, done, ledger)
    again = make_plan(replace(job, ledger=ledger, folder=_subfolder(job.folder.parent, "again")))
    return replace(again, counts=again.counts.model_copy(update={"readdressed": len(done)}))


def _newest_drop(courier: Courier, segment: str, state: ExportState) -> SegmentDrop:
    return newest_drop(
        courier.drops,
        segment,
        now(courier.clock),
        courier.settings.drop_settle_seconds,
        courier.settings.segments_container,
        previous=next((drop for drop in state.drops if drop.segment == segment), None),
    )


def _fetch(courier: Courier, segments: Sequence[SegmentDrop], folder: Path) -> tuple[LocalDrop, ...]:
    """Copy the drops into files, each blob in the version that was judged."""
    drops = []
    for number, segment in enumerate(segments):
        home = _subfolder(folder, f"drop{number}")
        files = tuple(home / f"{place:05d}" for place in range(len(segment.drop.blobs)))
        for blob, file in zip(segment.drop.blobs, files, strict=True):
            _fetch_blob(courier, blob, file)
        drops.append(LocalDrop(segment, files))
    return tuple(drops)


def _fetch_blob(courier: Courier, blob: DropBlob, file: Path) -> None:
    try:
        courier.drops.download(blob.name, file, etag=blob.etag)
    except (BlobChanged, BlobMissing):
        raise DropChanged(f"{blob.name} was replaced while it was being read") from None


def _fetch_ledger(courier: Courier, export: str, state: ExportState, folder: Path) -> Path | None:
    if state.ledger is None:
        return None
    path = folder / "ledger.parquet"
    courier.store.blobs.download(names.ledger(export, state.ledger), path)
    return path


def _subfolder(folder: Path, name: str) -> Path:
    path = folder / name
    path.mkdir()
    return path


def _publish(courier: Courier, run: Run, export: Export, outcome: Outcome, drops: list[Drop]) -> Plan | None:
    """Store what was planned, the plan itself last; a dry run stores its rejects and ends."""
    blobs, moment = courier.store.blobs, now(courier.clock)
    blobs.upload(names.rejects(run.id), outcome.rejects)
    findings = {
        "drops": drops,
        "counts": outcome.counts,
        "warnings": list(outcome.warnings),
        "examples": list(outcome.examples) if run.dry_run else [],
        "planned_at": moment,
    }
    if run.dry_run:
        change(courier.store, run.id, lambda run: run.model_copy(update=findings))
        end = RunState.SUCCEEDED if outcome.index else RunState.NOTHING_TO_DO
        end_unplanned(courier, run.id, end, None)
        return None
    blobs.upload(names.batches(run.id), outcome.batches)
    blobs.upload(names.planned(run.id), outcome.planned)
    planned = change(courier.store, run.id, lambda run: run.model_copy(update=findings))
    record(RunPlanned.of(planned, seconds=(moment - run.watch.at).total_seconds()))
    plan = Plan(
        batches=list(outcome.index),
        rejects_length=outcome.rejects.stat().st_size,
        columns=list(outcome.columns),
        guard=check(outcome.counts, export, outcome.ledger_members),
    )
    courier.store.put(names.plan(run.id), plan)
    return plan


def _hand_over(courier: Courier, run_id: str, plan: Plan) -> None:
    run = courier.store.get(names.run(run_id), Run)
    if run.state in FINAL:
        return
    if plan.guard:
        hold(courier, run_id, plan.guard)
    elif not plan.batches:
        finish(courier, run_id)
    else:
        start_delivery(courier, run_id)


def start_delivery(courier: Courier, run_id: str) -> Run:
    """Move a planned run to delivering and give it a watcher."""
    moment = now(courier.clock)
    run = take_over(courier.store, run_id, moment, lambda run: _delivering(courier, run))
    if run.state is RunState.DELIVERING:
        courier.queues.send(names.RUN_WATCH, WatchMessage(run=run.id, generation=run.watch.generation))
    return run


def _delivering(courier: Courier, run: Run) -> Run:
    if run.state in FINAL:
        return run
    watch = run.watch.model_copy(update={"next_batch": 0})
    return moved(run, RunState.DELIVERING, now(courier.clock)).model_copy(update={"watch": watch})


def _try_later(courier: Courier, run: Run, error: PassingError) -> None:
    moment = now(courier.clock)
    if moment - run.requested_at > _PATIENCE:
        end_unplanned(courier, run.id, RunState.FAILED, _reason(error))
        return

    def queued(run: Run) -> Run:
        return run if run.state is not RunState.PLANNING else moved(run, RunState.QUEUED, moment, _reason(error))

    again = take_over(courier.store, run.id, moment, queued)
    if again.state is RunState.QUEUED:
        pause = _PAUSE_SECONDS if error.retry_after is None else math.ceil(max(1.0, error.retry_after))
        message = PlanMessage(run=run.id, generation=again.watch.generation)
        courier.queues.send(names.EXPORT_RUNS, message, delay=pause)


def _reason(error: CourierError) -> Reason:
    return Reason(code=error.code, message=error.message, details=list(error.details))
