"""Storage accounts by the name of their connection, as bindings name them."""

from collections.abc import Iterator, Mapping
from functools import cache

import requests
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient
from requests.adapters import HTTPAdapter

from local.host.errors import CannotStart

HOST_STORAGE = "AzureWebJobsStorage"
_CONNECTIONS = 128


class Connections:
    """Clients for the storage accounts that settings describe; safe to share between threads.

    A connection X is the setting AzureWebJobsX or X, holding a connection string, or the settings
    X__blobServiceUri, X__queueServiceUri, X__serviceUri or X__accountName for a DefaultAzureCredential.
    """

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._settings = settings
        self.blobs = cache(self._blobs)
        self.queues = cache(self._queues)

    def _blobs(self, name: str) -> BlobServiceClient:
        text = self._connection_string(name)
        if text:
            return BlobServiceClient.from_connection_string(text, transport=_transport())
        return BlobServiceClient(self._address(name, "blob"), self._credential(name), transport=_transport())

    def _queues(self, name: str) -> QueueServiceClient:
        text = self._connection_string(name)
        if text:
            return QueueServiceClient.from_connection_string(text, transport=_transport())
        return QueueServiceClient(self._address(name, "queue"), self._credential(name), transport=_transport())

    def _connection_string(self, name: str) -> str | None:
        return next(filter(None, map(self._settings.get, _names(name))), None)

    def _address(self, name: str, service: str) -> str:
        for prefix in _names(name):
            for suffix in (f"{service}ServiceUri", "serviceUri"):
                if address := self._settings.get(f"{prefix}__{suffix}"):
                    return address
            if account := self._settings.get(f"{prefix}__accountName"):
                return f"https://{account}.{service}.core.windows.net"
        raise CannotStart(f"no setting {name} (a connection string) or {name}__{service}ServiceUri")

    def _credential(self, name: str) -> DefaultAzureCredential:
        identity = (self._settings.get(f"{prefix}__clientId") for prefix in _names(name))
        return DefaultAzureCredential(managed_identity_client_id=next(filter(None, identity), None))


def _transport() -> RequestsTransport:
    """A connection for each thread that may use the client at once, where the SDK would keep ten."""
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=_CONNECTIONS))
    return RequestsTransport(session=session)


def _names(connection: str) -> Iterator[str]:
    if not connection.startswith("AzureWebJobs"):
        yield f"AzureWebJobs{connection}"
    yield connection
