"""A run that is ready to be delivered, an account to deliver it to, and the hands to play it in virtual time."""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import requests

from local.activecampaign.account import DEFAULT_KEY, Account
from local.activecampaign.api import Api
from local.activecampaign.faults import Fault
from local.activecampaign.journal import Entry
from local.activecampaign.transport import InProcess
from local.activecampaign.variants import Variants
from shared import names, receipts
from shared.activecampaign.client import ActiveCampaign
from shared.courier import Courier
from shared.delivery import deliver
from shared.documents import (
    BatchEntry,
    Connection,
    Consent,
    Import,
    Plan,
    Receipt,
    ReceiptState,
    Run,
    RunState,
    Trigger,
    Watch,
)
from shared.doors.clock import as_datetime, now
from shared.messages import BatchMessage
from shared.outcomes.following import follow_imports
from shared.pacing import HEAD_START_SECONDS, Lane, weight
from tests.fakes import START, ManualClock, MemoryBlobs, MemoryQueues, MemoryVault, courier

HOST = "acme.api-us1.com"
SECRET = "activecampaign-acme"
RUN = "20260824T090000Z-news-00000001"
MOST_MESSAGES = 2_000
MOST_ROUNDS = 1_000


def member(number: int) -> str:
    """The address of a member of the segment."""
    return f"member{number}@example.com"


def members(count: int, *, per_batch: int = 250) -> list[list[str]]:
    """So many members, batch by batch."""
    return [
        [member(number) for number in range(start, min(start + per_batch, count))]
        for start in range(0, count, per_batch)
    ]


