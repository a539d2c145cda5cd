"""The whole app in virtual time: its queues, its steps, their timers, and an account to send to, in one thread of time.

Steps run in threads of which exactly one runs at any moment, until it sleeps; then time jumps to whatever is next. So a
run of an hour takes no longer than its work, always goes the same way, and can be cut off at any call to storage.
"""

import heapq
import itertools
import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import requests

from local.activecampaign.account import Account
from local.activecampaign.api import Api
from local.activecampaign.faults import Faults
from local.activecampaign.transport import InProcess
from local.activecampaign.variants import Variants
from local.scene import API_KEY, Stage, prepare
from shared import delivery, names
from shared.courier import Courier
from shared.documents import Connection, Consent, Export, Run
from shared.doors.clock import as_datetime
from shared.messages import BatchMessage, LookMessage, Message, PlanMessage, WatchMessage
from shared.steps import arrival, planning, poison, sweeping, watching
from tests.fakes import START, ManualClock, MemoryBlobs, MemoryQueues, MemoryVault, courier

HOST = "acme.api-us1.com"
SECRET = "activecampaign-acme"
LEASE_SECONDS = 600
VISIBILITY_TIMEOUT = 30
MAX_DEQUEUE = 5
NO_MESSAGE = Message()

M = TypeVar("M", bound=Message)


class Killed(BaseException):
    """The process is no more; no ``except Exception`` outlives that."""


@dataclass(order=True)
class _Sleeper:
    moment: float
    number: int
    task: "_Task" = field(compare=False)


class _Task:
    """One call of one step, in a thread that runs only when it is told to."""

    def __init__(self, work: Callable[[], object], paused: threading.Semaphore) -> None:
        self._work = work
        self._paused = paused
        self._go = threading.Semaphore(0)
        self.killed = False
        self.done = False
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def resume(self) -> None:
        """Let it run until it sleeps or ends."""
        if not self.thread.is_alive() and not self.done:
            self.thread.start()
        self._go.release()
        self._paused.acquire()

    def pause(self) -> None:
        """Called in its own thread: wait to be resumed."""
        self._paused.release()
        self._go.acquire()
        if self.killed:
            raise Killed

    def _run(self) -> None:
        self._go.acquire()
        try:
            if not self.killed:
                self._work()
        except BaseException as error:
            self.error = error
        self.done = True
        self._paused.release()


class SimulatedClock(ManualClock):
    """Sleeping lets others run until the time has come."""

    def __init__(self) -> None:
        super().__init__(START)
        self.current: _Task | None = None
        self.sleepers: list[_Sleeper] = []
        self._numbers = itertools.count()

    def sleep_until(self, moment: float) -> None:
        """Let others run meanwhile; outside of a step, time just passes."""
        task = self.current
        if task is None or threading.current_thread() is not task.thread:
            super().sleep_until(moment)
        elif moment > self.time():
            heapq.heappush(self.sleepers, _Sleeper(moment, next(self._numbers), task))
            task.pause()


