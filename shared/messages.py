"""Queue messages: JSON objects, at most 48 KiB before base64.

No member may be named like trigger metadata (``id``, ``dequeueCount``, ``expirationTime``, ``insertionTime``,
``nextVisibleTime``, ``popReceipt``): the Functions host would overwrite it.
"""

from datetime import datetime
from typing import Literal

from pydantic import Field

from shared.documents import Document


class Message(Document):
    """A message of a version this code does not know is refused and ends in the poison queue, where it is answered."""

    version: Literal[1] = 1


class PlanMessage(Message):
    """``export-runs``: plan that run. Only the message with the run's own generation counts."""

    run: str
    generation: int


class BatchMessage(Message):
    """``contact-batches``: post one line of the claim-check file (``offset`` and ``length`` in bytes) at its time.

    ``etag`` is the version of that file.
    ``appointment`` is in seconds since 1970 (UTC), 0 where one has yet to be made. ``attempt`` counts tries in a row
    that came to nothing, ``overslept`` appointments in a row that a busy machine was too late for. ``todo`` lists the
    parts still to be sent, as 0-based positions in the batch, once a refusal made it necessary to send it in parts;
    ``None`` is the batch as it stands. ``repairs`` counts those refusals.
    """

    run: str
    batch: int
    offset: int
    length: int
    etag: str
    contacts: int
    appointment: float
    attempt: int = 0
    overslept: int = 0
    todo: list[list[int]] | None = None
    repairs: int = 0


class WatchMessage(Message):
    """``run-watch``: look after that run. Only the message with the run's own generation counts."""

    run: str
    generation: int


class LookMessage(Message):
    """``segment-drops``: a drop of that segment was not yet whole; look again.

    ``poisoned`` counts how often in a row looking could not be done at all.
    """

    segment: str
    first_seen: datetime
    looks: int = Field(default=1, ge=1)
    poisoned: int = 0
