"""Two calls at the same time, or one that comes back long after it was taken for dead: only one of them counts."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from local.customers import first_day, next_day
from local.scene import EXPORT, differences
from shared import names
from shared.documents import ExportState, Run, RunState, Trigger
from shared.plan.planner import Draft, drafted
from shared.plan.shapes import Job
from shared.runs.decisions import cancel
from shared.runs.requests import request_run
from shared.steps import finishing, planning, publishing
from tests.api.client import Client
from tests.runs.playing import adds_up, connected, left, put_drop
from tests.simulation import Simulation

PEOPLE = 700
ANY_LEAVERS = {"guards": {"max_leaver_percent": 100}}


def _ready(folder: Path, **options: bool) -> Simulation:
    world = connected(folder, export=ANY_LEAVERS, **options)
    put_drop(world, first_day(PEOPLE))
    world.clock.pass_by(60)
    return world


def _ask(world: Simulation) -> str:
    return request_run(world.courier, EXPORT, Trigger.REQUEST).id


def _state(world: Simulation) -> ExportState:
    return world.courier.store.get(names.export_state(EXPORT), ExportState)


def _stalled(world: Simulation, monkeypatch: pytest.MonkeyPatch, place: object, name: str, seconds: float) -> list[int]:
    """The first call of that function begins so much later than the others; returns the calls so far."""
    calls: list[int] = []
    real: Callable[..., object] = getattr(place, name)

    def stalling(*values: object, **named: object) -> object:
        calls.append(len(calls))
        if len(calls) == 1:
            world.clock.sleep_until(world.clock.time() + seconds)
        return real(*values, **named)

    monkeypatch.setattr(place, name, stalling)
    return calls


def test_a_copy_of_a_plan_message_waits_for_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On another instance, with a newer drop meanwhile: one plan is made, and what is sent is what it says."""
    world = _ready(tmp_path, instances=True)
    calls = _stalled(world, monkeypatch, planning, "drafted", 130)
    run = _ask(world)
    world.copy(names.EXPORT_RUNS, 120)
    world.play_for(2)
    put_drop(world, next_day(first_day(PEOPLE), leave=50, change=50, join=50))
    world.play()
    assert calls == [0]
    assert world.run_of(run).state is RunState.SUCCEEDED
    assert differences(world.stage, first_day(PEOPLE)) == []
    assert world.errors == []


def test_a_planner_that_comes_back_late_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its run was planned, delivered and ended by others: counts, rejects and ledger stay theirs."""
    world = _ready(tmp_path, instances=True)
    refused = first_day(PEOPLE).customers[3].email
    world.account.unsubscribe(refused, world.stage.list_id)
    calls = _stalled(world, monkeypatch, planning, "drafted", 3_600)
    run = _ask(world)
    world.copy(names.EXPORT_RUNS, 700)
    world.wait_for(lambda: _state(world).active is None, seconds=1_800)
    before, rejects = world.run_of(run), world.state.read(names.rejects(run)).data
    world.play()
    assert calls == [0, 1]
    assert before.counts.refused == {"refused_unsubscribed": 1}
    assert (world.run_of(run), world.state.read(names.rejects(run)).data) == (before, rejects)
    assert left(world, run) & {"planned.parquet", "batches.jsonl"} == set()
    assert world.errors == []


def test_a_planner_that_stalls_while_it_stores_replaces_no_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was the run's planner when it began to store, and is not any more once its last line is made."""
    world = _ready(tmp_path, instances=True)
    calls = _stalled(world, monkeypatch, publishing, "all_at_once", 3_600)
    run = _ask(world)
    world.copy(names.EXPORT_RUNS, 700)
    world.play()
    assert calls == [0, 1]
    assert world.run_of(run).state is RunState.SUCCEEDED
    assert "batches.jsonl" not in left(world, run)
    assert world.errors == []


def test_a_plan_is_not_handed_over_twice(tmp_path: Path) -> None:
    """A plan message that comes again once the run is delivered changes nothing."""
    world = _ready(tmp_path)
    run = _ask(world)
    world.copy(names.EXPORT_RUNS, 5)
    world.play()
    assert world.run_of(run).counts.extra_sends == 0
    assert len(world.api.journal.queued) == world.run_of(run).counts.batches
    assert world.errors == []


def test_a_watcher_that_comes_back_late_keeps_its_ledger_to_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stalled before the end of a run that others ended, and the next run has ended since."""
    world = _ready(tmp_path, instances=True)
    calls = _stalled(world, monkeypatch, finishing, "write_ledger", 3_600)
    first = _ask(world)
    world.wait_for(lambda: calls)
    (stalled,) = [running for running in world.running if running.queue == names.RUN_WATCH]
    world.queues.send(names.RUN_WATCH, stalled.message, delay=600)
    world.play_for(700)
    assert world.run_of(first).state is RunState.SUCCEEDED
    put_drop(world, next_day(first_day(PEOPLE), leave=5, change=5, join=5))
    world.clock.pass_by(60)
    second = _ask(world)
    world.play()
    assert _state(world).ledger == second
    assert world.errors == []


def test_two_copies_of_a_watcher_become_one(tmp_path: Path) -> None:
    """A run with one watcher too many is delivered at the same rate, and no batch is sent for twice."""
    world = connected(tmp_path)
    put_drop(world, first_day(5_000))
    world.clock.pass_by(60)
    run = _ask(world)
    world.wait_for(lambda: world.run_of(run).watch.next_batch)
    world.wait_for(lambda: any(waiting.queue == names.RUN_WATCH for waiting in world.queues.waiting))
    world.copy(names.RUN_WATCH)
    watchers = 0

    def look() -> bool:
        nonlocal watchers
        waiting = [one for one in world.queues.waiting if one.queue == names.RUN_WATCH]
        watchers = max(watchers, len(waiting))
        return world.run_of(run).state is RunState.SUCCEEDED

    world.play_for(12)
    world.wait_for(look)
    assert watchers == 1
    assert (world.run_of(run).imports_per_minute or 0) > 98


def test_a_run_cancelled_while_it_is_planned_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No batch, no plan and no personal data: whatever the planner was about to store."""
    world = _ready(tmp_path)
    calls = _stalled(world, monkeypatch, planning, "drafted", 30)
    run = _ask(world)
    world.wait_for(lambda: calls)
    cancel(world.courier, run, "ada@example.com")
    world.play()
    assert world.run_of(run).state is RunState.CANCELLED
    assert world.api.journal.queued == []
    assert left(world, run) & {"plan.json", "planned.parquet", "batches.jsonl"} == set()
    assert _state(world).active is None
    assert world.errors == []


