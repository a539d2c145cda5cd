"""The step behind ``run-watch``: the only writer of a run's progress.

Each call fans out the next stretch of batches, asks what became of accepted imports, counts the receipts, and either
ends the run or leaves a message for the next call. Everything it knows follows from the plan and the receipts.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from shared import names
from shared.courier import Courier
from shared.documents import Connection, Plan, Reason, ReceiptState, Run, RunState, Watch
from shared.doors.clock import as_datetime, now
from shared.errors import RunHeld
from shared.messages import BatchMessage, WatchMessage
from shared.outcomes.following import follow_imports
from shared.pacing import HEAD_START_SECONDS, Lane, rates, weight
from shared.receipts import CLOSED, Summary, summaries
from shared.runs.announcing import hold
from shared.runs.connecting import connection_of
from shared.runs.states import FINAL, SENDING, change, moved
from shared.steps.finishing import counted, finish, imports_per_minute, is_settled

STRETCH_SECONDS = 30
"""How far ahead batches have appointments. Short, so that exports on one host take turns and a cancel leaves little
behind; long enough for several calls of the watcher."""

FOLLOW_SECONDS = 8
"""How long one call asks after imports before it reports progress."""

SETTLE_SECONDS = 30
"""After a cancel, posts that were under way get this long to leave their receipts."""

LOST_AFTER = timedelta(minutes=15)
"""A batch without a receipt this long after the last appointment has lost its message: no lease lasts that long."""


def watch_run(courier: Courier, message: WatchMessage) -> None:
    """Look after that run once."""
    run = courier.store.find(names.run(message.run), Run)
    if run is None or run.watch.generation != message.generation:
        return
    if run.state in SENDING or (run.state in FINAL and not is_settled(courier, run)):
        _look_after(courier, run)


def _look_after(courier: Courier, run: Run) -> None:
    plan = courier.store.find(names.plan(run.id), Plan)
    if plan is None:
        return
    try:
        connection = connection_of(courier, run)
    except RunHeld as held:
        _without_connection(courier, run, held)
        return
    receipts = summaries(courier.store.blobs, run.id)
    watch = run.watch
    if run.state is RunState.DELIVERING:
        watch = _fan_out(courier, run, connection, plan, receipts)
    followed = follow_imports(courier, connection, run.id, receipts, until=courier.clock.time() + FOLLOW_SECONDS)
    receipts = summaries(courier.store.blobs, run.id)
    if _nothing_more_to_come(courier, run, plan, receipts):
        finish(courier, run.id)
        return
    after = _report(courier, run.id, lambda run: _reported(courier, run, plan, receipts, connection, watch))
    if after is not None and after.state is not RunState.HELD:
        _come_back(courier, after, delay=1 if followed or len(receipts) < len(plan.batches) else _pause(after, courier))


def _without_connection(courier: Courier, run: Run, held: RunHeld) -> None:
    """Nobody can be asked any more: what has ended is over, what has not waits for a person."""
    if run.state in FINAL:
        finish(courier, run.id)
    else:
        hold(courier, run.id, Reason(code=held.code, message=held.message))


def _report(courier: Courier, run_id: str, update: Callable[[Run], Run]) -> Run | None:
    """Write how far the run has come; ``None`` where somebody else has taken over looking after it."""
    took_effect = False

    def reported(run: Run) -> Run:
        nonlocal took_effect
        changed = update(run)
        took_effect = changed is not run
        return changed

    run = change(courier.store, run_id, reported)
    return run if took_effect else None


def _fan_out(courier: Courier, run: Run, connection: Connection, plan: Plan, receipts: Sequence[Summary]) -> Watch:
    """Give the next stretch of batches their appointments; those that have a receipt need none."""
    watch = _recovered(run.watch, receipts, plan, now(courier.clock))
    answered = {receipt.batch for receipt in receipts if receipt.state is not ReceiptState.PARTIAL}
    under_way = watch.next_batch - sum(batch < watch.next_batch for batch in answered)
    room = max(1, int(STRETCH_SECONDS / rates(connection).imports)) - under_way
    chosen = [batch for batch in range(watch.next_batch, len(plan.batches)) if batch not in answered][: max(0, room)]
    if not chosen:
        return watch
    entries = [plan.batches[batch] for batch in chosen]
    weights = [weight(entry.contacts) for entry in entries]
    appointments = courier.pacer(connection).reserve(Lane.IMPORTS, weights, notice=HEAD_START_SECONDS)
    for batch, appointment in zip(chosen, appointments, strict=True):
        _send_batch(courier, run.id, plan, batch, appointment)
    return watch.model_copy(update={"next_batch": chosen[-1] + 1, "last_appointment": as_datetime(appointments[-1])})


def _recovered(watch: Watch, receipts: Sequence[Summary], plan: Plan, moment: datetime) -> Watch:
    """Start again at the first batch when messages must have been lost."""
    quiet = watch.last_appointment and moment - watch.last_appointment > LOST_AFTER
    answered = sum(receipt.state is not ReceiptState.PARTIAL for receipt in receipts)
    return watch.model_copy(update={"next_batch": 0}) if quiet and answered < len(plan.batches) else watch


def _send_batch(courier: Courier, run_id: str, plan: Plan, batch: int, appointment: float) -> None:
    """Send a batch to its worker, to be seen shortly before its appointment."""
    entry = plan.batches[batch]
    message = BatchMessage(
        run=run_id,
        batch=batch,
        offset=entry.offset,
        length=entry.length,
        etag=plan.batches_etag,
        contacts=entry.contacts,
        appointment=appointment,
    )
    delay = appointment - courier.clock.time() - HEAD_START_SECONDS
    courier.queues.send(names.CONTACT_BATCHES, message, delay=delay)


def _nothing_more_to_come(courier: Courier, run: Run, plan: Plan, receipts: Sequence[Summary]) -> bool:
    if any(receipt.state is ReceiptState.ACCEPTED or receipt.pending for receipt in receipts):
        return False
    if run.state in FINAL:
        return run.finished_at is None or now(courier.clock) - run.finished_at >= timedelta(seconds=SETTLE_SECONDS)
    return _final(receipts) == len(plan.batches)


def _final(receipts: Sequence[Summary]) -> int:
    return sum(receipt.state in CLOSED for receipt in receipts)


def _reported(
    courier: Courier, run: Run, plan: Plan, receipts: Sequence[Summary], connection: Connection, watch: Watch
) -> Run:
    """The run with what is known now; as it is where somebody else has taken it over meanwhile."""
    if run.watch.generation != watch.generation:
        return run
    moment = now(courier.clock)
    answered = sum(receipt.state is not ReceiptState.PARTIAL for receipt in receipts)
    changes: dict[str, object] = {
        "counts": counted(run.counts, plan, receipts),
        "watch": watch.model_copy(update={"generation": watch.generation + 1, "at": moment, "rescues": 0}),
    }
    if run.state is RunState.DELIVERING:
        left = len(plan.batches) - answered
        changes |= {
            "imports_per_minute": imports_per_minute(receipts),
            "estimated_end": moment + timedelta(seconds=left * rates(connection).imports),
        }
    run = run.model_copy(update=changes)
    sent_all = run.state is RunState.DELIVERING and answered == len(plan.batches)
    return moved(run, RunState.CONFIRMING, moment) if sent_all else run


def _come_back(courier: Courier, run: Run, *, delay: float) -> None:
    message = WatchMessage(run=run.id, generation=run.watch.generation)
    courier.queues.send(names.RUN_WATCH, message, delay=delay)


def _pause(run: Run, courier: Courier) -> float:
    """Seconds until asking again makes sense: imports wait behind a backlog for seconds, or for hours."""
    waited = (now(courier.clock) - (run.delivering_since or run.requested_at)).total_seconds()
    return min(60.0, max(3.0, waited / 20))
