"""What a person decides about runs: to cancel one, or to let a held one go on."""

from shared import names
from shared.courier import Courier
from shared.documents import ExportState, Reason, Release, Run, RunState
from shared.doors.clock import now
from shared.errors import Conflict, NotFound
from shared.messages import PlanMessage, WatchMessage
from shared.runs.announcing import announce_end
from shared.runs.requests import start_next
from shared.runs.states import FINAL, moved, take_over
from shared.telemetry import RunReleased, about, record


def cancel(courier: Courier, run_id: str, by: str) -> Run:
    """Stop a run for good; a run that was cancelled before stays as it is.

    Nothing more is sent from this moment on, but for posts that are under way. What ActiveCampaign confirmed still gets
    into the ledger: the watcher sees to it, and then starts the next run. Raises ``NotFound``, and ``Conflict`` where
    the run has ended.
    """
    run = _run(courier, run_id)
    moment = now(courier.clock)
    reason = Reason(code="cancelled", message=f"cancelled by {by}")
    _give_up_waiting(courier, run)
    run = take_over(
        courier.store,
        run_id,
        moment,
        lambda run: run if run.state is RunState.CANCELLED else moved(run, RunState.CANCELLED, moment, reason),
    )
    if courier.store.blobs.exists(names.plan(run_id)):
        courier.queues.send(names.RUN_WATCH, WatchMessage(run=run_id, generation=run.watch.generation))
    else:
        announce_end(courier, run)
        start_next(courier, run.export, run_id)
    return run


def release(courier: Courier, run_id: str, by: str) -> Run:
    """Let a held run go on where it stopped, and record who decided that.

    With a plan it is delivered: batches that have a receipt are not sent again. Without one it is planned, where guards
    that were looked at do not hold it again for the same drops. Raises ``NotFound``, and ``Conflict`` where the run is
    not held.
    """
    held = _run(courier, run_id)
    moment = now(courier.clock)
    planned = courier.store.blobs.exists(names.plan(run_id))

    def go_on(run: Run) -> Run:
        if run.state is not RunState.HELD:
            raise Conflict(f"run {run_id} is {run.state}: only a held run is released")
        decision = Release(at=moment, by=by, reason=run.reason)
        watch = run.watch.model_copy(update={"next_batch": 0, "rescues": 0, "waiting_since": moment})
        run = run.model_copy(update={"releases": [*run.releases, decision], "watch": watch})
        return moved(run, RunState.DELIVERING if planned else RunState.QUEUED, moment)

    run = take_over(courier.store, run_id, moment, go_on)
    if planned:
        courier.queues.send(names.RUN_WATCH, WatchMessage(run=run_id, generation=run.watch.generation))
    else:
        courier.queues.send(names.EXPORT_RUNS, PlanMessage(run=run_id, generation=run.watch.generation))
    with about(run=run_id, export=run.export):
        record(RunReleased(code=held.reason.code if held.reason else "held"))
    return run


def cancel_all(courier: Courier, export: str, by: str) -> list[str]:
    """Cancel the waiting and the active run of an export; returns the ids of those that were stopped."""
    state = courier.store.find(names.export_state(export), ExportState) or ExportState()
    asked_for = [request.run for request in (state.waiting, state.active) if request]
    return [run_id for run_id in asked_for if _cancel_unfinished(courier, run_id, by)]


def cancel_over(courier: Courier, connection: str, by: str) -> list[str]:
    """Cancel every active run that was planned for a connection, whichever connection its export has by now."""
    stopped = []
    for export in exports_with_state(courier):
        state = courier.store.find(names.export_state(export), ExportState)
        run = courier.store.find(names.run(state.active.run), Run) if state and state.active else None
        if run and run.connection == connection and _cancel_unfinished(courier, run.id, by):
            stopped.append(run.id)
    return stopped


def exports_with_state(courier: Courier) -> list[str]:
    """Every export that ever asked for a run, also those that were deleted since."""
    folders, _ = courier.store.blobs.level(names.EXPORTS)
    return [folder.removeprefix(names.EXPORTS).rstrip("/") for folder in folders]


def _run(courier: Courier, run_id: str) -> Run:
    run = courier.store.find(names.run(run_id), Run)
    if run is None:
        raise NotFound(f"there is no run {run_id}: GET /api/runs lists those there are")
    return run


def _give_up_waiting(courier: Courier, run: Run) -> None:
    """First of all, so that nobody's later request joins a run that is about to be cancelled."""

    def left(state: ExportState) -> ExportState:
        is_waiting = state.waiting is not None and state.waiting.run == run.id
        return state.model_copy(update={"waiting": None}) if is_waiting else state

    courier.store.modify(names.export_state(run.export), ExportState, left, default=ExportState())


def _cancel_unfinished(courier: Courier, run_id: str, by: str) -> bool:
    run = courier.store.find(names.run(run_id), Run)
    if run is None or run.state in FINAL:
        return False
    try:
        cancel(courier, run_id, by)
    except Conflict:
        return False
    return True
