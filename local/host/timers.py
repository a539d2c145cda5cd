"""The timer trigger: one call a tick, however many hosts there are, and one for the ticks that nobody was there for.

Follows the timers extension (TimerListener and ScheduleMonitor in azure-webjobs-sdk-extensions). Where a timer stands
is kept in a blob, whose lease a host holds while it makes the call.
"""

import json
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from azure.core.exceptions import AzureError
from azure.functions.meta import Datum
from azure.storage.blob import BlobClient, ContainerClient

from local.host.bindings import TimerTrigger
from local.host.errors import CallFailed, Stopping, told
from local.host.hostblobs import HOST_ID, BlobLease, create_blob
from local.host.load import Function
from local.host.schedules import Schedule
from local.host.work import Work
from local.host.worker import Call, Worker

_NEVER = datetime.min.replace(tzinfo=UTC)
_RETRY_SECONDS = 1.0
_LONGEST_PAUSE = 60.0  # so that a clock that was set is noticed

_log = logging.getLogger(__name__)

Now = Callable[[], datetime]


def utc_now() -> datetime:
    """The system's clock."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Status:
    """Where a timer stands: its last call, the next one, and the moment the next was worked out from."""

    last: datetime
    next: datetime
    updated: datetime

    def to_json(self) -> str:
        """Write it as the real host does."""
        return json.dumps(self.as_dict())

    def as_dict(self) -> dict[str, str]:
        """Say it as a function's TimerRequest does."""
        members = {"Last": self.last, "Next": self.next, "LastUpdated": self.updated}
        return {name: moment.isoformat() for name, moment in members.items()}

    @classmethod
    def from_json(cls, text: bytes) -> "Status":
        """Read it. Raises ValueError, KeyError or TypeError."""
        members = json.loads(text)
        return cls(*(datetime.fromisoformat(members[name]) for name in ("Last", "Next", "LastUpdated")))


def first_status(schedule: Schedule, now: datetime) -> Status:
    """Where a timer stands that has never been called."""
    return Status(_NEVER, schedule.after(now), now)


def checked_status(status: Status, schedule: Schedule, now: datetime) -> Status:
    """Correct a stored status for a schedule that was changed since: what the new one missed is not past due."""
    expected = schedule.after(status.updated)
    if expected == status.next:
        return status
    return first_status(schedule, now) if expected < now else Status(_NEVER, expected, status.updated)


class Timer:
    """Calls one function by its schedule. A call that fails waits for the next tick; calls never overlap."""

    def __init__(
        self,
        function: Function,
        trigger: TimerTrigger,
        hosts: ContainerClient,
        worker: Worker,
        work: Work,
        *,
        now: Now = utc_now,
    ) -> None:
        self._function = function
        self._trigger = trigger
        self._schedule = trigger.schedule
        self._blob: BlobClient = hosts.get_blob_client(f"timers/{HOST_ID}/Host.Functions.{function.name}/status")
        self._worker = worker
        self._work = work
        self._now = now
        self._starting = True

    def run(self) -> None:
        """Call at every tick until the host stops."""
        due = None
        while not self._work.is_stopping:
            if due is None or self._now() >= due:
                due = self._try_to_step()
            self._work.pause(self._pause(due))

    def _pause(self, due: datetime | None) -> float:
        if due is None:
            return _RETRY_SECONDS
        return min(max(0.0, (due - self._now()).total_seconds()), _LONGEST_PAUSE)

    def _try_to_step(self) -> datetime | None:
        try:
            with self._work.taken():
                return self.step()
        except Stopping:
            return None
        except AzureError as error:
            _log.warning("timer %s cannot see where it stands: %s", self._function.name, told(error))
            return None

    def step(self) -> datetime | None:
        """Make the call if it is due; returns when to look again, or None for soon, while another host is at it."""
        create_blob(self._blob, first_status(self._schedule, self._now()).to_json().encode())
        lease = BlobLease.acquire(self._blob)
        if lease is None:
            return None
        try:
            return self._step(lease)
        finally:
            lease.release()

    def _step(self, lease: BlobLease) -> datetime:
        now = self._now()
        stored = self._stored(now)
        status = self._corrected(stored, now) if self._starting else stored
        past_due = self._starting and now >= status.next
        if now >= status.next or (self._starting and self._trigger.run_on_startup):
            self._call(status, now, lease, past_due=past_due)
            status = Status(now, self._schedule.after(now), now)
        self._starting = False
        if status != stored:
            self._blob.upload_blob(status.to_json(), overwrite=True, lease=lease.client)
        return status.next

    def _stored(self, now: datetime) -> Status:
        try:
            return Status.from_json(self._blob.download_blob().readall())
        except (ValueError, KeyError, TypeError):
            _log.warning("what is stored about timer %s cannot be read: it starts anew", self._function.name)
            return first_status(self._schedule, now)

    def _corrected(self, stored: Status, now: datetime) -> Status:
        status = checked_status(stored, self._schedule, now)
        # As in the real host, nobody makes up for the ticks of a timer that is due every few seconds.
        is_monitored = self._trigger.use_monitor and not self._schedule.is_frequent(now)
        return status if is_monitored else first_status(self._schedule, now)

    def _call(self, status: Status, now: datetime, lease: BlobLease, *, past_due: bool) -> None:
        with suppress(CallFailed):
            self._worker.call(timer_call(self._function, status, now, past_due=past_due), lease)


def timer_call(function: Function, status: Status | None, now: datetime, *, past_due: bool) -> Call:
    """Describe the call of a timer; fired by hand, it has no status."""
    request = {
        "Schedule": {"AdjustForDST": True},
        "ScheduleStatus": status.as_dict() if status else None,
        "IsPastDue": past_due,
    }
    return Call(function, f"Timer fired at {now.isoformat()}", Datum(json.dumps(request), "json"), {})
