"""However a run ends: what is in doubt is told again, counts add up, and the next run starts."""

from collections.abc import Callable
from pathlib import Path

import pytest

from local.activecampaign.faults import (
    BULK_IMPORT,
    Fault,
    ImportFate,
    PaymentRequired,
    ServerError,
    TimedOut,
)
from local.activecampaign.imports import Fate
from local.customers import Day, first_day, next_day
from local.scene import EXPORT, differences
from shared import names
from shared.documents import ExportState, Run, RunState, Trigger
from shared.runs.decisions import cancel, release
from shared.runs.requests import request_run
from shared.steps import arrival
from shared.steps.poison import MOST_POISONED_LOOKS
from tests.api.client import Client
from tests.runs.playing import adds_up, connected, fire, put_drop
from tests.simulation import Simulation

PEOPLE = 300
DAY = 86_400
ANY_LEAVERS = {"guards": {"max_leaver_percent": 100}}


def _ready(folder: Path, people: int = PEOPLE) -> Simulation:
    world = connected(folder, export=ANY_LEAVERS)
    put_drop(world, first_day(people))
    world.clock.pass_by(60)
    return world


def _ask(world: Simulation) -> str:
    return request_run(world.courier, EXPORT, Trigger.REQUEST).id


def _run(world: Simulation, day: Day) -> Run:
    put_drop(world, day)
    world.clock.pass_by(60)
    run = _ask(world)
    world.play()
    world.clock.pass_by(DAY)
    adds_up(world.run_of(run))
    return world.run_of(run)


def _held(world: Simulation, run: str) -> Callable[[], bool]:
    return lambda: world.run_of(run).state is RunState.HELD


def _state(world: Simulation) -> ExportState:
    return world.courier.store.get(names.export_state(EXPORT), ExportState)


IN_DOUBT: dict[str, Fault] = {
    "the report is not known": ImportFate(nth=1, fate=Fate(unknown=True)),
    "it was interrupted after all was done": ImportFate(nth=1, fate=Fate(ending="interrupted", share=1.0)),
    "no answer ever came": TimedOut(on=BULK_IMPORT, handled=True),
}


@pytest.mark.parametrize("fault", IN_DOUBT.values(), ids=IN_DOUBT)
@pytest.mark.parametrize("change", ["join", "change", "leave"])
def test_what_was_done_in_doubt_is_taken_back_by_the_next_run(tmp_path: Path, fault: Fault, change: str) -> None:
    """The import was carried out and nobody knows; the next drop is as the one before: so is the list."""
    world = connected(tmp_path, export=ANY_LEAVERS)
    before = first_day(PEOPLE)
    _run(world, before)
    world.api.faults.add(fault)
    after = next_day(
        before, leave=5 * (change == "leave"), change=5 * (change == "change"), join=5 * (change == "join")
    )
    _run(world, after)
    world.api.faults.clear()
    _run(world, before)
    assert differences(world.stage, before) == []
    assert _run(world, before).state is RunState.NOTHING_TO_DO


def test_somebody_who_may_have_joined_joins_again(tmp_path: Path) -> None:
    """Their automations start, as for everybody else who joins."""
    world = connected(tmp_path, export={**ANY_LEAVERS, "automations": "joiners"})
    before = first_day(PEOPLE)
    _run(world, before)
    after = next_day(before, leave=0, change=0, join=5)
    world.api.faults.add(ImportFate(nth=1, fate=Fate(unknown=True)))
    _run(world, after)
    world.api.faults.clear()
    again = _run(world, after)
    assert (again.counts.joiners, again.counts.changed) == (5, 0)
    assert differences(world.stage, after) == []


# Counts


def test_counts_add_up_when_the_connection_is_deleted_under_a_run(tmp_path: Path) -> None:
    """What nobody can ask after any more has failed."""
    world = _ready(tmp_path, 2_600)
    client = Client(world.courier)
    run = _ask(world)
    world.wait_for(lambda: len(world.api.journal.queued) == 5)
    connection = {name: client.get("connections/acme")[name] for name in ("host", "api_key_secret", "consent")}
    client.put("connections/other", connection)
    client.put(f"exports/{EXPORT}", {**client.get(f"exports/{EXPORT}"), "connection": "other"})
    assert client("DELETE", "connections/acme").json["cancelled"] == [run]
    world.play()
    ended = world.run_of(run)
    assert (ended.state, ended.counts.sent) == (RunState.CANCELLED, 1_250)
    adds_up(ended)
    _run(world, first_day(2_600))
    assert differences(world.stage, first_day(2_600)) == []


@pytest.mark.parametrize("seconds", [0.25, 1.0])
def test_counts_add_up_when_a_run_is_cancelled_while_a_post_is_under_way(tmp_path: Path, seconds: float) -> None:
    """Its outcome is not known, so its contacts failed, and go out with the next run."""
    world = _ready(tmp_path, 600)
    world.api.faults.add(TimedOut(on=BULK_IMPORT, nth=2, handled=True))
    run = _ask(world)
    world.wait_for(lambda: len(world.api.journal.requests("POST", "/api/3/import/bulk_import")) == 1)
    world.play_for(seconds)
    cancel(world.courier, run, "ada@example.com")
    world.play()
    adds_up(world.run_of(run))
    _run(world, first_day(600))
    assert differences(world.stage, first_day(600)) == []


# Another account


