"""Asking for a run: at most one run of an export is active and one waits; whoever asks later joins the waiting one."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from shared import names
from shared.courier import Courier
from shared.documents import Drop, Export, ExportState, Run, RunRequest, RunState, Trigger, Watch
from shared.doors.clock import now
from shared.errors import Conflict, NotFound
from shared.messages import PlanMessage
from shared.runs.states import FINAL, change
from shared.telemetry import RunRequested, about, record


def request_run(
    courier: Courier,
    export: str,
    trigger: Trigger,
    *,
    dry_run: bool = False,
    full: bool = False,
    drops: Sequence[Drop] = (),
) -> Run:
    """The run that will do what was asked: a new one, or the one already waiting.

    With ``drops`` the run's id is derived from them, so that asking twice for the same drop is asking once. Raises
    ``NotFound`` where there is no such export and ``Conflict`` where it is not enabled.
    """
    document = courier.store.find(names.export(export), Export)
    if document is None:
        raise NotFound(f"there is no export {export}: GET /api/exports lists those there are")
    if not document.enabled:
        raise Conflict(f'export {export} is not enabled: set "enabled": true first', code="not_enabled")
    asked_at = now(courier.clock)
    run_id = drop_run_id(export, drops) if drops else _new_run_id(export, asked_at)
    if known := courier.store.find(names.run(run_id), Run):
        return known
    request = RunRequest(run=run_id, trigger=trigger, dry_run=dry_run, full=full, requested_at=asked_at)
    state = courier.store.modify(
        names.export_state(export), ExportState, lambda state: _with(state, request), default=ExportState()
    )
    return _start(courier, export, state, request)


def start_next(courier: Courier, export: str, ended: str) -> None:
    """Let the waiting run of an export follow the one that ended. Harmless when somebody did it already."""

    def advance(state: ExportState) -> ExportState:
        if state.active is None or state.active.run != ended:
            return state
        return state.model_copy(update={"active": state.waiting, "waiting": None})

    state = courier.store.modify(names.export_state(export), ExportState, advance, default=ExportState())
    if state.active:
        queue_run(courier, export, state.active)


def queue_run(courier: Courier, export: str, request: RunRequest) -> None:
    """See to it that an active request has its document and a message that starts it, also after a crash."""
    _create(courier, export, request)
    moment = now(courier.clock)
    run = change(courier.store, request.run, lambda run: _its_turn(run, request, moment))
    if run.state in FINAL:
        start_next(courier, export, run.id)
    elif run.state is RunState.QUEUED:
        courier.queues.send(names.EXPORT_RUNS, PlanMessage(run=run.id, generation=run.watch.generation))


def _its_turn(run: Run, request: RunRequest, moment: datetime) -> Run:
    """The run as it is asked for by now, unless somebody has set out to plan it."""
    if run.state is not RunState.QUEUED or run.watch.claims:
        return run
    watch = run.watch.model_copy(update={"waiting_since": moment})
    return _as_asked(run, request).model_copy(update={"watch": watch})


def _as_asked(run: Run, request: RunRequest) -> Run:
    return run.model_copy(update={"dry_run": request.dry_run, "full": request.full})


def drop_run_id(export: str, drops: Sequence[Drop]) -> str:
    """The id of the run that these versions of these blobs ask for; the same for every copy of the event."""
    versions = sorted(f"{blob.name} {blob.etag}" for drop in drops for blob in drop.blobs)
    digest = hashlib.sha256("\n".join(versions).encode()).hexdigest()
    return _run_id(export, max(drop.modified for drop in drops), digest[:8])


def _new_run_id(export: str, moment: datetime) -> str:
    return _run_id(export, moment, secrets.token_hex(4))


def _run_id(export: str, moment: datetime, suffix: str) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}-{export}-{suffix}"


def export_of(run_id: str) -> str:
    """The export that a run's id names."""
    return run_id.partition("-")[2].rpartition("-")[0]


def _with(state: ExportState, request: RunRequest) -> ExportState:
    if state.active is None or state.active.run == request.run:
        return state.model_copy(update={"active": request if state.active is None else state.active})
    if state.waiting is None:
        return state.model_copy(update={"waiting": request})
    return state.model_copy(update={"waiting": _joined(state.waiting, request)})


def _joined(waiting: RunRequest, request: RunRequest) -> RunRequest:
    """One run that does for both: it sends where one of them does, and everybody only where one asked to *send* all."""
    both = (waiting, request)
    decisive = [one for one in both if not one.dry_run] or both
    changes = {"dry_run": all(one.dry_run for one in both), "full": any(one.full for one in decisive)}
    return waiting.model_copy(update=changes)


def _start(courier: Courier, export: str, state: ExportState, request: RunRequest) -> Run:
    if state.active and state.active.run == request.run:
        queue_run(courier, export, state.active)
        return courier.store.get(names.run(request.run), Run)
    waiting = state.waiting or request
    _create(courier, export, waiting)
    return change(
        courier.store, waiting.run, lambda run: _as_asked(run, waiting) if run.state is RunState.QUEUED else run
    )


def _create(courier: Courier, export: str, request: RunRequest) -> None:
    run = _document(export, request)
    if courier.store.create(names.run(run.id), run):
        with about(run=run.id, export=export):
            record(RunRequested.of(run))


def _document(export: str, request: RunRequest) -> Run:
    return Run(
        id=request.run,
        export=export,
        trigger=request.trigger,
        dry_run=request.dry_run,
        full=request.full,
        requested_at=request.requested_at,
        watch=Watch(at=request.requested_at),
    )
