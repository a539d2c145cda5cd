"""The timer trigger: one call a tick, and one for the ticks that were missed."""

import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.functions as func
import pytest
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobLeaseClient, ContainerClient

from local.host.bindings import TimerTrigger
from local.host.connections import Connections
from local.host.hostblobs import CONTAINER, BlobLease, open_container
from local.host.load import Function
from local.host.schedules import Schedule
from local.host.timers import Timer, first_status
from local.host.work import Work
from local.host.worker import Worker
from tests.host.conftest import Apps, Storage, only_function, runs_until_killed, until

DAILY = "0 0 3 * * *"
MORNING = datetime(2026, 8, 24, 2, 0, tzinfo=UTC)
THREE = timedelta(hours=1)


@dataclass
class Clock:
    """Time that passes when a test says so."""

    now: datetime = MORNING

    def __call__(self) -> datetime:
        """The time."""
        return self.now


@dataclass
class Ticking:
    """Timers of one name, as a host that is started again would have them, and what they call."""

    hosts: ContainerClient
    worker: Worker
    clock: Clock = field(default_factory=Clock)
    name: str = field(default_factory=lambda: f"timer_{uuid.uuid4().hex}")
    requests: list[Any] = field(default_factory=list)
    fails: bool = False

    def function(self, schedule: str, *, run_on_startup: bool) -> Function:
        """A function that notes each request."""

        def tick(timer: func.TimerRequest) -> None:
            self.requests.append(timer)
            if self.fails:
                raise RuntimeError("a bad tick")

        def declare(app: func.FunctionApp) -> object:
            trigger = app.timer_trigger(arg_name="timer", schedule=schedule, run_on_startup=run_on_startup)
            return app.function_name(self.name)(trigger(tick))

        return only_function(declare)

    def start(self, schedule: str = DAILY, *, run_on_startup: bool = False) -> Timer:
        """The timer as a host would make it at its start."""
        function = self.function(schedule, run_on_startup=run_on_startup)
        assert isinstance(function.trigger, TimerTrigger)
        return Timer(function, function.trigger, self.hosts, self.worker, Work(), now=self.clock)

    @property
    def past_due(self) -> list[bool]:
        """For each call, whether it made up for a missed tick."""
        return [request.past_due for request in self.requests]


@pytest.fixture
def ticking(emulator: Storage, worker: Worker) -> Iterator[Ticking]:
    """Timers against the emulator, in a time of their own."""
    connections = Connections({"AzureWebJobsStorage": emulator.connection_string})
    with open_container(connections) as hosts:
        yield Ticking(hosts, worker)
    connections.blobs("AzureWebJobsStorage").close()


def test_a_timer_waits_for_its_tick(ticking: Ticking) -> None:
    """Nothing is called before the time; at the time there is one call, and the next is a day later."""
    timer = ticking.start()
    assert timer.step() == MORNING + THREE
    assert ticking.requests == []
    ticking.clock.now += THREE
    assert timer.step() == MORNING + THREE + timedelta(days=1)
    assert ticking.past_due == [False]
    assert timer.step() == MORNING + THREE + timedelta(days=1)
    assert len(ticking.requests) == 1


def test_ticks_missed_while_no_host_ran_cause_one_call(ticking: Ticking) -> None:
    """However many ticks were missed, the next start makes one call that says so, and tells when it was due."""
    ticking.start().step()
    ticking.clock.now += timedelta(days=3)
    restarted = ticking.start()
    assert restarted.step() == MORNING + THREE + timedelta(days=3)
    assert ticking.past_due == [True]
    assert ticking.requests[0].schedule_status["Next"] == (MORNING + THREE).isoformat()
    restarted.step()
    assert len(ticking.requests) == 1


def test_nothing_is_made_up_for_when_nothing_was_missed(ticking: Ticking) -> None:
    """A host that starts again between two ticks calls nothing."""
    timer = ticking.start()
    timer.step()
    ticking.clock.now += THREE
    timer.step()
    ticking.clock.now += THREE
    ticking.start().step()
    assert ticking.past_due == [False]


def test_ticks_missed_during_a_call_cause_one_more(ticking: Ticking) -> None:
    """A call that outlasts its next ticks is followed by one call at once, not by one for each."""
    timer = ticking.start("0 * * * * *")
    due = timer.step()
    assert due is not None
    ticking.clock.now = due + timedelta(minutes=5, seconds=1)
    assert timer.step() == due + timedelta(minutes=6)
    assert ticking.past_due == [False]


