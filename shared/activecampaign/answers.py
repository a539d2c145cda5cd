"""What came back from ActiveCampaign, and what happens next: the one table that says so.

Answers are judged by their structure, because their wording varies and the documentation contradicts itself:
https://developers.activecampaign.com/reference/bulk-import-contacts and ``errors`` beside it. Nothing here touches
the world.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shared.activecampaign.reading import parse, whole

_LIMITER = re.compile(r"rate.?limit|per minute", re.IGNORECASE)
_LONGEST_WAIT = 3600.0
"""Seconds; a longer ``Retry-After`` is taken for this one."""


class Silence(StrEnum):
    """No answer at all."""

    UNSENT = "unsent"
    """The request did not leave: no connection."""

    LOST = "lost"
    """The request left, and nothing usable came back: nobody knows whether it was carried out."""


@dataclass(frozen=True)
class Reply:
    """An answer as it came over the wire; header names in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Finding(StrEnum):
    """What came back, whatever the call was."""

    ANSWERED = "answered"
    LIMITED = "limited"
    FORBIDDEN = "forbidden"
    UNPAID = "unpaid"
    UNKNOWN_THING = "unknown_thing"
    OFFENDERS = "offenders"
    TOO_LARGE = "too_large"
    REFUSED = "refused"
    BROKEN = "broken"
    LOST = "lost"
    UNSENT = "unsent"


class Next(StrEnum):
    """What happens next with a bulk import."""

    ACCEPTED = "accepted"
    AGAIN = "again"
    REPAIR = "repair"
    HOLD = "hold"
    GIVE_UP = "give_up"


@dataclass(frozen=True)
class Policy:
    """What one finding means for a bulk import.

    ``tries`` bounds how often ``next`` is done for the same contacts; ``then`` is what follows it. ``doubtful`` says
    that the import may have been queued all the same. ``code`` and ``message`` are the reason that people read.
    """

    next: Next
    code: str
    message: str
    tries: int = 1
    then: Next = Next.GIVE_UP
    doubtful: bool = False


POLICIES: Mapping[Finding, Policy] = {
    Finding.ANSWERED: Policy(Next.ACCEPTED, "accepted", "ActiveCampaign queued the import"),
    Finding.LIMITED: Policy(
        Next.AGAIN,
        "rate_limited",
        "ActiveCampaign kept saying that its rate limit was exceeded: lower imports_per_minute of the connection, or "
        "look for another integration that uses up the account's limit; the next run sends these contacts",
        tries=8,
    ),
    Finding.FORBIDDEN: Policy(
        Next.AGAIN,
        "credentials",
        "ActiveCampaign refuses the API key: check that the key in Key Vault is the one of Settings > Developer and "
        "that its user may import contacts, test the connection, then release the run",
        tries=3,
        then=Next.HOLD,
    ),
    Finding.UNPAID: Policy(
        Next.HOLD,
        "payment",
        "ActiveCampaign asks for payment before it takes more contacts: settle the account's billing, then release "
        "the run",
    ),
    Finding.UNKNOWN_THING: Policy(
        Next.HOLD,
        "list_or_field_gone",
        "ActiveCampaign does not know something that the import names: check that the list and every mapped custom "
        "field still exist; where one is gone, cancel the run and correct the export",
    ),
    Finding.OFFENDERS: Policy(Next.REPAIR, "contact_refused", "ActiveCampaign refuses some contacts of the import"),
    Finding.TOO_LARGE: Policy(
        Next.REPAIR,
        "import_too_large",
        "ActiveCampaign finds imports too large, however few contacts they hold; the next run sends these contacts",
    ),
    Finding.REFUSED: Policy(
        Next.AGAIN,
        "import_refused",
        "ActiveCampaign kept refusing imports as a whole, and named no contact; the next run sends these contacts",
        tries=3,
        then=Next.REPAIR,
    ),
    Finding.BROKEN: Policy(
        Next.AGAIN,
        "unavailable",
        "ActiveCampaign kept answering with errors; the next run sends these contacts",
        tries=8,
        doubtful=True,
    ),
    Finding.LOST: Policy(
        Next.AGAIN,
        "outcome_unknown",
        "ActiveCampaign kept leaving imports unanswered; the next run sends these contacts",
        tries=8,
        doubtful=True,
    ),
    Finding.UNSENT: Policy(
        Next.AGAIN,
        "unreachable",
        "the connection's host could not be reached; the next run sends these contacts",
        tries=8,
    ),
}
"""A wrong key and a missing permission are answered alike, and a good key is refused now and then: hence the tries.

A refusal that names no contact means the whole request, and may pass; but words vary, and it may be for a contact.
"""


