"""The documents in the state container: what administrators write, and what the app remembers.

Every stored document carries ``version``; a document of a version this code does not know is refused, not guessed.
Times are UTC.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from shared.hosts import host_name

NAME_PATTERN = r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"
VAULT_NAME_PATTERN = r"^[0-9A-Za-z-]{1,127}$"
"""https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates#object-identifiers"""

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""Name of a connection or an export."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Host = Annotated[str, BeforeValidator(host_name)]
SecretName = Annotated[str, StringConstraints(pattern=VAULT_NAME_PATTERN)]


MOST_IMPORTS_PER_MINUTE = 100
"""https://developers.activecampaign.com/reference/bulk-import-contacts."""

MOST_REQUESTS_PER_SECOND = 5
"""https://developers.activecampaign.com/reference/rate-limits."""


class Document(BaseModel):
    """Unknown members are refused: a mistyped name must not be silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Stored(Document):
    """A document that lies in a blob."""

    version: Literal[1] = 1

    def to_bytes(self) -> bytes:
        """JSON in UTF-8; a member that is absent stays absent."""
        return self.model_dump_json(exclude_none=True).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Raises ``pydantic.ValidationError`` on anything this version of the code does not know."""
        return cls.model_validate_json(data)


# Connections


class Consent(Document):
    """An administrator agreed to customer data leaving for ActiveCampaign."""

    accepted_by: Text
    accepted_at: datetime


class Connection(Stored):
    """How to reach one ActiveCampaign account, and how much of its rate limit is ours."""

    display_name: Text | None = None
    host: Host
    api_key_secret: SecretName
    consent: Consent | None = None
    allow_contributors: bool = False
    imports_per_minute: int = Field(default=MOST_IMPORTS_PER_MINUTE, ge=1, le=MOST_IMPORTS_PER_MINUTE)
    requests_per_second: int = Field(default=MOST_REQUESTS_PER_SECOND, ge=1, le=MOST_REQUESTS_PER_SECOND)


# Exports


class Mapping(Document):
    """Column names of the segment by what they are in ActiveCampaign."""

    email: Text
    first_name: Text | None = None
    last_name: Text | None = None
    phone: Text | None = None
    customer_id: Text | None = None
    fields: dict[Text, Text] = Field(default_factory=dict, max_length=200)

    def columns(self) -> dict[str, str]:
        """Every mapped column, by the member that maps it (``email``, …, ``fields.Loyalty tier``)."""
        plain = {
            "email": self.email,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "phone": self.phone,
            "customer_id": self.customer_id,
        }
        custom = {f"fields.{field}": column for field, column in self.fields.items()}
        return {member: column for member, column in plain.items() if column} | custom


class Automations(StrEnum):
    """Whose import may start automations."""

    OFF = "off"
    JOINERS = "joiners"
    ALL = "all"


class LeaverAction(StrEnum):
    """What happens to a contact who left the segment."""

    KEEP = "keep"
    MARK = "mark"
    UNSUBSCRIBE = "unsubscribe"


UNSUBSCRIBE_WARNING = (
    "unsubscribe really unsubscribes leavers from the list, and ActiveCampaign never lets an import subscribe them "
    'again, not even when they rejoin the segment; use "mark" to mirror the segment in a custom field instead'
)


class Leavers(Document):
    """``mark`` writes ``member`` or ``former`` into the custom field ``field`` of members and leavers."""

    action: LeaverAction = LeaverAction.KEEP
    field: Text | None = None
    member: Text | None = None
    former: Text | None = None
    acknowledge_unsubscribe: bool = False

    @model_validator(mode="after")
    def _complete(self) -> Self:
        marks = (self.field, self.member, self.former)
        if self.action is LeaverAction.MARK and not all(marks):
            raise ValueError('"mark" needs "field", "member" and "former"')
        if self.action is not LeaverAction.MARK and any(marks):
            raise ValueError('"field", "member" and "former" belong to the action "mark"')
        if all(marks) and self.member == self.former:
            raise ValueError('"member" and "former" are the same: nobody could tell members from leavers')
        if self.action is LeaverAction.UNSUBSCRIBE and not self.acknowledge_unsubscribe:
            raise ValueError(f'{UNSUBSCRIBE_WARNING}; if that is what you want, set "acknowledge_unsubscribe": true')
        return self


class Triggers(Document):
    """What starts a run by itself: the refresh schedule, and a new drop."""

    refresh: bool = True
    drop: bool = True


