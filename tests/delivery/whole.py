"""Whole runs in virtual time, with faults aimed at single batches, and everything that must hold afterwards."""

import json
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from local.activecampaign.contacts import Status
from local.activecampaign.exchange import Request, Response, answer
from local.activecampaign.faults import Fault, ImportFate
from local.activecampaign.journal import Entry
from local.activecampaign.variants import Variants
from local.customers import drop_day, first_day
from local.scene import EXPORT, differences
from shared import names
from shared.documents import Connection, ExportState, Plan, Run, RunState, Trigger
from shared.doors.clock import as_datetime
from shared.plan.diff import MAY_HAVE_JOINED, TELL_AGAIN
from shared.runs.requests import request_run
from shared.runs.states import FINAL
from tests.simulation import Simulation

PEOPLE = 600
PLACES = {"first": 0, "middle": 1, "last": 2}
"""Which of the three batches of a run something happens to."""

DAY = first_day(PEOPLE)
UNSUBSCRIBED, BOUNCED, EXCLUDED = (DAY.customers[place].email for place in (5, 255, 555))
GONE = frozenset({UNSUBSCRIBED, BOUNCED, EXCLUDED})
REFUSED = {"refused_bounced": 1, "refused_excluded": 1, "refused_unsubscribed": 1}
"""What becomes of three people in every run: nobody may ever make them active."""

LONGEST_RUN = 24 * 3600


@dataclass(frozen=True, kw_only=True)
class At(Fault):
    """Another fault, for imports that hold one address only."""

    email: str
    fault: Fault

    @classmethod
    def batch(cls, email: str, fault: Fault) -> "At":
        """For the batch of that address."""
        return cls(email=email, fault=fault, handled=fault.handled)

    def matches(self, request: Request) -> bool:
        """See `Fault`."""
        return self.fault.matches(request) and self.email.encode() in request.body

    def strikes(self, number: int, chance: float) -> bool:
        """See `Fault`."""
        return self.fault.strikes(number, chance)

    def spoil(self, response: Response) -> Response:
        """See `Fault`."""
        return self.fault.spoil(response)


@dataclass(frozen=True, kw_only=True)
class FateAt(ImportFate):
    """What becomes of the import that holds an address."""

    email: str

    def matches(self, request: Request) -> bool:
        """See `Fault`."""
        return super().matches(request) and self.email.encode() in request.body


@dataclass(frozen=True, kw_only=True)
class Dislikes(Fault):
    """ActiveCampaign refuses every import with that address, which no published rule forbids.

    It points to a place counted from ``base``, and that many places astray.
    """

    email: str
    base: int = 0
    astray: int = 0
    _places: list[int] = field(default_factory=list)

    def matches(self, request: Request) -> bool:
        """See `Fault`."""
        if request.method != "POST" or self.email.encode() not in request.body:
            return False
        emails = [contact["email"] for contact in json.loads(request.body)["contacts"]]
        self._places[:] = [emails.index(self.email)]
        return True

    def spoil(self, response: Response) -> Response:
        """See `Fault`."""
        reason = {"contact": self._places[0] + self.base + self.astray, "failureReason": "Field 'x' incorrect format"}
        return answer(400, {"success": 0, "message": "The import was not queued.", "failureReasons": [reason]})


@dataclass(frozen=True, kw_only=True)
class ReportAt(Fault):
    """Another fault, for questions about the import that holds an address."""

    email: str
    fault: Fault
    handled: bool = True
    _ids: list[str] = field(default_factory=list)

    def matches(self, request: Request) -> bool:
        """See `Fault`."""
        return self.email.encode() in request.body or request.query.get("batchId", "") in self._ids

    def strikes(self, number: int, chance: float) -> bool:
        """The first one is the import itself."""
        return number == 1 or self.fault.strikes(number - 1, chance)

    def spoil(self, response: Response) -> Response:
        """Learn the id of the import, or see `Fault`."""
        if self._ids:
            return self.fault.spoil(response)
        document = response.document
        assert isinstance(document, dict)
        self._ids.append(document["batchId"])
        return response


LONGEST_STEP = 180
"""Seconds; whoever is silent for longer would be taken for dead, and the platform would end an HTTP call soon after."""


class Timed(Simulation):
    """A simulation that knows how long the longest call of each step lasted, and how many watchers there were at once.

    ``longest`` is in seconds, by queue.
    """

    def __init__(self, folder: Path, *, variants: Variants | None = None) -> None:
        super().__init__(folder, variants=variants)
        self.longest: Counter[str] = Counter()
        self.watchers = 0

    def _start(self, work: Callable[[], object], queue: str = "", *rest: Any, **more: Any) -> None:
        began = self.clock.time()

        def timed() -> None:
            self.watchers = max(self.watchers, sum(one.queue == names.RUN_WATCH for one in self.running))
            try:
                work()
            finally:
                self.longest[queue] = max(self.longest[queue], math.ceil(self.clock.time() - began))

        super()._start(timed, queue, *rest, **more)


