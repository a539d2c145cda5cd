"""How far a bulk import has come, in every shape in which ActiveCampaign says so.

https://developers.activecampaign.com/reference/bulk-import-status-info; what it leaves open is survived, not guessed.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from html import unescape
from urllib.parse import unquote

from shared.activecampaign.answers import Reply
from shared.activecampaign.reading import parse, whole


class Stage(StrEnum):
    """Where an import is."""

    UNSEEN = "unseen"
    """ActiveCampaign does not know it: not yet, or not any more."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True)
class ImportProgress:
    """``failures`` are the addresses that a completed import did not take, as they are told.

    ``nameless`` is how many failures are told without an address.
    """

    stage: Stage
    failures: tuple[str, ...] = ()
    nameless: int = 0


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
    told = list(_told(document.get("failure")))
    addresses = tuple(address for address in told if address)
    return ImportProgress(stage, addresses, nameless=len(told) - len(addresses))


def _told(failure: object) -> Iterator[str | None]:
    """One entry per failure, ``None`` where it is told without an address."""
    count = whole(failure)
    if count is not None:
        yield from [None] * min(count, _MOST_CONTACTS)
        return
    for entry in _entries(failure):
        addresses = _addresses(entry)
        yield from addresses
        if not addresses:
            yield None


def _entries(failure: object) -> Iterable[object]:
    if isinstance(failure, dict):
        return failure.keys() if any("@" in name for name in failure) else failure.values()
    if isinstance(failure, list):
        return [entry for entry in failure if entry not in _NOTHING] or failure
    return [failure] if failure else []


def _addresses(entry: object) -> list[str]:
    """The addresses in an entry: mostly one, or several in one text."""
    texts = [entry] if isinstance(entry, str) else list(entry.values()) if isinstance(entry, dict) else []
    pieces = (piece for text in texts if isinstance(text, str) for piece in _SEPARATOR.split(unescape(text)))
    return [piece.strip() for piece in pieces if "@" in unquote(piece)]


_NOTHING: tuple[object, ...] = (None, "", [], {})
"""Entries that tell nothing, unless nothing else is told."""

_SEPARATOR = re.compile(r"[,;\n]")
"""Between addresses in one text; none of these is allowed in an address."""

_MOST_CONTACTS = 250
"""No import holds more."""
