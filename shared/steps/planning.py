"""The step behind ``export-runs``: from a request to batches ready to post.

Nothing is sent to ActiveCampaign here but the new addresses of contacts. What planning leaves is stored before the
run's state says so, and the stored plan is looked for first, so that a message that comes twice goes on where the first
one got to.
"""

import math
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from shared import names
from shared.activecampaign.client import ActiveCampaign
from shared.courier import Courier
from shared.documents import Connection, Drop, DropBlob, Export, ExportState, Plan, Reason, Run, RunState
from shared.doors.clock import now
from shared.doors.machine import engine_memory_mb
from shared.doors.scratch import scratch_folder
from shared.doors.transfers import all_at_once
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
    Superseded,
)
from shared.exports import target_over
from shared.ledger import readdress_ledger
from shared.messages import PlanMessage
from shared.plan.failures import named_failures
from shared.plan.guards import GUARDS, check
from shared.plan.planner import drafted
from shared.plan.shapes import Job, LocalDrop, Outcome
from shared.runs.announcing import hold
from shared.runs.claiming import claim, give_back, note, still_ours
from shared.runs.requests import export_of
from shared.runs.states import moved, take_over
from shared.steps.finishing import end_unplanned
from shared.steps.publishing import end_dry, hand_over, hold_for_a_person, publish, remove_if_over
from shared.steps.readdressing import MOST, readdress
from shared.steps.targets import Targets, find_targets
from shared.telemetry import about

_PATIENCE = timedelta(hours=6)
"""How long a run waits for a whole drop or for ActiveCampaign before it fails."""

_PAUSE_SECONDS = 60
"""How long the message stays away where nobody said when to come back."""

_REPLACED_TRIES = 5
"""How often a drop may be replaced while it is read within one call; the message then comes back later."""


def plan_run(courier: Courier, message: PlanMessage) -> None:
    """Plan that run and hand it to its watcher, or end it with its reason."""
    with courier.planning, about(run=message.run, export=export_of(message.run)):
        run = claim(courier, message)
        if run is None:
            return
        try:
            with suppress(Superseded):
                _plan_or_end(courier, run)
        except Exception:
            give_back(courier, run)
            raise
        remove_if_over(courier, run.id)


def _plan_or_end(courier: Courier, run: Run) -> None:
    try:
        _plan(courier, run)
    except Superseded:
        raise
    except RunHeld as held:
        still_ours(courier, run)
        hold(courier, run.id, _reason(held))
    except PassingError as passing:
        still_ours(courier, run)
        _try_later(courier, run, passing)
    except CourierError as final:
        still_ours(courier, run)
        end_unplanned(courier, run.id, RunState.FAILED, _reason(final))


def _plan(courier: Courier, run: Run) -> None:
    plan = courier.store.find(names.plan(run.id), Plan)
    if plan is None:
        export, connection = _documents(courier, run)
        if not connection.consent and not run.dry_run:
            raise RunHeld(
                f'connection {export.connection} has no "consent": store it with the connection, then release the run',
                code="consent_missing",
            )
        run = note(courier, run, _destination(export, connection))
        client = courier.activecampaign(connection)
        targets = find_targets(export, client.lists(), client.fields())
        plan = _plan_drops(_Planning(courier, client, run, export, targets))
    if plan is not None:
        hand_over(courier, run.id, plan)


def _documents(courier: Courier, run: Run) -> tuple[Export, Connection]:
    export = courier.store.find(names.export(run.export), Export)
    if export is None:
        raise ExportRefused(f"export {run.export} was deleted before the run was planned", code="export_deleted")
    connection = courier.store.find(names.connection(export.connection), Connection)
    if connection is None:
        raise ExportRefused(f"there is no connection {export.connection}", code="connection_missing")
    return export, connection


def _destination(export: Export, connection: Connection) -> dict[str, object]:
    return {"connection": export.connection, "target": target_over(connection, export)}


@dataclass(frozen=True)
class _Planning:
    """What every step of planning one run works with."""

    courier: Courier
    client: ActiveCampaign
    run: Run
    export: Export
    targets: Targets

    def state(self) -> ExportState:
        """What is remembered of the list that the run is for."""
        state = self.courier.store.find(names.export_state(self.run.export), ExportState) or ExportState()
        return state.about(self.run.target)


def _plan_drops(planning: _Planning) -> Plan | None:
    """Read and plan the newest drops, from the start again when one is replaced meanwhile."""
    for _ in range(_REPLACED_TRIES - 1):
        try:
            return _plan_once(planning)
        except DropChanged:
            continue
    return _plan_once(planning)


