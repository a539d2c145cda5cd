"""Saying what became of a run: in the log, and to the people whom its export names."""

from shared import names, notify
from shared.courier import Courier
from shared.documents import MOST_IMPORTS_PER_MINUTE, Connection, Export, Reason, Run, RunState
from shared.doors.clock import now
from shared.errors import CourierError
from shared.runs.states import MOVES, change, moved
from shared.telemetry import RunEnded, RunHeld, about, record


def hold(courier: Courier, run_id: str, reason: Reason) -> Run:
    """Hold the run for a person and say so; a run that is held already or has ended stays as it is."""
    held_now = False

    def held(run: Run) -> Run:
        nonlocal held_now
        held_now = RunState.HELD in MOVES[run.state]
        return moved(run, RunState.HELD, now(courier.clock), reason) if held_now else run

    run = change(courier.store, run_id, held)
    if held_now:
        with about(run=run.id, export=run.export):
            record(RunHeld(code=reason.code))
        _tell(courier, run)
    return run


def announce_end(courier: Courier, run: Run) -> None:
    """Say how a run ended."""
    connection = courier.store.find(names.connection(run.connection), Connection) if run.connection else None
    with about(run=run.id, export=run.export):
        record(RunEnded.of(run, connection.imports_per_minute if connection else MOST_IMPORTS_PER_MINUTE))
    _tell(courier, run)


def _tell(courier: Courier, run: Run) -> None:
    """Tell the people whom the export names; one that cannot be understood names nobody."""
    try:
        export = courier.store.find(names.export(run.export), Export)
    except CourierError:
        return
    if export:
        notify.tell(courier, export, run)
