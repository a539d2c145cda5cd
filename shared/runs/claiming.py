"""Whose it is to plan a run: of several calls that set out to, only the one that claimed it last may leave anything."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta

from shared import names
from shared.courier import Courier
from shared.documents import Run, RunState
from shared.doors.clock import now
from shared.errors import BlobMissing, Superseded
from shared.messages import PlanMessage
from shared.runs.states import change, moved

_LEASE = timedelta(minutes=10)
"""The Functions host leases a message for this long: a call that has been at it for longer may have died."""


def claim(courier: Courier, message: PlanMessage) -> Run | None:
    """The run in state planning, if this call is the one to plan it.

    A message that comes again while another call is at it waits until that one has ended, or cannot come back any more.
    """
    if courier.store.find(names.run(message.run), Run) is None:
        return None
    moment = now(courier.clock)
    stored = courier.store.blobs.exists(names.plan(message.run))
    claimed = False

    def claimed_now(run: Run) -> Run:
        nonlocal claimed
        waits = run.state is RunState.QUEUED
        abandoned = run.state is RunState.PLANNING and (stored or moment - run.watch.at >= _LEASE)
        claimed = run.watch.generation == message.generation and (waits or abandoned)
        if not claimed:
            return run
        watch = run.watch.model_copy(update={"at": moment, "claims": run.watch.claims + 1})
        return (moved(run, RunState.PLANNING, moment) if waits else run).model_copy(update={"watch": watch})

    run = change(courier.store, message.run, claimed_now)
    if not claimed and run.watch.generation == message.generation and run.state is RunState.PLANNING:
        rest = run.watch.at + _LEASE - moment
        courier.queues.send(names.EXPORT_RUNS, message, delay=max(1.0, rest.total_seconds()))
    return run if claimed else None


def still_ours(courier: Courier, run: Run) -> None:
    """Raise ``Superseded`` where a claimed run was cancelled, claimed again or erased meanwhile."""
    found = courier.store.find(names.run(run.id), Run)
    if found is None or not _is_ours(found, run):
        raise Superseded(f"run {run.id} went on without this call")


def note(courier: Courier, run: Run, changes: Mapping[str, object]) -> Run:
    """Write that into a claimed run; raises ``Superseded`` where it is not ours any more."""
    return _change(courier, run, lambda found: found.model_copy(update=changes))


def give_back(courier: Courier, run: Run) -> None:
    """Let the message of a claimed run be taken up again at once, after something that nobody foresaw."""
    moment = now(courier.clock)
    with suppress(Superseded):
        _change(courier, run, lambda found: moved(found, RunState.QUEUED, moment))


def _change(courier: Courier, run: Run, update: Callable[[Run], Run]) -> Run:
    def changed(found: Run) -> Run:
        if not _is_ours(found, run):
            raise Superseded(f"run {run.id} went on without this call")
        return update(found)

    try:
        return change(courier.store, run.id, changed)
    except BlobMissing:
        raise Superseded(f"run {run.id} was erased") from None


def _is_ours(found: Run, run: Run) -> bool:
    return found.state is RunState.PLANNING and found.watch.claims == run.watch.claims
