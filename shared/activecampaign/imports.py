"""How far a bulk import has come, in every shape in which ActiveCampaign says so.

https://developers.activecampaign.com/reference/bulk-import-status-info; what it leaves open is survived, not guessed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from shared.activecampaign.answers import Reply, parse


class Stage(StrEnum):
    """Where an import is."""

    UNSEEN = "unseen"
    """ActiveCampaign does not know it: not yet, or not any more."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True)
class ImportProgress:
    """``failures`` are the addresses that a completed import did not take.

    ``unreadable`` says that there were failures which name no address.
    """

    stage: Stage
    failures: tuple[str, ...] = ()
    unreadable: bool = False


_STAGES = {
    "waiting": Stage.PENDING,
    "claimed": Stage.PENDING,
    "active": Stage.PENDING,
    "completed": Stage.COMPLETED,
    "failed": Stage.FAILED,
    "interrupted": Stage.FAILED,
}


def read_progress(reply: Reply) -> ImportProgress:
    """What an answer to ``GET import/info`` says; an unknown import is answered in at least four ways."""
    document = parse(reply.body)
    if reply.status >= 300 or not isinstance(document, dict):
        return ImportProgress(Stage.UNSEEN)
    status = document.get("status")
    stage = _STAGES.get(status.strip().lower(), Stage.PENDING) if isinstance(status, str) else Stage.UNSEEN
    if stage is not Stage.COMPLETED:
        return ImportProgress(stage)
    failures = list(_addresses(document.get("failure")))
    readable = tuple(address for address in failures if address)
    return ImportProgress(stage, readable, unreadable=len(readable) < len(failures))


def _addresses(failure: object) -> Iterator[str | None]:
    """One entry per failure, ``None`` where it names no address."""
    if isinstance(failure, dict):
        failure = list(failure.values())
    for entry in failure if isinstance(failure, list) else [failure] if failure else ():
        text = entry.get("email") if isinstance(entry, dict) else entry
        yield text.strip() if isinstance(text, str) and "@" in text else None
