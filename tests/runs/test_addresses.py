"""People with a new address: their contact keeps what it is, and whoever unsubscribed stays unsubscribed."""

from dataclasses import replace
from pathlib import Path

import pytest

from local.activecampaign.contacts import Status
from local.customers import Customer, Day, first_day
from local.scene import EXPORT, differences
from shared.documents import Run, RunState, Trigger
from shared.runs.decisions import cancel, release
from shared.runs.requests import request_run
from shared.steps import readdressing
from shared.steps.readdressing import MOST
from tests.fakes import MemoryBlobs
from tests.runs.playing import adds_up, connected, put_drop
from tests.simulation import Simulation

ANY_LEAVERS = {"guards": {"max_leaver_percent": 100}}


def _moved(customer: Customer) -> Customer:
    return replace(customer, email=f"moved{customer.number}@example.com")


def _with_moved(day: Day, people: int) -> Day:
    """The same customers, the first of them under new addresses."""
    return replace(day, customers=(*map(_moved, day.customers[:people]), *day.customers[people:]))


def _ask(world: Simulation, day: Day) -> str:
    put_drop(world, day)
    world.clock.pass_by(60)
    return request_run(world.courier, EXPORT, Trigger.REQUEST).id


def _run(world: Simulation, day: Day) -> Run:
    run = _ask(world, day)
    world.play()
    if world.run_of(run).state is RunState.HELD:
        release(world.courier, run, "ada@example.com")
        world.play()
    world.clock.pass_by(86_400)
    adds_up(world.run_of(run))
    return world.run_of(run)


def _standing(world: Simulation, customers: tuple[Customer, ...]) -> set[Status | None]:
    return {world.account.status(_moved(customer).email, world.stage.list_id) for customer in customers}


@pytest.mark.parametrize(("people", "moved", "guard"), [(700, MOST + 10, 100), (300, 40, 10), (700, 3 * MOST, 10)])
def test_nobody_who_unsubscribed_is_subscribed_under_a_new_address(
    tmp_path: Path, people: int, moved: int, guard: int
) -> None:
    """However many they are, and whether or not the run was held first."""
    world = connected(tmp_path, export={"guards": {"max_leaver_percent": guard}})
    day = first_day(people)
    _run(world, day)
    who = day.customers[:moved]
    for customer in who:
        world.account.unsubscribe(customer.email, world.stage.list_id)
    for _ in range(4):
        run = _run(world, _with_moved(day, moved))
        assert run.state in (RunState.SUCCEEDED, RunState.NOTHING_TO_DO)
        assert Status.ACTIVE not in _standing(world, who)
    assert _standing(world, who) == {Status.UNSUBSCRIBED}


def test_those_who_unsubscribed_come_first(tmp_path: Path) -> None:
    """Of more people than a run may give a new address, the others leave and join, and the run says how many."""
    world = connected(tmp_path, export=ANY_LEAVERS)
    day = first_day(300)
    _run(world, day)
    moved, gone = MOST + 20, day.customers[MOST : MOST + 10]
    for customer in gone:
        world.account.unsubscribe(customer.email, world.stage.list_id)
    run = _run(world, _with_moved(day, moved))
    assert (run.counts.readdressed, run.counts.leavers, run.counts.joiners) == (MOST, 20, 20)
    assert _standing(world, gone) == {Status.UNSUBSCRIBED}
    active = set(world.account.contacts_on(world.stage.list_id))
    assert {_moved(customer).email for customer in day.customers[:moved] if customer not in gone} <= active


def test_where_nobody_can_tell_who_unsubscribed_they_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list with too many of them to be read: nobody joins who may not; the next runs go on with the others."""
    monkeypatch.setattr(readdressing, "_MOST_PAGES", 1)
    world = connected(tmp_path, export=ANY_LEAVERS)
    day = first_day(300)
    _run(world, day)
    for customer in day.customers:
        world.account.unsubscribe(customer.email, world.stage.list_id)
    run = _run(world, _with_moved(day, MOST + 20))
    assert (run.counts.readdressed, run.counts.leavers, run.counts.joiners) == (MOST, 0, 0)
    assert "20 people with a new address stay what they were until a later run" in run.warnings
    assert _run(world, _with_moved(day, MOST + 20)).counts.readdressed == 20
    assert _standing(world, day.customers[: MOST + 20]) == {Status.UNSUBSCRIBED}


def test_an_unsubscribed_person_whose_new_address_is_taken_waits(tmp_path: Path) -> None:
    """ActiveCampaign gives no contact the address of another: the person neither leaves nor joins."""
    world = connected(tmp_path, export=ANY_LEAVERS)
    day = first_day(300)
    _run(world, day)
    (customer,) = day.customers[:1]
    world.account.unsubscribe(customer.email, world.stage.list_id)
    world.account.add_contact(_moved(customer).email)
    run = _run(world, _with_moved(day, 1))
    assert (run.counts.leavers, run.counts.joiners, run.counts.sent) == (0, 0, 0)
    assert _standing(world, (customer,)) == {None}


def test_people_with_a_new_address_do_not_hold_a_run(tmp_path: Path) -> None:
    """They have not left; only those who can not all be given theirs count as leavers."""
    world = connected(tmp_path, export={"guards": {"max_leaver_percent": 10}})
    day = first_day(300)
    _run(world, day)
    run = _run(world, _with_moved(day, 40))
    assert (run.counts.readdressed, run.releases) == (40, [])
    assert differences(world.stage, _with_moved(day, 40)) == []


@pytest.mark.parametrize("end", ["cancelled", "not planned"])
def test_an_address_that_was_changed_is_remembered_though_the_run_comes_to_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """Whoever goes back to the old address gets it back: nobody is missing, and nobody is on the list twice."""
    world = connected(tmp_path, export=ANY_LEAVERS)
    day = first_day(300)
    _run(world, day)

    def failing(*_: object) -> str:
        raise OSError("storage")

    with monkeypatch.context() as patch:
        if end == "not planned":
            patch.setattr(MemoryBlobs, "stream", failing)
        run = _ask(world, _with_moved(day, 3))
        world.wait_for(lambda: world.run_of(run).counts.readdressed == 3)
        if end == "cancelled":
            cancel(world.courier, run, "ada@example.com")
        world.play()
    assert world.run_of(run).state in (RunState.CANCELLED, RunState.FAILED)
    _run(world, day)
    assert differences(world.stage, day) == []


def test_no_address_is_changed_after_a_cancel(tmp_path: Path) -> None:
    """But for the one that is being changed at that moment."""
    world = connected(tmp_path, export=ANY_LEAVERS)
    day = first_day(300)
    _run(world, day)
    run = _ask(world, _with_moved(day, 20))
    world.wait_for(lambda: any(entry.method == "PUT" for entry in world.api.journal.entries), step=0.1)
    moment = world.clock.time()
    cancel(world.courier, run, "ada@example.com")
    world.play()
    later = [entry for entry in world.api.journal.entries if entry.method == "PUT" and entry.at > moment]
    assert len(later) <= 1
    assert world.run_of(run).state is RunState.CANCELLED
