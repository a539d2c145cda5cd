"""Storage queues through Azure's SDK."""

from azure.storage.queue import QueueServiceClient, TextBase64EncodePolicy

from shared.messages import Message

_LONGEST_DELAY = 7 * 86_400
"""Seconds; https://learn.microsoft.com/rest/api/storageservices/put-message."""


class AzureQueues:
    """The queues of the host's storage account; see ``ports.Queues``. Safe to share between threads."""

    def __init__(self, service: QueueServiceClient) -> None:
        self._service = service

    def send(self, queue: str, message: Message, *, delay: float = 0) -> None:
        """Send a message in base64: the Functions host takes anything else for poison."""
        client = self._service.get_queue_client(queue, message_encode_policy=TextBase64EncodePolicy())
        client.send_message(
            message.model_dump_json(exclude_none=True),
            visibility_timeout=max(0, min(int(delay), _LONGEST_DELAY)),
            time_to_live=-1,
        )