class Guards(Document):
    """When a run is held for a person, from the second run on."""

    max_leaver_percent: int = Field(default=10, ge=0, le=100)
    max_contacts: int = Field(default=1_000_000, ge=1)


class Notify(Document):
    """Who is told when a run needs a person, and once when a run is well again.

    ``url_secret`` names the Key Vault secret that holds the address of the webhook; ``shape`` is what it understands.
    """

    shape: Literal["teams", "slack"]
    url_secret: SecretName


class Export(Stored):
    """What the administrator wants: these segments, in that list, mapped like this."""

    display_name: Text | None = None
    connection: Name
    list_id: int = Field(ge=1)
    segments: list[Text] = Field(min_length=1, max_length=50)
    enabled: bool = True
    mapping: Mapping
    tags: list[Text] = Field(default_factory=list, max_length=50)
    automations: Automations = Automations.OFF
    leavers: Leavers = Leavers()
    triggers: Triggers = Triggers()
    guards: Guards = Guards()
    notify: Notify | None = None


# Runs


class RunState(StrEnum):
    """Which moves between them are legal is the table in ``shared/runs/states.py``."""

    QUEUED = "queued"
    PLANNING = "planning"
    DELIVERING = "delivering"
    CONFIRMING = "confirming"
    HELD = "held"
    SUCCEEDED = "succeeded"
    PARTLY_SUCCEEDED = "partly_succeeded"
    NOTHING_TO_DO = "nothing_to_do"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Trigger(StrEnum):
    """What asked for a run."""

    REFRESH = "refresh"
    DROP = "drop"
    REQUEST = "request"


class Reason(Document):
    """Why a run is in its state: a stable code, and a sentence that says what to do."""

    code: str
    message: str
    details: list[str] = Field(default_factory=list)


class DropBlob(Document):
    """One blob of a drop; the ETag pins its version, ``size`` is in bytes."""

    name: str
    etag: str
    size: int
    modified: datetime


class Target(Document):
    """Where contacts go: one list of one ActiveCampaign account."""

    host: str
    list_id: int


class Drop(Document):
    """The blobs that are one segment at one moment: all partitions of one folder, or one file."""

    segment: str
    blobs: list[DropBlob]

    @property
    def modified(self) -> datetime:
        """When its newest blob was written."""
        return max(blob.modified for blob in self.blobs)

    def same_as(self, other: "Drop") -> bool:
        """Whether both are the same versions of the same blobs."""
        return self.segment == other.segment and _versions(self) == _versions(other)


def _versions(drop: Drop) -> set[tuple[str, str]]:
    return {(blob.name, blob.etag) for blob in drop.blobs}


class Counts(Document):
    """Every row of a drop is accounted for.

    ``rows = members + duplicates + rejected`` and ``members = joiners + changed + unchanged`` (where ``unchanged``
    includes ``refused_earlier``, members whom ActiveCampaign refused before and who have not changed since) and
    ``sent = confirmed + refused + failed`` once a run has ended. ``to_send`` counts the contacts of all batches,
    leavers among them, and ``sent`` those of batches that were posted.
    """

    rows: int = 0
    rejected: dict[str, int] = Field(default_factory=dict)
    duplicates: int = 0
    members: int = 0
    joiners: int = 0
    changed: int = 0
    unchanged: int = 0
    refused_earlier: int = 0
    readdressed: int = 0
    leavers: int = 0
    batches: int = 0
    to_send: int = 0
    sent: int = 0
    confirmed: int = 0
    refused: dict[str, int] = Field(default_factory=dict)
    failed: int = 0
    extra_sends: int = 0


class Release(Document):
    """Who let a held run go on, and when."""

    at: datetime
    by: str
    reason: Reason | None = None


class Example(Document):
    """One contact that a dry run would send: where it is in the drop, not who it is."""

    kind: Literal["joiner", "changed", "leaver"]
    source: str
    line: int


class Watch(Document):
    """Who looks after the run, and how far it has got.

    Only the message with the run's own ``generation`` counts, so that copies of it do nothing. ``claims`` counts the
    calls that set out to plan it: only the latest of them may say what came of it. ``at`` is when the run was last
    looked after, ``waiting_since`` when it was last its turn to be planned, and ``rescues`` how often in a row the
    sweep had to find it somebody new. ``next_batch`` is the first batch that was not yet given an appointment,
    ``last_appointment`` the latest one given.
    """

    generation: int = 0
    claims: int = 0
    at: datetime
    waiting_since: datetime | None = None
    rescues: int = 0
    next_batch: int = 0
    last_appointment: datetime | None = None