def _plan_once(planning: _Planning) -> Plan | None:
    """The plan of the newest drops; ``None`` where nothing is delivered: a dry run has ended, or a guard holds it."""
    courier, run = planning.courier, planning.run
    state = planning.state()
    segments = _newest_drops(planning, state)
    drops = [segment.drop for segment in segments]
    with scratch_folder(courier.workplace) as folder, named_failures(folder, engine_memory_mb()):
        job = _job(planning, state, segments, folder)
        with drafted(job) as draft:
            if _ended_or_held(planning, draft.outcome, drops):
                return None
            again = _readdressed(planning, job, draft.outcome.readdressed)
            if again is None:
                return publish(courier, run, draft, drops)
        shutil.rmtree(job.folder)  # the disk may have room for one plan only
        home = _subfolder(folder, "again")
        fetched = _fetch(courier, segments, home)
        with drafted(replace(again, drops=fetched, folder=_subfolder(home, "work"))) as draft:
            return publish(courier, run, draft, drops)


def _job(planning: _Planning, state: ExportState, segments: Sequence[SegmentDrop], folder: Path) -> Job:
    """What is to be planned, with everything that takes fetched into the folder."""
    courier, run = planning.courier, planning.run
    return Job(
        export=planning.export,
        drops=_fetch(courier, segments, folder),
        fields=planning.targets.fields,
        mark=planning.targets.mark,
        ledger=_fetch_ledger(courier, run.export, state, folder),
        full=run.full,
        now=now(courier.clock),
        folder=_subfolder(folder, "work"),
        memory_mb=engine_memory_mb(),
        known_columns=tuple(state.columns),
    )


def _ended_or_held(planning: _Planning, outcome: Outcome, drops: Sequence[Drop]) -> bool:
    """End a dry run, or hold a run that a guard is against; returns whether it was either."""
    courier, run = planning.courier, planning.run
    readdressed = min(len(outcome.readdressed), MOST)
    if run.dry_run:
        end_dry(courier, run, outcome, drops, readdressed=readdressed)
        return True
    guard = check(outcome.counts, planning.export, outcome.ledger_members, readdressed=readdressed)
    if guard and not _is_released(run, drops):
        hold_for_a_person(courier, run, outcome, drops, guard)
        return True
    return False


def _is_released(run: Run, drops: Sequence[Drop]) -> bool:
    """Whether a person has looked at what these very drops come to, and let the run go on."""
    looked_at = len(drops) == len(run.drops) and all(map(Drop.same_as, drops, run.drops))
    return looked_at and any(release.reason and release.reason.code in GUARDS for release in run.releases)


def _readdressed(planning: _Planning, job: Job, wanted: Sequence[tuple[str, str]]) -> Job | None:
    """What is to be planned now that people have their new address; ``None`` where the plan stays what it is.

    What was changed is remembered before anything else is done.
    """
    if not wanted or job.ledger is None:
        return None
    courier, run = planning.courier, planning.run
    found = readdress(planning.client, planning.export.list_id, wanted, may_go_on=lambda: still_ours(courier, run))
    if not found.done and not found.postponed:
        return None
    ledger = job.ledger.with_name("readdressed.parquet")
    readdress_ledger(job.ledger, found.done, ledger)
    if found.done:
        _remember(courier, run, ledger, len(found.done))
    return replace(job, ledger=ledger, postponed=found.postponed)


def _remember(courier: Courier, run: Run, ledger: Path, readdressed: int) -> None:
    """Make that the ledger of the export at once: the run may still be cancelled, and the contacts stay changed."""
    version = f"{run.id}-readdressed-{run.watch.claims}"
    courier.store.blobs.upload(names.ledger(run.export, version), ledger)

    def remembered(state: ExportState) -> ExportState:
        ours = state.active is not None and state.active.run == run.id
        return state.about(run.target).model_copy(update={"ledger": version}) if ours else state

    courier.store.modify(names.export_state(run.export), ExportState, remembered)
    counted = courier.store.get(names.run(run.id), Run).counts
    note(courier, run, {"counts": counted.model_copy(update={"readdressed": counted.readdressed + readdressed})})


def _newest_drops(planning: _Planning, state: ExportState) -> list[SegmentDrop]:
    """The newest drop of every segment; ``DropUnusable`` names all that cannot be used, and not only the first."""
    found, unusable = [], []
    for segment in planning.export.segments:
        try:
            found.append(_newest_drop(planning.courier, segment, state))
        except DropUnusable as error:
            unusable.append(error)
    if len(unusable) > 1:
        messages = [error.message for error in unusable]
        raise DropUnusable("; ".join(messages), code=unusable[0].code, details=messages)
    if unusable:
        raise unusable[0]
    return found


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
        drops.append(LocalDrop(segment, files))
    all_at_once(
        [
            partial(_fetch_blob, courier, blob, file)
            for drop in drops
            for blob, file in zip(drop.segment.drop.blobs, drop.files, strict=True)
        ]
    )
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


def _try_later(courier: Courier, run: Run, error: PassingError) -> None:
    moment = now(courier.clock)
    if moment - (run.watch.waiting_since or run.requested_at) > _PATIENCE:
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
