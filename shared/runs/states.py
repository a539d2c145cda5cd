"""Which moves a run may make. This table is the only place that says so."""

from collections.abc import Callable
from datetime import datetime

from shared import names
from shared.documents import Reason, Run, RunState
from shared.errors import Conflict
from shared.store import Store

MOVES: dict[RunState, frozenset[RunState]] = {
    RunState.QUEUED: frozenset({RunState.PLANNING, RunState.HELD, RunState.FAILED, RunState.CANCELLED}),
    RunState.PLANNING: frozenset(
        {
            RunState.QUEUED,
            RunState.DELIVERING,
            RunState.SUCCEEDED,
            RunState.NOTHING_TO_DO,
            RunState.HELD,
            RunState.FAILED,
            RunState.CANCELLED,
        }
    ),
    RunState.DELIVERING: frozenset({RunState.CONFIRMING, RunState.HELD, RunState.FAILED, RunState.CANCELLED}),
    RunState.CONFIRMING: frozenset(
        {RunState.SUCCEEDED, RunState.PARTLY_SUCCEEDED, RunState.HELD, RunState.FAILED, RunState.CANCELLED}
    ),
    RunState.HELD: frozenset({RunState.QUEUED, RunState.DELIVERING, RunState.FAILED, RunState.CANCELLED}),
    RunState.SUCCEEDED: frozenset(),
    RunState.PARTLY_SUCCEEDED: frozenset(),
    RunState.NOTHING_TO_DO: frozenset(),
    RunState.FAILED: frozenset(),
    RunState.CANCELLED: frozenset(),
}

FINAL = frozenset(state for state, moves in MOVES.items() if not moves)
"""States that a run never leaves."""

SENDING = frozenset({RunState.DELIVERING, RunState.CONFIRMING})
"""States in which a watcher looks after the run and batches may be posted."""


def moved(run: Run, state: RunState, now: datetime, reason: Reason | None = None) -> Run:
    """The run in that state; ``Conflict`` where the table does not allow the move."""
    if state not in MOVES[run.state]:
        raise Conflict(f"run {run.id} is {run.state}: it cannot become {state}")
    changes: dict[str, object] = {"state": state, "reason": reason}
    if state is RunState.DELIVERING and run.delivering_since is None:
        changes["delivering_since"] = now
    if state in FINAL:
        changes |= {"finished_at": now, "estimated_end": None}
    return run.model_copy(update=changes)


def move(store: Store, run_id: str, state: RunState, now: datetime, reason: Reason | None = None) -> Run:
    """Make that move in the stored document; ``Conflict`` where it is not legal."""
    return change(store, run_id, lambda run: moved(run, state, now, reason))


def hold(store: Store, run_id: str, reason: Reason, now: datetime) -> Run:
    """Hold the run for a person, unless it is held already or has ended."""
    return change(
        store,
        run_id,
        lambda run: moved(run, RunState.HELD, now, reason) if RunState.HELD in MOVES[run.state] else run,
    )


def take_over(store: Store, run_id: str, now: datetime, update: Callable[[Run], Run] = lambda run: run) -> Run:
    """Make all messages about the run so far invalid: the next one sent carries the new generation."""

    def renewed(run: Run) -> Run:
        watch = run.watch.model_copy(update={"generation": run.watch.generation + 1, "at": now})
        return update(run.model_copy(update={"watch": watch}))

    return change(store, run_id, renewed)


def change(store: Store, run_id: str, update: Callable[[Run], Run]) -> Run:
    """Replace the stored run by what ``update`` makes of it."""
    return store.modify(names.run(run_id), Run, update)