def test_an_export_erased_while_it_is_planned_stays_erased(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planner finds nothing to say it to, and leaves nothing."""
    world = _ready(tmp_path)
    calls = _stalled(world, monkeypatch, planning, "drafted", 30)
    run = _ask(world)
    world.wait_for(lambda: calls)
    assert Client(world.courier)("DELETE", f"exports/{EXPORT}", query={"erase": "true"}).status == 200
    world.play()
    assert left(world, run) == set()
    assert world.errors == []


@pytest.mark.parametrize("moment", ["before the plan is stored", "right after it"])
def test_a_cancel_around_the_plan_leaves_no_personal_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """In the very moment between two calls to storage."""
    world = _ready(tmp_path)
    create = type(world.courier.store).create

    def creating(store: object, name: str, document: object) -> bool:
        if not name.endswith("plan.json"):
            return create(world.courier.store, name, document)  # type: ignore[arg-type]
        stored = create(world.courier.store, name, document) if moment == "right after it" else None  # type: ignore[arg-type]
        cancel(world.courier, run, "ada@example.com")
        return create(world.courier.store, name, document) if stored is None else stored  # type: ignore[arg-type]

    run = _ask(world)
    monkeypatch.setattr(type(world.courier.store), "create", creating)
    world.play()
    assert world.run_of(run).state is RunState.CANCELLED
    assert world.api.journal.queued == []
    assert left(world, run) & {"planned.parquet", "batches.jsonl"} == set()
    assert _state(world).active is None


def test_batches_that_were_replaced_are_not_sent(tmp_path: Path) -> None:
    """The index belongs to one version of the file; another one holds the run."""
    world = _ready(tmp_path)
    run = _ask(world)
    world.wait_for(lambda: world.state.exists(names.plan(run)))
    world.state.write(names.batches(run), b"x" * 100_000)
    world.play()
    held = world.run_of(run)
    assert (held.state, held.reason and held.reason.code) == (RunState.HELD, "plan_replaced")
    cancel(world.courier, run, "ada@example.com")
    world.play()
    adds_up(world.run_of(run))


def test_a_run_goes_on_when_its_planner_fails_without_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host brings the message back, and it does not wait for a lease to run out."""
    world = _ready(tmp_path)
    failures = [OSError("the disk is full")]

    def failing(job: Job) -> AbstractContextManager[Draft]:
        if failures:
            raise failures.pop()
        return drafted(job)

    monkeypatch.setattr(planning, "drafted", failing)
    run = _ask(world)
    began = world.clock.time()
    world.play()
    ended = world.run_of(run)
    assert ended.state is RunState.SUCCEEDED
    assert ended.planned_at is not None
    assert ended.planned_at.timestamp() - began < 60


def test_a_person_who_presses_cancel_twice_cancels_once(tmp_path: Path) -> None:
    """The run that waited is planned once, whatever the number of messages that say so."""
    world = _ready(tmp_path)
    first, second = _ask(world), _ask(world)
    for _ in range(2):
        cancel(world.courier, first, "ada@example.com")
    world.play()
    assert world.run_of(second).watch.claims == 1
    assert world.run_of(second).state is RunState.SUCCEEDED
    assert differences(world.stage, first_day(PEOPLE)) == []


def test_a_request_for_a_real_run_is_not_lost_in_a_dry_one(tmp_path: Path) -> None:
    """Also where the process dies after the export's state says so."""
    world = _ready(tmp_path)
    first = _ask(world)
    dry = request_run(world.courier, EXPORT, Trigger.REQUEST, dry_run=True, full=True)
    state = _state(world)
    assert state.waiting is not None
    joined = state.waiting.model_copy(update={"dry_run": False})
    world.courier.store.put(names.export_state(EXPORT), state.model_copy(update={"waiting": joined}))
    cancel(world.courier, first, "ada@example.com")
    world.play()
    assert world.run_of(dry.id).dry_run is False
    assert differences(world.stage, first_day(PEOPLE)) == []


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ([(True, True), (False, False)], (False, False)),
        ([(False, False), (True, True)], (False, False)),
        ([(True, False), (False, True)], (False, True)),
        ([(True, True), (True, False)], (True, True)),
        ([(False, False), (False, True)], (False, True)),
    ],
)
def test_a_joined_run_does_for_all_and_for_nobody_more(
    tmp_path: Path, asked: list[tuple[bool, bool]], expected: tuple[bool, bool]
) -> None:
    """Dry only where all asked for a dry run, full only where one asked to send everybody."""
    world = _ready(tmp_path)
    _ask(world)
    runs: list[Run] = [
        request_run(world.courier, EXPORT, Trigger.REQUEST, dry_run=dry_run, full=full) for dry_run, full in asked
    ]
    assert len({run.id for run in runs}) == 1
    assert (runs[-1].dry_run, runs[-1].full) == expected
