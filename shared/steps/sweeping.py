"""The step behind ``sweep``: picks up what a crash left behind, and removes what has expired."""

import logging
from datetime import UTC, datetime, timedelta

from shared import names
from shared.courier import Courier
from shared.documents import ExportState, Reason, Run, RunRequest, RunState
from shared.doors.clock import now
from shared.messages import PlanMessage, WatchMessage
from shared.runs.announcing import announce_end
from shared.runs.decisions import exports_with_state
from shared.runs.requests import queue_run, start_next
from shared.runs.states import FINAL, SENDING, moved, take_over

logger = logging.getLogger(__name__)

UNWATCHED_AFTER = timedelta(minutes=3)
"""A watcher reports several times a minute; a run nobody reported on for this long has none."""

UNPLANNED_AFTER = timedelta(minutes=35)
"""Longer than the longest call the platform lets live (30 minutes, host.json)."""

MOST_RESCUES = 20
"""How often in a row a run is found somebody new to look after it, some minutes apart, before it is given up."""


def sweep(courier: Courier) -> None:
    """Look after every export once."""
    in_use: set[str] = set()
    for export in exports_with_state(courier):
        state = courier.store.find(names.export_state(export), ExportState)
        if state is None:
            continue
        if state.active is not None:
            _pick_up(courier, export, state.active)
        in_use |= {request.run for request in (state.active, state.waiting) if request}
        _remove_old_ledgers(courier, export, state)
    _remove_expired_runs(courier, in_use)


def _pick_up(courier: Courier, export: str, request: RunRequest) -> None:
    run = courier.store.find(names.run(request.run), Run)
    if run is None:
        _start_or_forget(courier, export, request)
        return
    idle = now(courier.clock) - run.watch.at
    if run.state in (RunState.QUEUED, RunState.PLANNING):
        if idle > (UNWATCHED_AFTER if _never_started(run) else UNPLANNED_AFTER):
            _plan_again(courier, run)
    elif (run.state in SENDING or run.state in FINAL) and idle > UNWATCHED_AFTER:
        _watch_again(courier, run)


def _start_or_forget(courier: Courier, export: str, request: RunRequest) -> None:
    """A run without a document has not begun, unless it is so old that its document was removed."""
    if now(courier.clock) - request.requested_at < _retention(courier):
        queue_run(courier, export, request)
        return
    logger.warning("run %s of export %s is forgotten: its documents were removed", request.run, export)
    start_next(courier, export, request.run)


def _never_started(run: Run) -> bool:
    """Whether the run is queued without a reason; with one it waits for something, and for its message."""
    return run.state is RunState.QUEUED and run.reason is None


def _plan_again(courier: Courier, run: Run) -> None:
    moment = now(courier.clock)
    again = take_over(
        courier.store,
        run.id,
        moment,
        lambda run: moved(run, RunState.QUEUED, moment) if run.state is RunState.PLANNING else run,
    )
    if again.state is RunState.QUEUED:
        courier.queues.send(names.EXPORT_RUNS, PlanMessage(run=run.id, generation=again.watch.generation))


def _watch_again(courier: Courier, run: Run) -> None:
    if run.state in FINAL and not courier.store.blobs.exists(names.plan(run.id)):
        start_next(courier, run.export, run.id)
        return
    if run.watch.rescues >= MOST_RESCUES:
        _give_up(courier, run)
        return
    again = take_over(courier.store, run.id, now(courier.clock), _rescued)
    courier.queues.send(names.RUN_WATCH, WatchMessage(run=run.id, generation=again.watch.generation))


def _rescued(run: Run) -> Run:
    watch = run.watch.model_copy(update={"rescues": run.watch.rescues + 1})
    return run.model_copy(update={"watch": watch})


def _give_up(courier: Courier, run: Run) -> None:
    """Let the next run of the export start after one that nobody can end."""
    reason = Reason(
        code="given_up",
        message="what became of this run could not be found out, whoever tried: the app's log has the errors; the next "
        "run sends its contacts again",
    )
    moment = now(courier.clock)
    given_up = take_over(
        courier.store,
        run.id,
        moment,
        lambda run: (
            run.model_copy(update={"reason": reason})
            if run.state in FINAL
            else moved(run, RunState.FAILED, moment, reason)
        ),
    )
    announce_end(courier, given_up)
    start_next(courier, run.export, run.id)


def _remove_old_ledgers(courier: Courier, export: str, state: ExportState) -> None:
    """Only the ledger that the export points to counts; one being written right now is younger than a day."""
    for blob in courier.store.blobs.below(names.ledgers(export)):
        is_current = state.ledger is not None and blob.name == names.ledger(export, state.ledger)
        if not is_current and now(courier.clock) - blob.modified > timedelta(days=1):
            courier.store.blobs.delete(blob.name)


def _retention(courier: Courier) -> timedelta:
    return timedelta(days=courier.settings.run_retention_days)


def _remove_expired_runs(courier: Courier, in_use: set[str]) -> None:
    """Runs that ended long ago; one that an export still waits for is in use, whatever its state."""
    oldest = now(courier.clock) - _retention(courier)
    folders, _ = courier.store.blobs.level(names.RUNS)
    for folder in folders:
        run_id = folder.removeprefix(names.RUNS).rstrip("/")
        asked_at = _asked_at(run_id)
        if asked_at is not None and asked_at < oldest and run_id not in in_use:
            _remove_run(courier, run_id, oldest)


def _asked_at(run_id: str) -> datetime | None:
    try:
        return datetime.strptime(run_id.partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _remove_run(courier: Courier, run_id: str, oldest: datetime) -> None:
    """The run's own document goes last: what is cut off half-way is found again."""
    run = courier.store.find(names.run(run_id), Run)
    if run is not None and (run.finished_at is None or run.finished_at >= oldest):
        return
    for blob in courier.store.blobs.below(names.run_folder(run_id)):
        if blob.name != names.run(run_id):
            courier.store.blobs.delete(blob.name)
    courier.store.blobs.delete(names.run(run_id))
