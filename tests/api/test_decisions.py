"""What people decide in the middle of a run, played through to its end with the whole app in virtual time."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from local.activecampaign.faults import BULK_IMPORT, Faults, PaymentRequired
from local.customers import Day, drop_day, first_day, next_day
from local.scene import EXPORT, differences
from shared import names
from shared.delivery import LAST_LOOK_SECONDS
from shared.documents import ExportState, Run, RunState
from shared.doors.clock import as_datetime
from tests.api.client import Client
from tests.simulation import Simulation

PEOPLE = 2_600
"""Eleven imports: about seven seconds of sending."""

MINUTES = 240.0
"""Seconds in which a run of that many ends, or is held."""


@pytest.fixture
def today() -> Day:
    """The customers of the first drop."""
    return first_day(PEOPLE)


def _world(folder: Path, today: Day, faults: Faults | None = None) -> tuple[Simulation, Client]:
    world = Simulation(folder, faults=faults)
    world.connect()
    world.export()
    _drop(world, today)
    return world, Client(world.courier)


def _drop(world: Simulation, day: Day) -> None:
    moment = as_datetime(world.clock.time()).replace(second=0, microsecond=0)
    drop_day(world.drops.write, day, moment)
    world.clock.pass_by(60)


def _run(client: Client, **wishes: bool) -> str:
    return str(client("POST", f"exports/{EXPORT}/runs", wishes).json["id"])


def _until_sending(world: Simulation, run: str, imports: int) -> None:
    while len(world.api.journal.queued) < imports:
        world.play_for(0.5)
        assert world.run_of(run).state is not RunState.SUCCEEDED


def _sent_after(world: Simulation, moment: float) -> list[float]:
    """When imports went out after that moment, but for posts that were under way."""
    return [at for at, _ in world.api.journal.queued if at > moment + LAST_LOOK_SECONDS]


def _ledger(world: Simulation, folder: Path) -> set[str]:
    state = world.courier.store.get(names.export_state(EXPORT), ExportState)
    assert state.ledger is not None
    path = folder / "ledger.parquet"
    world.courier.store.blobs.download(names.ledger(EXPORT, state.ledger), path)
    with duckdb.connect() as engine:
        return {
            email for (email,) in engine.read_parquet(str(path)).filter("state = 'member'").select("email").fetchall()
        }


def test_a_cancelled_run_sends_no_more_and_keeps_what_was_confirmed(tmp_path: Path, today: Day) -> None:
    """Of what is queued for later nothing goes out; the ledger is what the account has; the next run sends the rest."""
    world, client = _world(tmp_path, today)
    run = _run(client)
    _until_sending(world, run, imports=3)
    assert client("POST", f"runs/{run}/cancel").json["state"] == "cancelled"
    moment = world.clock.time()
    world.play()
    assert _sent_after(world, moment) == []
    assert len(world.api.journal.queued) < 11
    cancelled = world.run_of(run)
    assert cancelled.state is RunState.CANCELLED
    assert cancelled.counts.confirmed == cancelled.counts.sent > 0
    assert _ledger(world, tmp_path) == set(world.account.contacts_on(world.stage.list_id))
    again = _run(client)
    world.play()
    assert world.run_of(again).counts.sent == PEOPLE - cancelled.counts.confirmed
    assert world.api.journal.extra_sends() == {}
    assert differences(world.stage, today) == []
    assert world.errors == []


def test_a_run_that_waits_follows_a_cancelled_one(tmp_path: Path, today: Day) -> None:
    """Once what was confirmed is settled, and not before."""
    world, client = _world(tmp_path, today)
    first, second = _run(client), _run(client)
    _until_sending(world, first, imports=2)
    client("POST", f"runs/{first}/cancel")
    assert client.get(f"exports/{EXPORT}")["active_run"] == first
    world.play()
    assert world.run_of(second).state is RunState.SUCCEEDED
    assert world.api.journal.extra_sends() == {}
    assert differences(world.stage, today) == []


@pytest.mark.parametrize("moment", [0.0, 0.5, 2.0])
def test_a_run_is_cancelled_at_any_moment(tmp_path: Path, today: Day, moment: float) -> None:
    """Queued, planned or delivering: it ends cancelled, and its export is free for the next run."""
    world, client = _world(tmp_path, today)
    run = _run(client)
    world.play_for(moment)
    client("POST", f"runs/{run}/cancel")
    world.play()
    assert world.run_of(run).state is RunState.CANCELLED
    assert "active_run" not in client.get(f"exports/{EXPORT}")
    again = _run(client)
    world.play()
    assert world.run_of(again).state is RunState.SUCCEEDED
    assert differences(world.stage, today) == []


def test_a_held_run_goes_on_exactly_where_it_stopped(tmp_path: Path, today: Day) -> None:
    """After a payment problem in the middle and a release, everybody has been sent once."""
    faults = Faults()
    faults.add(PaymentRequired(on=BULK_IMPORT, nth=range(5, 9)))
    world, client = _world(tmp_path, today, faults)
    run = _run(client)
    for _ in range(6):
        world.play_for(MINUTES)
        if world.run_of(run).state is not RunState.HELD:
            break
        assert world.run_of(run).reason is not None
        assert client("POST", f"runs/{run}/release").json["state"] == "delivering"
    ended = world.run_of(run)
    assert ended.state is RunState.SUCCEEDED
    assert ended.releases
    assert {release.reason.code for release in ended.releases if release.reason} == {"payment"}
    assert world.api.journal.extra_sends() == {}
    assert differences(world.stage, today) == []


def test_a_run_held_by_its_guard_is_released_or_forgotten(tmp_path: Path, today: Day) -> None:
    """Too many leavers hold a run before anything is sent; released, it goes its way."""
    world, client = _world(tmp_path, today)
    _run(client)
    world.play()
    sent = len(world.api.journal.queued)
    world.clock.pass_by(timedelta(days=1).total_seconds())
    tomorrow = next_day(today, leave=PEOPLE // 2, change=0, join=1)
    _drop(world, tomorrow)
    run = _run(client)
    world.play_for(MINUTES)
    assert world.run_of(run).state is RunState.HELD
    assert len(world.api.journal.queued) == sent
    client("POST", f"runs/{run}/release")
    world.play()
    assert world.run_of(run).state is RunState.SUCCEEDED
    assert differences(world.stage, tomorrow) == []


def test_a_deleted_export_stops_in_the_middle_and_is_erased(tmp_path: Path, today: Day) -> None:
    """Nothing more is sent, and once the stopped run has settled nothing is left of either."""
    world, client = _world(tmp_path, today)
    run = _run(client)
    _until_sending(world, run, imports=2)
    assert client("DELETE", f"exports/{EXPORT}").json["cancelled"] == [run]
    moment = world.clock.time()
    world.play()
    assert _sent_after(world, moment) == []
    assert _ledger(world, tmp_path) == set(world.account.contacts_on(world.stage.list_id))
    client("DELETE", f"exports/{EXPORT}", query={"erase": "true"})
    assert [blob.name for blob in world.state.below() if EXPORT in blob.name] == []
    assert world.errors == []


def test_erasing_at_once_under_a_run_leaves_steps_nothing_to_stumble_over(tmp_path: Path, today: Day) -> None:
    """Messages under way find no run and do nothing; what they still write is erased by the second call."""
    world, client = _world(tmp_path, today)
    run = _run(client)
    _until_sending(world, run, imports=2)
    client("DELETE", f"exports/{EXPORT}", query={"erase": "true"})
    moment = world.clock.time()
    world.play()
    assert _sent_after(world, moment) == []
    assert world.errors == []
    client("DELETE", f"exports/{EXPORT}", query={"erase": "true"})
    assert [blob.name for blob in world.state.below() if EXPORT in blob.name] == []


def test_another_list_gets_every_member(tmp_path: Path, today: Day) -> None:
    """What was sent to the first list does not count for the second."""
    world, client = _world(tmp_path, today)
    _run(client)
    world.play()
    other = world.account.add_list("Another list")
    shown = client.get(f"exports/{EXPORT}")
    client.put(f"exports/{EXPORT}", {**shown, "list_id": other})
    world.clock.pass_by(1)
    run = _run(client)
    world.play()
    assert world.run_of(run).counts.joiners == PEOPLE
    assert len(world.account.contacts_on(other)) == PEOPLE


def test_an_erased_person_is_in_nothing_we_hold(tmp_path: Path, today: Day) -> None:
    """After a real run: found where it was, and in no blob of the app any more, however it is packed."""
    world, client = _world(tmp_path, today)
    run = _run(client)
    world.play()
    person = today.customers[0].email
    found = client("POST", "contacts/erase", {"email": person.upper()}).json["found"]
    assert {one["kind"] for one in found} == {"ledger"}
    assert person not in _ledger(world, tmp_path)
    assert len(_ledger(world, tmp_path)) == PEOPLE - 1
    for blob in world.state.below(names.run_folder(run)):
        assert person.encode() not in world.state.read(blob.name).data
    assert client("POST", "contacts/erase", {"email": person}).json["found"] == []
    assert Run.model_validate(client.get(f"runs/{run}")).state is RunState.SUCCEEDED


def _while_the_ledger_is_replaced(world: Simulation, happens: Callable[[], object]) -> None:
    """Between the moment in which an erasure has read a ledger and the one in which it replaces it."""
    upload = world.state.upload

    def uploaded(name: str, path: Path, *, if_match: str | None = None) -> str:
        world.state.upload = upload  # type: ignore[method-assign]  # in memory
        happens()
        return upload(name, path, if_match=if_match)

    world.state.upload = uploaded  # type: ignore[method-assign]


@pytest.mark.parametrize("full", [True, False], ids=["one that writes a ledger", "one that changes nothing"])
def test_a_run_that_passes_by_an_erasure_carries_nobody_past_it(tmp_path: Path, today: Day, full: bool) -> None:
    """It starts from the ledger as it was, and ends before the answer: the person is in no ledger afterwards."""
    world, client = _world(tmp_path, today)
    first = _run(client)
    world.play()
    world.clock.pass_by(60)
    person, later = today.customers[7].email, []

    def run_through() -> None:
        later.append(_run(client, full=full))
        world.play()

    _while_the_ledger_is_replaced(world, run_through)
    found = client("POST", "contacts/erase", {"email": person}).json["found"]
    assert {(one["kind"], one["run"]) for one in found} == {("ledger", run) for run in [first, *later][: 1 + full]}
    assert world.run_of(later[0]).state is (RunState.SUCCEEDED if full else RunState.NOTHING_TO_DO)
    assert len(_ledger(world, tmp_path)) == PEOPLE - 1
    assert person not in _ledger(world, tmp_path)
    assert client("POST", "contacts/erase", {"email": person}).json["found"] == []


def test_nobody_is_sent_after_an_erasure_that_was_answered(tmp_path: Path, today: Day) -> None:
    """A run that was queued when erasing began, and was planned from the old ledger meanwhile, is in the way."""
    world, client = _world(tmp_path, today)
    _run(client)
    world.play()
    world.clock.pass_by(timedelta(days=1).total_seconds())
    person = today.customers[7].email
    left = tuple(customer for customer in today.customers if customer.email != person)
    _drop(world, replace(today, customers=left))
    run = _run(client)
    _while_the_ledger_is_replaced(world, lambda: world.play_for(1.5))
    refused = client("POST", "contacts/erase", {"email": person})
    assert (refused.code, refused.json["error"]["details"]) == ("run_active", [run])
    world.play()
    assert world.run_of(run).state is RunState.SUCCEEDED
    assert client("POST", "contacts/erase", {"email": person}).status == 200
    sent = world.api.journal.sends(person)
    world.clock.pass_by(60)
    _run(client)
    world.play()
    assert world.api.journal.sends(person) == sent
    assert client("POST", "contacts/erase", {"email": person}).json["found"] == []