class Whole:
    """A world in which one export runs, its three batches known in advance."""

    def __init__(self, folder: Path, variants: Variants | None = None) -> None:
        self.world = Timed(folder, variants=variants)
        self.world.connect()
        self.world.export()
        self.account = self.world.account
        self.list_id = self.world.stage.list_id
        self.account.unsubscribe(UNSUBSCRIBED, self.list_id)
        self.account.bounce(BOUNCED, self.list_id)
        self.account.exclude(EXCLUDED)
        drop_day(self.world.drops.write, DAY, as_datetime(self.world.clock.time()))
        self.world.clock.pass_by(60)

    def strike(self, *faults: Fault) -> None:
        """Let things go wrong."""
        self.world.api.faults.add(*faults)

    def know_the_key(self) -> None:
        """Let the app learn that its key works."""
        courier = self.world.courier
        courier.activecampaign(courier.store.get(names.connection("acme"), Connection)).me()

    def run(self) -> Run:
        """Ask for a run and play it until it ends or is held."""
        self.world.clock.pass_by(1)
        asked = request_run(self.world.courier, EXPORT, Trigger.REQUEST)
        return self.go_on(asked.id)

    def go_on(self, run_id: str) -> Run:
        """Play until that run ends and is settled, or is held."""
        return self.play_until(run_id, lambda run: run.state is RunState.HELD or self._settled(run))

    def play_until(self, run_id: str, enough: Callable[[Run], bool], *, step: float = 60) -> Run:
        """Play until that is true of the run, looking at it every so many seconds."""
        end = self.world.clock.time() + LONGEST_RUN
        while self.world.clock.time() < end:
            run = self.world.run_of(run_id)
            if enough(run):
                return run
            self.world.play_for(step)
        raise AssertionError(f"the run does not come to an end: {self.world.run_of(run_id).state}")

    def _settled(self, run: Run) -> bool:
        state = self.world.courier.store.get(names.export_state(EXPORT), ExportState)
        return run.state in FINAL and state.active is None

    def posts(self) -> list[Entry]:
        """Every bulk import that was asked for."""
        return self.world.api.journal.requests("POST", "/api/3/import/bulk_import")

    def ledger(self) -> dict[str, str]:
        """The state of every address in the ledger, ``unsure`` of whom nobody knows what ActiveCampaign was told."""
        state = self.world.courier.store.get(names.export_state(EXPORT), ExportState)
        if state.ledger is None:
            return {}
        with TemporaryDirectory() as folder, duckdb.connect() as engine:
            file = Path(folder) / "ledger.parquet"
            self.world.state.download(names.ledger(EXPORT, state.ledger), file)
            rows = engine.read_parquet(str(file)).project("email, state, hash::VARCHAR").fetchall()
        return {email: "unsure" if mark in (MAY_HAVE_JOINED, TELL_AGAIN) else state for email, state, mark in rows}

    def check(self, run: Run, *, refused: frozenset[str] = frozenset()) -> None:
        """What must hold after every run that ended, whatever went wrong.

        Counts add up and are what the account knows; the ledger holds exactly those of whom ActiveCampaign confirmed
        something; extra sends are admitted; nobody was re-subscribed and no limit was passed; no step took too long.
        """
        journal, counts = self.world.api.journal, run.counts
        assert counts.rows == counts.members + counts.duplicates + sum(counts.rejected.values())
        assert counts.sent == counts.confirmed + sum(counts.refused.values()) + counts.failed
        assert journal.resubscriptions == 0
        assert journal.violation_kinds() == set()
        assert journal.rate_limit_answers == 0
        assert self.world.errors == []
        assert max(self.world.longest.values()) <= LONGEST_STEP
        assert self.world.watchers <= 1
        assert set(self.ledger()) <= DAY.emails()
        assert {email for email, state in self.ledger().items() if state == "refused"} <= GONE | refused
        assert self.account.status(UNSUBSCRIBED, self.list_id) is Status.UNSUBSCRIBED
        assert self.account.status(BOUNCED, self.list_id) is Status.BOUNCED
        assert self.account.status(EXCLUDED, self.list_id) is None
        for email in {email for email, state in self.ledger().items() if state == "member"} - GONE:
            assert self.account.status(email, self.list_id) is Status.ACTIVE

    def check_list(self, *, refused: frozenset[str] = frozenset()) -> None:
        """The list is the segment, contact by contact, but for those ActiveCampaign refuses; the ledger says so.

        Nobody's automations have started.
        """
        assert differences(self.world.stage, DAY, GONE | refused) == []
        expected = dict.fromkeys(DAY.emails(), "member") | dict.fromkeys(GONE | refused, "refused")
        assert self.ledger() == expected
        assert not any(contact.automation_runs for contact in self.account.contacts_on(self.list_id).values())

    def check_nothing_left(self) -> None:
        """Another run finds nothing to send."""
        before = len(self.posts())
        assert self.run().state is RunState.NOTHING_TO_DO
        assert len(self.posts()) == before


@cache
def layout() -> tuple[tuple[str, ...], ...]:
    """The addresses of each batch, in their order: the same in every world."""
    with TemporaryDirectory() as folder:
        whole = Whole(Path(folder))
        asked = request_run(whole.world.courier, EXPORT, Trigger.REQUEST)
        run = whole.play_until(asked.id, lambda run: run.state is RunState.DELIVERING, step=1)
        store = whole.world.courier.store
        plan = store.get(names.plan(run.id), Plan)
        content = store.blobs.read(names.batches(run.id)).data
        lines = [content[entry.offset : entry.offset + entry.length] for entry in plan.batches]
        return tuple(tuple(contact["email"] for contact in json.loads(line)["contacts"]) for line in lines)


def somebody(place: str) -> str:
    """An ordinary member in the middle of that batch."""
    batch = [email for email in layout()[PLACES[place]] if email not in GONE]
    return batch[len(batch) // 2]
