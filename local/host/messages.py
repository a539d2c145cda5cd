"""What a function is told of a queue message."""

import base64
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from azure.functions.meta import Datum
from azure.storage.queue import QueueMessage

from local.host.errors import CallFailed
from local.host.load import Function
from local.host.values import Metadata
from local.host.worker import Call, Lease, Worker

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Delivery:
    """A message as its handler sees it."""

    id: str
    body: bytes
    dequeue_count: int
    inserted: datetime
    expires: datetime
    next_visible: datetime
    pop_receipt: str


Handler = Callable[[Delivery, Lease], None]
"""Handles one message. Raises CallFailed to have it delivered again, Stopping to have it put back untouched."""


def read_delivery(message: QueueMessage, encoding: str) -> Delivery | None:
    """Decode a message as host.json's messageEncoding asks; None for a body that is not base64."""
    try:
        body = _decode(message.content or "", encoding)
    except ValueError:
        return None
    return Delivery(
        id=message.id,
        body=body,
        dequeue_count=message.dequeue_count or 0,
        inserted=message.inserted_on or datetime.now(UTC),
        expires=message.expires_on or datetime.max.replace(tzinfo=UTC),
        next_visible=message.next_visible_on or datetime.max.replace(tzinfo=UTC),
        pop_receipt=message.pop_receipt or "",
    )


def _decode(content: str, encoding: str) -> bytes:
    if encoding == "none":
        return content.encode()
    # White space is legal, as for Convert.FromBase64String.
    return base64.b64decode("".join(content.split()), validate=True)


def queue_handler(function: Function, queue_name: str, worker: Worker) -> Handler:
    """Make the handler that calls a function with each message."""

    def handle(delivery: Delivery, lease: Lease) -> None:
        try:
            text = delivery.body.decode()
        except UnicodeDecodeError:
            _log.warning("message %s of queue %s is not UTF-8", delivery.id, queue_name)
            raise CallFailed(function.name) from None
        reason = f"New queue message detected on '{queue_name}'."
        worker.call(Call(function, reason, Datum(text, "string"), trigger_metadata(delivery, text)), lease)

    return handle


def trigger_metadata(delivery: Delivery, text: str) -> Metadata:
    """What the host tells about a message; members of a JSON body with the same names take its place.

    Names are compared without case. Arrays and nulls are left out, and other values travel as text.
    """
    metadata = {
        "QueueTrigger": Datum(text, "string"),
        "Id": Datum(delivery.id, "string"),
        "DequeueCount": Datum(str(delivery.dequeue_count), "json"),
        "InsertionTime": _time(delivery.inserted),
        "ExpirationTime": _time(delivery.expires),
        "NextVisibleTime": _time(delivery.next_visible),
        "PopReceipt": Datum(delivery.pop_receipt, "string"),
    }
    names = {name.lower(): name for name in metadata}
    for name, value in _members(text).items():
        if value is not None and not isinstance(value, list):
            metadata[names.setdefault(name.lower(), name)] = _member(value)
    return metadata


def _time(moment: datetime) -> Datum:
    return Datum(json.dumps(moment.isoformat()), "json")


def _members(text: str) -> dict[str, object]:
    try:
        parsed = json.loads(text)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _member(value: object) -> Datum:
    if isinstance(value, dict):
        return Datum(json.dumps(value), "json")
    return Datum(str(value), "string")
