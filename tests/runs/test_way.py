"""The way of a contact: from a dropped export to a list, and what cuts, copies and crashes do to it."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from local.customers import first_day, next_day
from local.scene import EXPORT, differences
from shared import names
from shared.documents import Drop, DropBlob, ExportState, RunState, Trigger
from shared.doors.clock import as_datetime
from shared.runs.requests import drop_run_id, export_of, request_run
from shared.steps import refreshing
from shared.steps.sweeping import sweep
from tests.runs.playing import adds_up, connected, dropped, fire, left, put_drop, runs_of
from tests.simulation import Simulation

PEOPLE = 700


def test_a_dropped_export_becomes_a_list_and_the_next_one_sends_only_what_changed(tmp_path: Path) -> None:
    """Both days end with the list that the segment says; the second sends joiners, changed members and leavers."""
    world = connected(tmp_path)
    today = first_day(PEOPLE)
    dropped(world, today)
    world.play()
    (first,) = runs_of(world)
    assert first.state is RunState.SUCCEEDED
    assert first.trigger is Trigger.DROP
    assert differences(world.stage, today) == []
    adds_up(first)

    tomorrow = next_day(today, leave=20, change=30, join=40)
    world.clock.pass_by(86_400)
    dropped(world, tomorrow)
    world.play()
    second = runs_of(world)[-1]
    assert (second.counts.leavers, second.counts.changed, second.counts.joiners) == (20, 30, 40)
    assert second.counts.sent == second.counts.confirmed == 90
    assert differences(world.stage, tomorrow) == []
    adds_up(second)
    assert world.errors == []
    assert world.api.journal.rate_limit_answers == 0
    assert world.api.journal.violation_kinds() == set()


def test_the_same_drop_is_exported_once(tmp_path: Path) -> None:
    """Copies of the event, the refresh schedule and a request on top of an exported drop send nothing more."""
    world = connected(tmp_path)
    dropped(world, first_day(PEOPLE))
    world.play()
    sent = len(world.api.journal.queued)
    before = world.courier.store.get(names.export_state(EXPORT), ExportState)
    for blob in list(world.drops.below()):
        fire(world, blob.name)
    world.in_process(lambda: refreshing.refresh(world.courier))
    world.play()
    assert len(runs_of(world)) == 1
    world.in_process(lambda: request_run(world.courier, EXPORT, Trigger.REQUEST))
    world.play()
    assert runs_of(world)[-1].state is RunState.NOTHING_TO_DO
    assert len(world.api.journal.queued) == sent
    assert world.courier.store.get(names.export_state(EXPORT), ExportState) == before


def test_a_drop_in_which_nothing_changed_leaves_the_ledger_and_is_exported(tmp_path: Path) -> None:
    """The ledger is not written again; the drop counts as used all the same, with the number of its rows."""
    world = connected(tmp_path)
    dropped(world, first_day(PEOPLE))
    world.play()
    ledger = world.courier.store.get(names.export_state(EXPORT), ExportState).ledger
    written = list(world.state.below(names.ledgers(EXPORT)))
    dropped(world, first_day(PEOPLE))
    world.play()
    assert list(world.state.below(names.ledgers(EXPORT))) == written
    first, second = runs_of(world)
    assert (first.state, second.state) == (RunState.SUCCEEDED, RunState.NOTHING_TO_DO)
    state = world.courier.store.get(names.export_state(EXPORT), ExportState)
    assert (state.ledger, state.drops, state.rows) == (ledger, second.drops, second.counts.rows)
    assert ledger == first.id
    assert not world.state.exists(names.planned(second.id))


def test_a_dry_run_counts_exactly_and_sends_nothing(tmp_path: Path) -> None:
    """Its counts are those of the run that follows; it leaves no ledger."""
    world = connected(tmp_path)
    put_drop(world, first_day(PEOPLE))
    world.clock.pass_by(60)
    world.in_process(lambda: request_run(world.courier, EXPORT, Trigger.REQUEST, dry_run=True))
    world.play()
    (dry,) = runs_of(world)
    assert dry.state is RunState.SUCCEEDED
    assert dry.examples
    assert left(world, dry.id) == {"run.json", "rejects.csv"}
    assert not world.api.journal.queued
    assert world.courier.store.get(names.export_state(EXPORT), ExportState).ledger is None
    world.clock.pass_by(1)
    world.in_process(lambda: request_run(world.courier, EXPORT, Trigger.REQUEST))
    world.play()
    real = runs_of(world)[-1]
    assert (dry.counts.joiners, dry.counts.members, dry.counts.rejected, dry.counts.duplicates) == (
        real.counts.joiners,
        real.counts.members,
        real.counts.rejected,
        real.counts.duplicates,
    )


def test_a_full_run_sends_everybody_again(tmp_path: Path) -> None:
    """It ignores what the ledger says, and changes nothing in the list."""
    world = connected(tmp_path)
    today = first_day(PEOPLE)
    dropped(world, today)
    world.play()
    world.in_process(lambda: request_run(world.courier, EXPORT, Trigger.REQUEST, full=True))
    world.play()
    run = runs_of(world)[-1]
    assert run.counts.sent == run.counts.confirmed == PEOPLE
    assert differences(world.stage, today) == []


def test_one_run_is_active_and_one_waits(tmp_path: Path) -> None:
    """Further requests join the waiting run, which follows the active one."""
    world = connected(tmp_path)
    put_drop(world, first_day(PEOPLE))
    world.clock.pass_by(60)
    asked = [request_run(world.courier, EXPORT, Trigger.REQUEST, full=full) for full in (False, False, True, False)]
    assert asked[0].id != asked[1].id
    assert {run.id for run in asked[1:]} == {asked[1].id}
    world.play()
    first, second = (world.run_of(run.id) for run in asked[:2])
    assert (first.state, second.state, second.full) == (RunState.SUCCEEDED, RunState.SUCCEEDED, True)
    assert first.finished_at is not None
    assert second.planned_at is not None
    assert first.finished_at <= second.planned_at
    state = world.courier.store.get(names.export_state(EXPORT), ExportState)
    assert (state.active, state.waiting, state.ledger) == (None, None, second.id)


def test_two_exports_of_one_account_run_side_by_side(tmp_path: Path) -> None:
    """Both are planned and delivered at the same time, each into its own list, within one limit."""
    world = connected(tmp_path)
    other = world.account.add_list("Everybody")
    world.export("everybody", list_id=other)
    today = first_day(3_000)
    dropped(world, today)
    world.play()
    assert [run.state for run in runs_of(world)] == [RunState.SUCCEEDED] * 2
    for run in runs_of(world):
        adds_up(run)
    for list_id in (world.stage.list_id, other):
        assert set(world.account.contacts_on(list_id)) == today.emails()
    assert world.api.journal.rate_limit_answers == 0
    assert world.errors == []


def test_every_message_may_come_twice(tmp_path: Path) -> None:
    """With each message delivered a second time after its success, nobody is sent twice and all counts hold."""
    world = connected(tmp_path, twice=True)
    today = first_day(PEOPLE)
    dropped(world, today)
    world.play()
    (run,) = runs_of(world)
    assert run.state is RunState.SUCCEEDED
    assert run.counts.confirmed == PEOPLE
    assert world.api.journal.extra_sends() == {}
    assert differences(world.stage, today) == []


FEW = 300
"""Enough for two batches: every step happens, and some happen twice."""

SHARES = 4
"""The calls of a run are shared out over that many tests, so that they can run side by side."""


def _calls_of_a_run(folder: Path) -> int:
    world = connected(folder)
    dropped(world, first_day(FEW))
    world.play()
    return world.calls


@pytest.mark.parametrize("share", range(SHARES))
def test_a_process_killed_at_any_call_loses_and_invents_nothing(tmp_path: Path, share: int) -> None:
    """Killed at every single call to storage or queue in turn, the run ends with the right list and honest counts."""
    today = first_day(FEW)
    for die_at in range(1 + share, _calls_of_a_run(tmp_path) + 1, SHARES):
        world = connected(tmp_path, die_at=die_at)
        dropped(world, today)
        world.play()
        if not runs_of(world):  # killed in the trigger itself: the host fires it again
            _fire_again(world)
        (run,) = runs_of(world)
        assert world.deaths == 1, die_at
        assert run.state is RunState.SUCCEEDED, (die_at, run.reason)
        assert differences(world.stage, today) == [], die_at
        assert run.counts.confirmed == run.counts.sent == FEW, die_at
        assert sum(world.api.journal.extra_sends().values()) <= 250, die_at
        adds_up(run)


def _fire_again(world: Simulation) -> None:
    for blob in list(world.drops.below()):
        fire(world, blob.name)
    world.play()


@pytest.mark.parametrize("queue", [names.EXPORT_RUNS, names.RUN_WATCH])
def test_the_sweep_picks_up_what_has_no_message(tmp_path: Path, queue: str) -> None:
    """A run whose message was lost, before it was planned or while it was delivered, goes on within minutes."""
    world = connected(tmp_path)
    today = first_day(PEOPLE)
    put_drop(world, today)
    world.clock.pass_by(60)
    asked = request_run(world.courier, EXPORT, Trigger.REQUEST)
    while not world.queues.sent_to(queue):
        world.play_for(0.1)
    lost = [waiting for waiting in world.queues.waiting if waiting.queue == queue]
    for waiting in lost:
        world.queues.waiting.remove(waiting)
    before = world.clock.time()
    world.play()
    run = world.run_of(asked.id)
    assert run.state is RunState.SUCCEEDED
    assert run.finished_at is not None
    assert run.finished_at - as_datetime(before) < timedelta(minutes=12)
    assert differences(world.stage, today) == []


def test_expired_runs_are_removed_and_the_ledger_stays(tmp_path: Path) -> None:
    """After the retention nothing of a run is left but what the next one needs."""
    world = connected(tmp_path)
    dropped(world, first_day(PEOPLE))
    world.play()
    world.clock.pass_by(31 * 86_400)
    sweep(world.courier)
    assert list(world.state.below(names.RUNS)) == []
    state = world.courier.store.get(names.export_state(EXPORT), ExportState)
    assert state.ledger is not None
    assert world.state.exists(names.ledger(EXPORT, state.ledger))


def test_run_ids_sort_by_time_and_name_their_export() -> None:
    """Listings need no index: the newest run has the largest id."""
    moments = [datetime.fromisoformat(text) for text in ("2026-08-24T02:14:00Z", "2026-08-25T02:14:00Z")]
    ids = [
        drop_run_id("high-value", [Drop(segment="s", blobs=[DropBlob(name="n", etag="e", size=1, modified=moment)])])
        for moment in moments
    ]
    assert ids == sorted(ids)
    assert {export_of(run) for run in ids} == {"high-value"}


def test_a_new_address_is_not_a_leaver_and_a_joiner(tmp_path: Path) -> None:
    """Whoever comes back under another address keeps their contact, which gets that address."""
    world = connected(tmp_path)
    today = first_day(PEOPLE)
    dropped(world, today)
    world.play()
    moving = today.customers[:5]
    before = {customer.number: world.account.contact(customer.email) for customer in moving}
    moved = tuple(replace(customer, email=f"moved{customer.number}@example.com") for customer in moving)
    tomorrow = replace(today, customers=(*moved, *today.customers[5:]))
    world.clock.pass_by(86_400)
    dropped(world, tomorrow)
    world.play()
    run = runs_of(world)[-1]
    assert (run.counts.readdressed, run.counts.leavers, run.counts.joiners) == (5, 0, 0)
    assert run.counts.sent == run.counts.confirmed == 5
    assert {customer.number: world.account.contact(customer.email) for customer in moved} == before
    assert differences(world.stage, tomorrow) == []
    adds_up(run)


def test_an_ended_run_keeps_no_more_personal_data_than_its_rejects(tmp_path: Path) -> None:
    """What the batches were made of is removed with the end of the run."""
    world = connected(tmp_path)
    dropped(world, first_day(PEOPLE))
    world.play()
    (run,) = runs_of(world)
    left = {blob.name.removeprefix(names.run_folder(run.id)) for blob in world.state.below(names.run_folder(run.id))}
    assert {name for name in left if not name.startswith("receipts/")} == {"run.json", "plan.json", "rejects.csv"}
