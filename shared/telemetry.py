"""What the app says of itself while it runs: one line of JSON per event, with ids and numbers and no personal data.

The Functions host carries every line to Application Insights as it is (host.json: ``"telemetryMode":
"OpenTelemetry"``), where the queries in ``infra/queries/`` read it with ``parse_json(message)``: an event's name is
its class name in snake case, its members are the fields below, and around them stand the ids of what was being worked
on (``run``, ``export``, ``batch``, ``invocation``; see ``about``). The numbers are the app's metrics.

Nothing here but the standard library: an exporter of our own would be loaded on every cold start, and would send a
second copy of what the host already sends.
"""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import ClassVar

from shared.documents import Run, RunState, Trigger

_log = logging.getLogger("courier")
_ids: ContextVar[Mapping[str, str | int]] = ContextVar("ids", default={})  # noqa: B039 - never changed in place

QUIETED: Mapping[str, int] = {
    "azure.core.pipeline.policies.http_logging_policy": logging.WARNING,
    "azure.identity": logging.WARNING,
    "urllib3": logging.ERROR,
}
"""Loggers that write a line or more per request (headers, which credential was tried), and from what level on they may.

Warnings of urllib3 hold whole addresses with their queries, and in those the email that was asked for, or the signature
of a webhook.
"""


@contextmanager
def about(
    *,
    run: str | None = None,
    export: str | None = None,
    batch: int | None = None,
    invocation: str | None = None,
) -> Iterator[None]:
    """Every event within carries these ids, on top of those around it. Belongs to the thread that entered it."""
    given = {"run": run, "export": export, "batch": batch, "invocation": invocation}
    known = {name: value for name, value in given.items() if value is not None}
    token = _ids.set({**_ids.get(), **known})
    try:
        yield
    finally:
        _ids.reset(token)


def quiet() -> None:
    """Let libraries speak up only when something is wrong, and never of addresses."""
    for name, level in QUIETED.items():
        logging.getLogger(name).setLevel(level)


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened. ``level`` is that of ``logging``; times are in seconds."""

    level: ClassVar[int] = logging.INFO


@dataclass(frozen=True, kw_only=True)
class RunRequested(Event):
    """Somebody or something asked for a run, and got a new one."""

    trigger: Trigger
    dry_run: bool
    full: bool

    @classmethod
    def of(cls, run: Run) -> "RunRequested":
        """What that run was asked to do."""
        return cls(trigger=run.trigger, dry_run=run.dry_run, full=run.full)


@dataclass(frozen=True, kw_only=True)
class RunPlanned(Event):
    """Planning has found out what there is to send."""

    rows: int
    rejected: Mapping[str, int]
    duplicates: int
    members: int
    joiners: int
    changed: int
    unchanged: int
    leavers: int
    batches: int
    seconds: float

    @classmethod
    def of(cls, run: Run, seconds: float) -> "RunPlanned":
        """The counts of a planned run; ``seconds`` is how long planning took."""
        counts = run.counts
        return cls(
            rows=counts.rows,
            rejected=counts.rejected,
            duplicates=counts.duplicates,
            members=counts.members,
            joiners=counts.joiners,
            changed=counts.changed,
            unchanged=counts.unchanged,
            leavers=counts.leavers,
            batches=counts.batches,
            seconds=round(seconds, 3),
        )


@dataclass(frozen=True, kw_only=True)
class RunHeld(Event):
    """A run waits for a person; ``code`` is that of its reason."""

    level: ClassVar[int] = logging.WARNING
    code: str


@dataclass(frozen=True, kw_only=True)
class RunReleased(Event):
    """A person let a held run go on; ``code`` is that of the reason it was held for."""

    code: str


@dataclass(frozen=True, kw_only=True)
class RunEnded(Event):
    """A run is in a final state.

    ``utilisation`` is the share of ``allowed_per_minute`` that ``imports_per_minute`` reached, from 0 to 1; both are
    absent where nothing was sent. ``seconds`` counts from the request.
    """

    state: RunState
    code: str | None
    dry_run: bool
    rows: int
    sent: int
    confirmed: int
    refused: Mapping[str, int]
    failed: int
    imports_per_minute: float | None
    allowed_per_minute: int
    utilisation: float | None
    seconds: float

    @classmethod
    def of(cls, run: Run, allowed_per_minute: int) -> "RunEnded":
        """How that run went; ``allowed_per_minute`` is its connection's share of the import limit."""
        counts = run.counts
        rate = run.imports_per_minute
        ended = run.finished_at or run.requested_at
        return cls(
            state=run.state,
            code=run.reason.code if run.reason else None,
            dry_run=run.dry_run,
            rows=counts.rows,
            sent=counts.sent,
            confirmed=counts.confirmed,
            refused=counts.refused,
            failed=counts.failed,
            imports_per_minute=rate,
            allowed_per_minute=allowed_per_minute,
            utilisation=None if rate is None else round(rate / allowed_per_minute, 3),
            seconds=round((ended - run.requested_at).total_seconds(), 3),
        )


@dataclass(frozen=True, kw_only=True)
class BatchDelivered(Event):
    """ActiveCampaign has queued a batch; ``late`` is how long after its appointment it was posted."""

    contacts: int
    refused: int
    attempt: int
    late: float


@dataclass(frozen=True, kw_only=True)
class BatchFailed(Event):
    """A batch was given up on; its members stay out of the ledger, so the next run sends them again."""

    level: ClassVar[int] = logging.WARNING
    contacts: int
    code: str


@dataclass(frozen=True, kw_only=True)
class RateLimited(Event):
    """ActiveCampaign asked for patience; everybody waits that long."""

    level: ClassVar[int] = logging.WARNING
    host: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class DropWaiting(Event):
    """A drop is not yet whole; it is looked at again."""

    segment: str
    code: str
    looks: int


@dataclass(frozen=True, kw_only=True)
class DropIncomplete(Event):
    """A drop never became whole, and nobody looks at it any more."""

    level: ClassVar[int] = logging.WARNING
    segment: str
    code: str
    looks: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Poisoned(Event):
    """The Functions host gave up on a message of that queue."""

    level: ClassVar[int] = logging.ERROR
    queue: str


@dataclass(frozen=True, kw_only=True)
class Notified(Event):
    """A webhook was told of a run; ``problem`` says why it could not be, without its address."""

    shape: str
    state: RunState
    problem: str | None


def record(event: Event) -> None:
    """Write one event to the log."""
    line = {"event": name_of(type(event)), **_ids.get(), **asdict(event)}
    _log.log(event.level, "%s", json.dumps(line, separators=(",", ":")))


def name_of(event: type[Event]) -> str:
    """The name an event has in the log: ``RunEnded`` is ``run_ended``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", event.__name__).lower()
