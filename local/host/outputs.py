"""Output bindings: what a function hands over is sent after it has succeeded."""

import base64
import json
from collections.abc import Callable

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.functions.meta import Datum
from azure.storage.queue import QueueClient

from local.host.bindings import BlobOutput, Output, QueueOutput
from local.host.connections import Connections


class Outputs:
    """Sends to queues and blobs. `sent` is told the name of every queue that got a message."""

    def __init__(self, connections: Connections, encoding: str, sent: Callable[[str], None]) -> None:
        self._connections = connections
        self._encoding = encoding
        self._sent = sent

    def send(self, output: Output, data: Datum) -> None:
        """Send what one output was set to. Raises the storage SDK's errors."""
        if isinstance(output, QueueOutput):
            queue = self._connections.queues(output.connection).get_queue_client(output.queue_name)
            for body in messages(data):
                put(queue, encode(body, self._encoding))
            self._sent(output.queue_name)
        elif isinstance(output, BlobOutput):
            container, _, name = output.path.partition("/")
            blob = self._connections.blobs(output.connection).get_blob_client(container, name)
            blob.upload_blob(data.value, overwrite=True)


def messages(data: Datum) -> list[bytes]:
    """Split what an output was set to into message bodies: a JSON array is a message for each item."""
    if data.type == "bytes":
        return [data.value]
    try:
        items = json.loads(data.value)
    except ValueError:
        items = None
    if not isinstance(items, list):
        return [data.value.encode()]
    return [(item if isinstance(item, str) else json.dumps(item)).encode() for item in items]


def encode(body: bytes, encoding: str) -> str:
    """Write a message body as host.json's messageEncoding asks."""
    return base64.b64encode(body).decode() if encoding == "base64" else body.decode()


def put(queue: QueueClient, content: str) -> None:
    """Add a message as it stands, creating the queue if it does not exist."""
    try:
        queue.send_message(content)
    except ResourceNotFoundError:
        create(queue)
        queue.send_message(content)


def create(queue: QueueClient) -> None:
    """Create a queue unless it exists, which another host may bring about at the same time."""
    try:
        queue.create_queue()
    except ResourceExistsError:
        return