def test_a_failed_tick_is_not_tried_again(ticking: Ticking) -> None:
    """After a failure the timer waits for its next tick, also over a restart."""
    timer = ticking.start()
    timer.step()
    ticking.clock.now += THREE
    ticking.fails = True
    assert timer.step() == MORNING + THREE + timedelta(days=1)
    ticking.start().step()
    assert len(ticking.requests) == 1


def test_a_changed_schedule_makes_nothing_past_due(ticking: Ticking) -> None:
    """What a new schedule would have called in the past is not made up for."""
    ticking.start().step()
    ticking.clock.now += timedelta(minutes=30)
    changed = ticking.start("0 15 2 * * *")
    assert changed.step() == MORNING + timedelta(days=1, minutes=15)
    assert ticking.requests == []


def test_a_status_that_cannot_be_read_starts_anew(ticking: Ticking) -> None:
    """A timer whose blob holds something else is not past due, and writes a good one."""
    ticking.start().step()
    status = ticking.hosts.get_blob_client(f"timers/local/Host.Functions.{ticking.name}/status")
    for content in ("{}", "no JSON", '{"Last": 1, "Next": 2, "LastUpdated": 3}'):
        status.upload_blob(content, overwrite=True)
        ticking.clock.now += timedelta(days=1)
        assert ticking.start().step() == ticking.clock.now + THREE
    assert ticking.requests == []


def test_a_timer_of_every_few_seconds_makes_up_for_nothing(ticking: Ticking) -> None:
    """Below a minute, ticks missed while no host ran are not made up for."""
    ticking.start("*/10 * * * * *").step()
    ticking.clock.now += timedelta(hours=1, seconds=1)
    assert ticking.start("*/10 * * * * *").step() == ticking.clock.now + timedelta(seconds=9)
    assert ticking.requests == []


def test_a_timer_can_be_called_at_the_start(ticking: Ticking) -> None:
    """run_on_startup adds a call at every start, which is not past due."""
    timer = ticking.start(run_on_startup=True)
    timer.step()
    timer.step()
    assert ticking.past_due == [False]


def test_of_two_hosts_one_makes_the_call(ticking: Ticking) -> None:
    """Two hosts with the same timer make one call for a tick; while one is at it the other looks again soon."""
    first, second = ticking.start(), ticking.start()
    first.step()
    second.step()
    ticking.clock.now += THREE
    lease = BlobLease.acquire(ticking.hosts.get_blob_client(f"timers/local/Host.Functions.{ticking.name}/status"))
    assert lease
    assert first.step() is None
    lease.release()
    assert first.step() == second.step() == MORNING + THREE + timedelta(days=1)
    assert len(ticking.requests) == 1


def test_a_timer_ticks_by_itself_and_by_hand(apps: Apps, emulator: Storage) -> None:
    """In a running host a timer is called again and again, and once more when it is fired by hand."""
    process = apps.process(
        """
        @app.timer_trigger(arg_name="timer", schedule="%EVERY%")
        def ticks_by_itself(timer: func.TimerRequest) -> None:
            note(name="by itself", past_due=timer.past_due)
        @app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
        async def fired_by_hand(timer: func.TimerRequest) -> None:
            note(name="by hand", past_due=timer.past_due)
        """,
        settings={"EVERY": "* * * * * *"},
    )
    with process:
        process.fire("fired_by_hand")
        until(lambda: len(apps.journal) >= 4)
    assert {(entry["name"], entry["past_due"]) for entry in apps.journal} == {("by itself", False), ("by hand", False)}
    assert sum(entry["name"] == "by hand" for entry in apps.journal) == 1


def test_a_tick_cut_off_by_a_kill_is_made_up_for(apps: Apps, emulator: Storage) -> None:
    """A host killed while a timer's function runs leaves the tick to the next start, once its lease is over."""
    source = """
        @app.timer_trigger(arg_name="timer", schedule="0 */5 * * * *")
        def cut_off(timer: func.TimerRequest) -> None:
            note(past_due=timer.past_due)
    """
    schedule, long_ago = Schedule("0 */5 * * * *"), datetime.now(UTC) - timedelta(minutes=11)
    status = emulator.blobs.get_blob_client(CONTAINER, "timers/local/Host.Functions.cut_off/status")
    with suppress(ResourceExistsError):
        emulator.blobs.create_container(CONTAINER)
    status.upload_blob(first_status(schedule, long_ago).to_json(), overwrite=True)
    killed = apps.process(source, arguments=["--kill-at", "cut_off:1:after"])
    assert runs_until_killed(killed)
    BlobLeaseClient(status).break_lease(0)  # as if its time had run out
    with apps.process(source):
        until(lambda: len(apps.journal) == 2)
    assert [entry["past_due"] for entry in apps.journal] == [True, True]