class OneAtATime:
    """What only one step holds at a time; the others sleep meanwhile, in the time of the simulation."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self._held = False

    def __enter__(self) -> None:
        """Hold it as soon as nobody else does."""
        while self._held:
            self._clock.sleep_until(self._clock.time() + 1)
        self._held = True

    def __exit__(self, *_: object) -> None:
        """Let the others go on, also when the process is killed."""
        self._held = False


class MortalBlobs(MemoryBlobs):
    """Storage at which the process may die, right before any call."""

    def __init__(self, clock: ManualClock, fuse: Callable[[], object]) -> None:
        super().__init__(clock)
        self._fuse = fuse

    def _count(self, call: str) -> None:
        super()._count(call)
        self._fuse()


class MortalQueues(MemoryQueues):
    """Queues at which the process may die, right before and right after a message is sent."""

    def __init__(self, clock: ManualClock, fuse: Callable[[], object]) -> None:
        super().__init__(clock)
        self._fuse = fuse

    def send(self, queue: str, message: Message, *, delay: float = 0) -> None:
        """Send a message, if life lasts that long."""
        self._fuse()
        super().send(queue, message, delay=delay)
        self._fuse()


@dataclass
class _Delivery:
    queue: str
    message: Message
    task: _Task
    dequeued: int
    is_copy: bool


class Simulation:
    """A host, its storage and one ActiveCampaign account; ``faults`` is what goes wrong with the account.

    ``die_at`` cuts the process off at that call to storage (counted from 1) of whatever runs then; it starts again at
    once, and messages in flight come back when their lease has run out. With ``instances`` every call is in a process
    of its own: nothing holds two plans apart but storage.
    """

    def __init__(
        self,
        folder: Path,
        *,
        faults: Faults | None = None,
        variants: Variants | None = None,
        die_at: int | None = None,
        twice: bool = False,
        instances: bool = False,
    ) -> None:
        self.clock = SimulatedClock()
        self.account = Account(self.clock.time, variants=variants)
        self.stage: Stage = prepare(self.account)
        self.api = Api(self.account, faults=faults)
        self.vault = MemoryVault(**{SECRET: API_KEY})
        session = requests.Session()
        session.mount("https://", InProcess(self.api, HOST, lambda s: self.clock.sleep_until(self.clock.time() + s)))
        base = courier(folder, clock=self.clock, vault=self.vault, session=lambda: session, DROP_SETTLE_SECONDS="2")
        self.state = MortalBlobs(self.clock, self._burn)
        self.drops = MemoryBlobs(self.clock)
        self.queues = MortalQueues(self.clock, self._burn)
        self.courier = Courier(
            settings=base.settings,
            clock=base.clock,
            drops=self.drops,
            store=type(base.store)(self.state),
            queues=self.queues,
            vault=base.vault,
            session=base.session,
            workplace=base.workplace,
            planning=nullcontext() if instances else OneAtATime(self.clock),
        )
        self.calls = 0
        self._die_at = die_at
        self.deaths = 0
        self._twice = twice
        self._paused = threading.Semaphore(0)
        self._home = threading.current_thread()
        self._counting = threading.Lock()
        self.running: list[_Delivery] = []
        self._dequeued: dict[int, int] = {}
        self._copies: set[int] = set()
        self._copied = 10**9
        self._next_sweep = START + 300
        self.errors: list[BaseException] = []

    def connect(self, **changes: object) -> None:
        """Store the connection, with consent."""
        consent = Consent(accepted_by="ada@example.com", accepted_at=as_datetime(START))
        connection = Connection(host=HOST, api_key_secret=SECRET, consent=consent)
        self.courier.store.put(names.connection("acme"), connection.model_copy(update=changes))

    def export(self, name: str = "high-value", **changes: object) -> Export:
        """Store an export of the customers' segment."""
        export = Export.model_validate(self.stage.export_document(**changes))
        self.courier.store.put(names.export(name), export)
        return export

    def run_of(self, run_id: str) -> Run:
        """The run as stored."""
        return self.courier.store.get(names.run(run_id), Run)

    def in_process(self, work: Callable[[], object]) -> None:
        """Do that in the app's process, which may die of it."""
        self._start(work)
        while any(not running.task.done for running in self.running if not running.queue):
            self._advance(until=float("inf"))

    def sweep(self) -> None:
        """Let the sweep come by."""
        sweeping.sweep(self.courier)

    def copy(self, queue: str, seconds: float = 0) -> None:
        """Deliver the message that waits in a queue a second time, so much later."""
        (waiting,) = [waiting for waiting in self.queues.waiting if waiting.queue == queue]
        self.queues.waiting.append(replace(waiting, number=self._copied, visible=waiting.visible + seconds))
        self._copied += 1

    def wait_for(self, happened: Callable[[], object], *, step: float = 0.25, seconds: float = 600) -> None:
        """Let time pass until that has happened."""
        end = self.clock.time() + seconds
        while not happened():
            assert self.clock.time() < end, "it does not happen"
            self.play_for(step)

    def play(self) -> None:
        """Let everything happen until nothing is left to happen, for two days at most."""
        end = self.clock.time() + 48 * 3600
        while self._advance(until=end):
            pass

    def play_for(self, seconds: float) -> None:
        """Let everything happen that is due within that time, and that time pass."""
        end = self.clock.time() + seconds
        while self._advance(until=end):
            pass
        self.clock.pass_by(end - self.clock.time())

    def _advance(self, until: float) -> bool:
        sleeper = self.clock.sleepers[0].moment if self.clock.sleepers else float("inf")
        message = min((waiting.visible for waiting in self.queues.waiting), default=float("inf"))
        sweep = self._next_sweep if self._unfinished() else float("inf")
        soonest = min(sleeper, message, sweep)
        if soonest == float("inf") or soonest > until:
            return False
        ManualClock.sleep_until(self.clock, soonest)
        if sleeper == soonest:
            self._resume(heapq.heappop(self.clock.sleepers).task)
        elif message == soonest:
            self._take()
        else:
            self._next_sweep = soonest + 300
            self._start(self.sweep)
        return True

    def _unfinished(self) -> bool:
        """Whether some export still has an active run, read without counting as a call of the app."""
        held = {name: kept.data for name, kept in self.state._blobs.items() if name.endswith("/state.json")}
        return any(b'"active"' in data for data in held.values())

    def _take(self) -> None:
        waiting = min(self.queues.waiting)
        self.queues.waiting.remove(waiting)
        steps: dict[str, Callable[[], object]] = {
            names.EXPORT_RUNS: lambda: planning.plan_run(self.courier, _as(PlanMessage, waiting.message)),
            names.CONTACT_BATCHES: lambda: delivery.deliver(self.courier, _as(BatchMessage, waiting.message)),
            names.RUN_WATCH: lambda: watching.watch_run(self.courier, _as(WatchMessage, waiting.message)),
            names.SEGMENT_DROPS: lambda: arrival.look_again(self.courier, _as(LookMessage, waiting.message)),
        }
        dequeued = self._dequeued.pop(waiting.number, 0) + 1
        is_copy = waiting.number in self._copies
        self._start(steps[waiting.queue], waiting.queue, waiting.message, dequeued, is_copy=is_copy)

    def _start(
        self,
        work: Callable[[], object],
        queue: str = "",
        message: Message = NO_MESSAGE,
        dequeued: int = 0,
        *,
        is_copy: bool = False,
    ) -> None:
        task = _Task(work, self._paused)
        self.running.append(_Delivery(queue, message, task, dequeued, is_copy))
        self._resume(task)

    def _resume(self, task: _Task) -> None:
        self.clock.current = task
        task.resume()
        self.clock.current = None
        if task.done:
            delivery_of = next(running for running in self.running if running.task is task)
            self.running.remove(delivery_of)
            self._ended(delivery_of)

    def _ended(self, ended: _Delivery) -> None:
        error = ended.task.error
        if isinstance(error, Killed):
            self.running.append(ended)
            self._restart()
        elif error is not None:
            self._failed(ended, error)
        elif self._twice and ended.queue and not ended.is_copy:
            self._copies.add(self._put_back(ended, 0))

    def _failed(self, ended: _Delivery, error: BaseException) -> None:
        self.errors.append(error)
        if not ended.queue:
            return
        if ended.dequeued < MAX_DEQUEUE:
            self._put_back(ended, VISIBILITY_TIMEOUT)
            return
        body = ended.message.model_dump_json(exclude_none=True).encode()
        steps = {
            names.EXPORT_RUNS: poison.plan_poisoned,
            names.CONTACT_BATCHES: poison.batch_poisoned,
            names.RUN_WATCH: poison.watch_poisoned,
            names.SEGMENT_DROPS: poison.look_poisoned,
        }
        self._start(lambda: steps[ended.queue](self.courier, body))

    def _put_back(self, ended: _Delivery, seconds: float) -> int:
        self.queues.send(ended.queue, ended.message, delay=seconds)
        number = self.queues.waiting[-1].number
        self._dequeued[number] = ended.dequeued
        return number

    def _burn(self) -> None:
        """Count a call of the step that runs, whichever of its threads makes it; tests themselves do not count."""
        if self.clock.current is None or threading.current_thread() is self._home:
            return
        with self._counting:
            self.calls += 1
            if self.calls == self._die_at:
                self.deaths += 1
                raise Killed

    def _restart(self) -> None:
        """All that ran is gone; what was in flight is leased for a while yet."""
        gone, self.running = self.running, []
        self.clock.sleepers.clear()
        for running in gone:
            if not running.task.done:
                running.task.killed = True
                running.task.resume()
            if running.queue:
                self._put_back(running, LEASE_SECONDS)


def _as(model: type[M], message: Message) -> M:
    assert isinstance(message, model)
    return message