class Run(Stored):
    """One run of one export, from request to end. ``connection`` and ``target`` are those it was planned for."""

    id: str
    export: Name
    connection: Name | None = None
    target: Target | None = None
    trigger: Trigger
    dry_run: bool = False
    full: bool = False
    state: RunState = RunState.QUEUED
    reason: Reason | None = None
    requested_at: datetime
    planned_at: datetime | None = None
    delivering_since: datetime | None = None
    finished_at: datetime | None = None
    estimated_end: datetime | None = None
    drops: list[Drop] = Field(default_factory=list)
    counts: Counts = Counts()
    imports_per_minute: float | None = None
    warnings: list[str] = Field(default_factory=list)
    examples: list[Example] = Field(default_factory=list)
    releases: list[Release] = Field(default_factory=list)
    watch: Watch


class RunRequest(Document):
    """A run that was asked for, kept in the export's state so that a crash does not lose it."""

    run: str
    trigger: Trigger
    dry_run: bool = False
    full: bool = False
    requested_at: datetime


class Told(Document):
    """The last run that a webhook was told of, and the state it was in."""

    run: str
    state: RunState


class ExportState(Stored):
    """What the app remembers of an export between runs.

    Of the list ``target``: ``ledger`` names the ledger that counts, after the last run that changed something in it;
    ``columns`` are those of the last run, ``drops`` those of the last one that came through whole, and ``rows`` is how
    many rows these have.
    """

    active: RunRequest | None = None
    waiting: RunRequest | None = None
    target: Target | None = None
    ledger: str | None = None
    drops: list[Drop] = Field(default_factory=list)
    columns: list[str] = Field(default_factory=list)
    rows: int | None = None
    told: Told | None = None

    def about(self, target: Target | None) -> Self:
        """What is remembered of that list: no ledger, drops or columns where they are about another one."""
        if self.target == target:
            return self
        return self.model_copy(update={"target": target, "ledger": None, "drops": [], "columns": [], "rows": None})


class Look(Stored):
    """The look at a segment's drop that is under way: which message of ``segment-drops`` counts, and when it is due."""

    segment: str
    first_seen: datetime
    looks: int
    at: datetime


class BatchEntry(Document):
    """Where one batch lies in ``batches.jsonl`` (bytes), and how many contacts it holds."""

    offset: int
    length: int
    contacts: int


class Plan(Stored):
    """What planning leaves to the steps after it; once it is stored, planning is done.

    ``batches`` is the index of the claim-check file: a batch's number is its place in it. ``batches_etag`` and
    ``planned_etag`` pin the versions of the files that it belongs to; where the ledger stays as it is, the latter is
    ``None`` and there is no such file. ``rejects_length`` (bytes) is where the rejects of the plan end and those of the
    delivery begin.
    """

    batches: list[BatchEntry]
    batches_etag: str
    planned_etag: str | None = None
    rejects_length: int
    columns: list[str]


# Receipts


class ReceiptState(StrEnum):
    """``accepted`` imports are still being watched; the other two are final."""

    PARTIAL = "partial"
    ACCEPTED = "accepted"
    CONFIRMED = "confirmed"
    FAILED = "failed"


class Refusal(Document):
    """A contact of a batch that ActiveCampaign would not take, by its place in the batch (0-based)."""

    position: int
    code: str
    detail: str


class Import(Document):
    """One accepted bulk import: contacts ``positions`` of its batch (0-based, all where ``None``).

    ``left_out`` is how many of them ActiveCampaign did not even queue, and ``unclear`` how many failures its report
    tells in a way that leads to nobody: both as long as nobody has found out who they are.
    """

    batch_id: str
    accepted_at: datetime
    contacts: int
    left_out: int = 0
    unclear: int = 0
    positions: list[int] | None = None
    outcome: Literal["completed", "failed"] | None = None


class Receipt(Stored):
    """What became of one batch.

    ``accused`` are contacts (0-based) that were refused alone without a word about them: how many imports of the batch
    had been accepted by then.
    """

    run: str
    batch: int
    state: ReceiptState
    contacts: int
    imports: list[Import] = Field(default_factory=list)
    refusals: list[Refusal] = Field(default_factory=list)
    accused: dict[int, int] = Field(default_factory=dict)
    reason: Reason | None = None
    extra_sends: int = 0


# Pacing


class Lanes(Stored):
    """The next free moment of each lane to one ActiveCampaign host, in seconds since 1970 (UTC).

    Appointments before ``held_until`` are void: they were given out before the host asked everybody to wait.
    """

    imports: float = 0.0
    requests: float = 0.0
    held_until: float = 0.0