@dataclass(frozen=True)
class Answer:
    """The judgement on one bulk import.

    ``batch_id`` and ``queued`` (contacts, ``None`` where nobody said) belong to accepted imports, ``retry_after``
    (seconds) to rate limits, ``claimed`` to refusals: the indexes of the offenders, in a base nobody can be sure of.
    """

    finding: Finding
    batch_id: str | None = None
    queued: int | None = None
    retry_after: float | None = None
    claimed: tuple[int, ...] = ()

    @property
    def policy(self) -> Policy:
        """The line of the table."""
        return POLICIES[self.finding]

    def next(self, attempt: int) -> Next:
        """What happens next after ``attempt`` earlier tries that came to nothing."""
        return self.policy.next if attempt + 1 < self.policy.tries or self.policy.tries == 1 else self.policy.then


def judge_import(came_back: Reply | Silence) -> Answer:
    """What came back from ``POST import/bulk_import``. Only a batch id says that it was queued."""
    found = find(came_back)
    if isinstance(came_back, Silence):
        return Answer(found)
    document = parse(came_back.body)
    if found is not Finding.ANSWERED:
        return Answer(found, retry_after=retry_after(came_back), claimed=tuple(_claimed(document)))
    batch_id = _batch_id(document)
    if batch_id is None:
        return Answer(Finding.BROKEN)
    return Answer(found, batch_id=batch_id, queued=_queued(document))


def find(came_back: Reply | Silence) -> Finding:
    """What came back from any call."""
    if isinstance(came_back, Silence):
        return Finding(came_back.value)
    if by_status := _BY_STATUS.get(came_back.status):
        return by_status
    document = parse(came_back.body)
    if not isinstance(document, dict):
        is_answer = document is False or isinstance(document, list)
        return Finding.ANSWERED if is_answer and came_back.status < 300 else Finding.BROKEN
    return _find_in(document, came_back.status)


_BY_STATUS: Mapping[int, Finding] = {
    401: Finding.FORBIDDEN,
    402: Finding.UNPAID,
    403: Finding.FORBIDDEN,
    413: Finding.TOO_LARGE,
    429: Finding.LIMITED,
    503: Finding.LIMITED,
}
"""Statuses that say everything, whatever the body; 503 was how the limiter answered in older reports."""

_BY_STATUS_OF_JSON: Mapping[int, Finding] = {
    400: Finding.REFUSED,
    404: Finding.UNKNOWN_THING,
    422: Finding.UNKNOWN_THING,
}
"""With a web page instead of JSON they come from something in between, and pass."""


def _find_in(document: dict[str, object], status: int) -> Finding:
    done = 200 <= status < 300
    if (done and _batch_id(document)) or status >= 500:
        return Finding.ANSWERED if done else Finding.BROKEN
    if any(True for _ in _claimed(document)):
        return Finding.OFFENDERS
    if any(_LIMITER.search(text) for text in _texts(document)):
        return Finding.LIMITED
    return Finding.ANSWERED if done else _BY_STATUS_OF_JSON.get(status, Finding.BROKEN)


def retry_after(reply: Reply) -> float | None:
    """The seconds that the host asks for, ``None`` where it does not say."""
    text = reply.headers.get("retry-after", "").strip()
    return min(float(text), _LONGEST_WAIT) if text.isascii() and text.isdecimal() else None


def _batch_id(document: object) -> str | None:
    value = document.get("batchId") if isinstance(document, dict) else None
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    return text.strip() if isinstance(text, str) and text.strip() else None


def _queued(document: object) -> int | None:
    value = document.get("queued_contacts") if isinstance(document, dict) else None
    return whole(value)


def _claimed(document: object) -> Iterator[int]:
    reasons = document.get("failureReasons") if isinstance(document, dict) else None
    for reason in reasons if isinstance(reasons, list) else ():
        index = whole(reason.get("contact")) if isinstance(reason, dict) else None
        if index is not None:
            yield index


def _texts(document: dict[str, object]) -> Iterator[str]:
    """Everything an answer says in words, in any of the shapes seen."""
    for member in ("message", "error", "errors", "failureReasons"):
        yield from _words(document.get(member))


def _words(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _words(one)
    elif isinstance(value, dict):
        for member in ("title", "detail", "message"):
            yield from _words(value.get(member))
