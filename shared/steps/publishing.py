"""What planning leaves: a plan to deliver, a dry run that has ended, or a run that a person has to look at.

Only the call that has claimed the run may leave anything: the others raise ``Superseded``.
"""

from collections.abc import Iterator, Sequence
from functools import partial

from shared import names
from shared.courier import Courier
from shared.documents import Drop, Plan, Reason, Run, RunState
from shared.doors.clock import now
from shared.doors.transfers import all_at_once
from shared.errors import Superseded
from shared.messages import WatchMessage
from shared.plan.batches import Batches
from shared.plan.planner import Draft
from shared.plan.shapes import Outcome
from shared.runs.announcing import hold
from shared.runs.claiming import note, still_ours
from shared.runs.states import FINAL, change, moved
from shared.steps.finishing import end_unplanned, finish, remove_planned
from shared.telemetry import RunPlanned, record


def end_dry(courier: Courier, run: Run, outcome: Outcome, drops: Sequence[Drop], *, readdressed: int) -> None:
    """Store what a dry run found, and end it."""
    courier.store.blobs.upload(names.rejects(run.id), outcome.rejects)
    findings = _findings(courier, outcome, drops, readdressed)
    note(courier, run, findings | {"examples": list(outcome.examples)})
    end_unplanned(courier, run.id, RunState.SUCCEEDED if outcome.counts.batches else RunState.NOTHING_TO_DO, None)


def hold_for_a_person(courier: Courier, run: Run, outcome: Outcome, drops: Sequence[Drop], guard: Reason) -> None:
    """Store what a person has to look at. The plan is not kept: once the run is released it is made again."""
    courier.store.blobs.upload(names.rejects(run.id), outcome.rejects)
    note(courier, run, _findings(courier, outcome, drops, run.counts.readdressed))
    hold(courier, run.id, guard)


def publish(courier: Courier, run: Run, draft: Draft, drops: Sequence[Drop]) -> Plan:
    """Finish a plan and store it, the plan itself last."""
    blobs, outcome = courier.store.blobs, draft.outcome
    planned, batches = draft.finish()
    still_ours(courier, run)
    moves = [
        partial(blobs.stream, names.batches(run.id), _lines(courier, run, batches)),
        partial(blobs.upload, names.rejects(run.id), outcome.rejects),
    ]
    if planned:
        moves.append(partial(blobs.upload, names.planned(run.id), planned))
    batches_etag, _, *planned_etag = all_at_once(moves)
    plan = Plan(
        batches=batches.index,
        batches_etag=batches_etag,
        planned_etag=planned_etag[0] if planned_etag else None,
        rejects_length=outcome.rejects.stat().st_size,
        columns=list(outcome.columns),
    )
    readdressed = courier.store.get(names.run(run.id), Run).counts.readdressed
    noted = note(courier, run, _findings(courier, outcome, drops, readdressed))
    if not courier.store.create(names.plan(run.id), plan):
        raise Superseded(f"run {run.id} has a plan already")
    record(RunPlanned.of(noted, seconds=(now(courier.clock) - run.watch.at).total_seconds()))
    return plan


def _lines(courier: Courier, run: Run, batches: Batches) -> Iterator[bytes]:
    """All lines, if the run is still ours by then: those of another call that has it by now are not replaced."""
    yield from batches
    still_ours(courier, run)


def _findings(courier: Courier, outcome: Outcome, drops: Sequence[Drop], readdressed: int) -> dict[str, object]:
    return {
        "drops": list(drops),
        "counts": outcome.counts.model_copy(update={"readdressed": readdressed}),
        "warnings": list(outcome.warnings),
        "planned_at": now(courier.clock),
    }


def hand_over(courier: Courier, run_id: str, plan: Plan) -> None:
    """Give a planned run to its watcher, or end it where there is nothing to send; harmless where that was done."""
    if plan.batches:
        _start_delivery(courier, run_id)
    elif courier.store.get(names.run(run_id), Run).state is RunState.PLANNING:
        finish(courier, run_id)


def _start_delivery(courier: Courier, run_id: str) -> None:
    """Move a planned run to delivering and give it a watcher; one that has moved on stays as it is."""
    moment = now(courier.clock)
    started = False

    def delivering(run: Run) -> Run:
        nonlocal started
        started = run.state is RunState.PLANNING
        if not started:
            return run
        watch = run.watch.model_copy(update={"generation": run.watch.generation + 1, "at": moment, "next_batch": 0})
        return moved(run, RunState.DELIVERING, moment).model_copy(update={"watch": watch})

    run = change(courier.store, run_id, delivering)
    if started:
        courier.queues.send(names.RUN_WATCH, WatchMessage(run=run.id, generation=run.watch.generation))


def remove_if_over(courier: Courier, run_id: str) -> None:
    """Leave no personal data of a plan whose run was cancelled, or erased, before anything of it was sent."""
    run = courier.store.find(names.run(run_id), Run)
    if (run is None or run.state in FINAL) and not any(True for _ in courier.store.blobs.below(names.receipts(run_id))):
        remove_planned(courier, run_id)