def test_a_run_does_not_go_on_into_another_account(tmp_path: Path) -> None:
    """The connection's host was changed under it: the run is held, and the ledger stays that of the old account."""
    world = _ready(tmp_path, 2_600)
    run = _ask(world)
    world.wait_for(lambda: len(world.api.journal.queued) == 2)
    world.connect(host="other.api-us1.com")
    world.wait_for(_held(world, run))
    held = world.run_of(run)
    assert held.reason is not None
    assert held.reason.code == "account_changed"
    world.connect()
    release(world.courier, run, "ada@example.com")
    world.play()
    assert world.run_of(run).state is RunState.SUCCEEDED
    assert differences(world.stage, first_day(2_600)) == []


def test_a_ledger_counts_for_its_list_only(tmp_path: Path) -> None:
    """Into another list everybody is sent; what was sent to the first one is known when the export comes back to it."""
    world = _ready(tmp_path)
    _run(world, first_day(PEOPLE))
    other = world.account.add_list("Another")
    world.export(list_id=other, guards=ANY_LEAVERS["guards"])
    assert _run(world, first_day(PEOPLE)).counts.joiners == PEOPLE
    assert set(world.account.contacts_on(other)) == first_day(PEOPLE).emails()
    assert _run(world, first_day(PEOPLE)).state is RunState.NOTHING_TO_DO


# Runs that wait for long


def test_a_run_cancelled_after_the_retention_stays_cancelled(tmp_path: Path) -> None:
    """The sweep comes by before it is settled, and neither removes it nor starts it again."""
    world = _ready(tmp_path, 700)
    world.api.faults.add(PaymentRequired(on=BULK_IMPORT, nth=3))
    run = _ask(world)
    world.wait_for(_held(world, run))
    world.clock.pass_by(31 * DAY)
    cancel(world.courier, run, "ada@example.com")
    sent = len(world.api.journal.queued)
    world.play_for(2)
    world.in_process(world.sweep)
    world.play()
    assert world.run_of(run).state is RunState.CANCELLED
    assert len(world.api.journal.queued) == sent
    assert _state(world).active is None
    adds_up(world.run_of(run))


def test_a_held_run_whose_files_were_removed_is_forgotten(tmp_path: Path) -> None:
    """Nobody released it, so nothing of it is sent; the next run of the export can start."""
    world = _ready(tmp_path, 700)
    world.api.faults.add(PaymentRequired(on=BULK_IMPORT, nth=2))
    run = _ask(world)
    world.wait_for(_held(world, run))
    world.play_for(60)
    sent = len(world.api.journal.queued)
    world.clock.pass_by(90 * DAY)
    for blob in list(world.state.below(names.run_folder(run))):
        world.state.delete(blob.name)
    world.play_for(900)
    assert not world.state.exists(names.run(run))
    assert len(world.api.journal.queued) == sent
    assert _state(world).active is None


@pytest.mark.parametrize("waits", ["behind a held run", "for consent"])
def test_the_patience_of_a_run_begins_with_its_turn(tmp_path: Path, waits: str) -> None:
    """Hours of waiting for a person are not held against it when ActiveCampaign does not answer for a moment."""
    world = _ready(tmp_path)
    trouble = ServerError(on=("GET", "/api/3/lists"), nth=range(1, 5))
    if waits == "for consent":
        world.connect(consent=None)
        run = _ask(world)
        world.wait_for(_held(world, run))
        world.clock.pass_by(7 * 3_600)
        world.connect()
        world.api.faults.add(trouble)
        release(world.courier, run, "ada@example.com")
    else:
        world.api.faults.add(PaymentRequired(on=BULK_IMPORT, nth=1))
        first = _ask(world)
        world.wait_for(_held(world, first))
        run = _ask(world)
        world.clock.pass_by(7 * 3_600)
        world.api.faults.clear()
        world.api.faults.add(trouble)
        cancel(world.courier, first, "ada@example.com")
    world.play()
    assert world.run_of(run).state is RunState.SUCCEEDED


# What can never end


@pytest.mark.parametrize("broken", ["the rejects are gone", "a receipt is of another version"])
def test_a_run_that_nobody_can_end_is_given_up(tmp_path: Path, broken: str) -> None:
    """After some hours, with a reason; the export is free for the next run, which makes everything good."""
    world = _ready(tmp_path)
    world.account.unsubscribe(first_day(PEOPLE).customers[3].email, world.stage.list_id)
    run = _ask(world)
    world.wait_for(lambda: len(list(world.state.below(names.receipts(run)))) == 2)
    if broken == "the rejects are gone":
        world.state.delete(names.rejects(run))
    else:
        receipt = next(iter(world.state.below(names.receipts(run), metadata=True)))
        world.state.write(receipt.name, b'{"version":2}', metadata=receipt.metadata)
    world.play_for(12 * 3_600)
    given_up = world.run_of(run)
    assert (given_up.state, given_up.reason and given_up.reason.code) == (RunState.FAILED, "given_up")
    assert _state(world).active is None
    failures = len(world.errors)
    again = _ask(world)
    world.play()
    assert world.run_of(again).state is RunState.SUCCEEDED
    assert len(world.errors) == failures
    gone = frozenset({first_day(PEOPLE).customers[3].email})
    assert differences(world.stage, first_day(PEOPLE), gone) == []


def test_a_drop_that_cannot_be_looked_at_is_left_alone_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking is put off a number of times, and then left to the next event."""
    world = _ready(tmp_path)
    for blob in list(world.drops.below()):
        fire(world, blob.name)

    def failing(*_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(arrival, "_survey", failing)
    world.play_for(7 * DAY)
    assert world.queues.sent_to(names.SEGMENT_DROPS) == []
    assert len(world.errors) <= 5 * (MOST_POISONED_LOOKS + 1)