class AlarmClock(ManualClock):
    """Time in which something happens at a certain moment, while somebody else sleeps.

    ``oversleeps`` has the seconds by which whoever sleeps next wakes up too late, and those after it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.alarms: list[tuple[float, Callable[[], None]]] = []
        self.oversleeps: list[float] = []

    def sleep_until(self, moment: float) -> None:
        """Make it that moment, with everything done that was due by then."""
        if self.oversleeps and moment > self.time():
            moment += self.oversleeps.pop(0)
        due = [alarm for alarm in self.alarms if alarm[0] <= moment]
        self.alarms = [alarm for alarm in self.alarms if alarm not in due]
        for alarm, action in due:
            super().sleep_until(alarm)
            action()
        super().sleep_until(moment)


@dataclass
class Scene:
    """Everything in one place; ``contacts`` holds each batch as planned."""

    courier: Courier
    clock: AlarmClock
    blobs: MemoryBlobs
    queues: MemoryQueues
    vault: MemoryVault
    account: Account
    api: Api
    list_id: int
    contacts: list[list[dict[str, object]]] = field(default_factory=list)

    @property
    def connection(self) -> Connection:
        """The connection as stored."""
        return self.courier.store.get(names.connection("acme"), Connection)

    @property
    def client(self) -> ActiveCampaign:
        """A fresh client."""
        return self.courier.activecampaign(self.connection)

    @property
    def run(self) -> Run:
        """The run as stored."""
        return self.courier.store.get(names.run(RUN), Run)

    def connect(self, *, consent: bool = True, **changes: object) -> None:
        """Store the connection."""
        agreed = Consent(accepted_by="ada@example.com", accepted_at=as_datetime(START)) if consent else None
        connection = Connection(host=HOST, api_key_secret=SECRET, consent=agreed)
        self.courier.store.put(names.connection("acme"), connection.model_copy(update=changes))

    def strike(self, *faults: Fault) -> None:
        """Let things go wrong."""
        self.api.faults.add(*faults)

    def plan(self, batches: Sequence[Sequence[str]], *, flawed: Collection[str] = (), **members: object) -> None:
        """Leave what planning leaves: these addresses, to be subscribed to the list.

        The ``flawed`` ones have a first name that no published rule forbids and ActiveCampaign does not take.
        """
        line_members = {"subscribe": [{"listid": self.list_id}], **members}
        self.contacts = [
            [{"email": email, **line_members} | ({"first_name": 5} if email in flawed else {}) for email in batch]
            for batch in batches
        ]
        content, entries = b"", []
        for batch in self.contacts:
            line = json.dumps({"contacts": batch, "exclude_automations": True}).encode() + b"\n"
            entries.append(BatchEntry(offset=len(content), length=len(line), contacts=len(batch)))
            content += line
        etag = self.blobs.write(names.batches(RUN), content)
        plan = Plan(batches=entries, batches_etag=etag, planned_etag="", rejects_length=0, columns=[])
        self.courier.store.put(names.plan(RUN), plan)
        moment = now(self.clock)
        run = Run(
            id=RUN,
            export="news",
            connection="acme",
            trigger=Trigger.REQUEST,
            state=RunState.DELIVERING,
            requested_at=moment,
            watch=Watch(at=moment),
        )
        self.courier.store.put(names.run(RUN), run)

    def move(self, state: RunState) -> None:
        """Put the run into that state, legal or not."""
        self.courier.store.put(names.run(RUN), self.run.model_copy(update={"state": state, "reason": None}))

    def messages(self) -> list[BatchMessage]:
        """A message for each batch that has no receipt yet, each with its appointment."""
        plan = self.courier.store.get(names.plan(RUN), Plan)
        answered = {one.batch for one in self.summaries() if one.state is not ReceiptState.PARTIAL}
        open_ones = [(batch, entry) for batch, entry in enumerate(plan.batches) if batch not in answered]
        weights = [weight(entry.contacts) for _, entry in open_ones]
        appointments = self.courier.pacer(self.connection).reserve(Lane.IMPORTS, weights)
        return [
            BatchMessage(run=RUN, batch=batch, etag=plan.batches_etag, appointment=appointment, **entry.model_dump())
            for (batch, entry), appointment in zip(open_ones, appointments, strict=True)
        ]

    def fan_out(self) -> None:
        """Send what the watcher sends."""
        for message in self.messages():
            delay = message.appointment - self.clock.time() - HEAD_START_SECONDS
            self.queues.send(names.CONTACT_BATCHES, message, delay=delay)

    def play(self) -> int:
        """Deliver until the queue is empty; returns how many messages that took."""
        for count in range(MOST_MESSAGES):
            waiting = self.queues.take(names.CONTACT_BATCHES)
            if waiting is None:
                return count
            assert isinstance(waiting.message, BatchMessage)
            deliver(self.courier, waiting.message)
        raise AssertionError("delivery does not come to an end")

    def deliver(self) -> None:
        """Fan out once, and deliver all of it."""
        self.fan_out()
        self.play()

    def follow(self) -> int:
        """Ask after imports until nothing is open, ever less often, as the watcher of a run does that has sent all."""
        start = self.clock.time()
        for rounds in range(MOST_ROUNDS):
            if self.run.state is RunState.HELD or all(one.state in _CLOSED for one in self.summaries()):
                return rounds
            self.clock.pass_by(min(60, max(5, (self.clock.time() - start) / 20)))
            until = self.clock.time() + 8
            follow_imports(self.courier, self.connection, RUN, self.summaries(), until=until)
        raise AssertionError("following does not come to an end")

    def whole(self) -> None:
        """From the first message to the last receipt."""
        self.deliver()
        if self.run.state is not RunState.HELD:
            self.move(RunState.CONFIRMING)
            self.follow()

    def summaries(self) -> list[receipts.Summary]:
        """What a listing tells."""
        return receipts.summaries(self.blobs, RUN)

    def receipt(self, batch: int = 0) -> Receipt:
        """A receipt that is there."""
        receipt = receipts.find(self.blobs, RUN, batch)
        assert receipt is not None
        return receipt

    def active(self) -> set[str]:
        """Who is subscribed to the list."""
        return set(self.account.contacts_on(self.list_id))

    def planned(self) -> set[str]:
        """Everybody who travels."""
        return {str(contact["email"]) for batch in self.contacts for contact in batch}

    def posts(self) -> list[Entry]:
        """Every bulk import that was asked for."""
        return self.api.journal.requests("POST", "/api/3/import/bulk_import")

    def codes(self) -> dict[str, int]:
        """Refused contacts by code, over all receipts."""
        total: dict[str, int] = {}
        for summary in self.summaries():
            for code, number in summary.refused.items():
                total[code] = total.get(code, 0) + number
        return total

    def failed(self) -> int:
        """How many contacts go out with the next run."""
        return sum(summary.failed for summary in self.summaries())

    def confirmed(self) -> int:
        """How many contacts were taken."""
        contacts = sum(summary.contacts for summary in self.summaries())
        return contacts - sum(self.codes().values()) - self.failed()


_CLOSED = (ReceiptState.CONFIRMED, ReceiptState.FAILED)


def make_scene(workplace: Path, variants: Variants | None = None) -> Scene:
    """An account with one list, a connection with consent, and nothing planned yet."""
    clock = AlarmClock()
    account = Account(clock.time, variants=variants)
    api = Api(account)
    vault = MemoryVault(**{SECRET: DEFAULT_KEY})
    session = requests.Session()
    session.mount("https://", InProcess(api, HOST, clock.pass_by))
    hands = courier(workplace, clock=clock, vault=vault, session=lambda: session)
    blobs, queues = hands.store.blobs, hands.queues
    assert isinstance(blobs, MemoryBlobs)
    assert isinstance(queues, MemoryQueues)
    scene = Scene(hands, clock, blobs, queues, vault, account, api, account.add_list("News"))
    scene.connect()
    return scene


def accepted(batch_id: str, **changes: object) -> Import:
    """An import as a receipt notes it, at the start of time."""
    known = Import(batch_id=batch_id, accepted_at=as_datetime(START), contacts=3)
    return known.model_copy(update=changes)
