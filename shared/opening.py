"""Opens the doors: Azure's clients from the app settings, once per process and not before they are needed."""

import os
import tempfile
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import requests
from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import SecretClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient
from requests.adapters import HTTPAdapter

from shared.courier import Courier
from shared.doors.blobs import READ_BLOCK_BYTES, AzureBlobs
from shared.doors.clock import SystemClock
from shared.doors.queues import AzureQueues
from shared.doors.vault import AzureVault
from shared.settings import StorageAccount, read_settings
from shared.store import Store

_MOST_THREADS = 32
"""Of one worker process (PYTHON_THREADPOOL_THREAD_COUNT): so many connections are kept open to one host at most."""

_VAULT_RETRIES = 2
"""Whoever needs a key has appointments to keep; the step itself is taken again later."""

_threads = threading.local()
_connections = HTTPAdapter(pool_maxsize=_MOST_THREADS)


@cache
def open_courier() -> Courier:
    """The app's hands for this process. ``SettingsInvalid`` names every setting that needs attention."""
    return opened(os.environ)


def opened(environment: Mapping[str, str]) -> Courier:
    """The app's hands for those settings; nothing is connected to yet."""
    settings = read_settings(environment)
    credential = DefaultAzureCredential()
    clock = SystemClock()
    state = _blob_service(settings.host_storage, credential).get_container_client(settings.state_container)
    drops = _blob_service(settings.segment_storage, credential).get_container_client(settings.segments_container)
    return Courier(
        settings=settings,
        clock=clock,
        drops=AzureBlobs(drops),
        store=Store(AzureBlobs(state)),
        queues=AzureQueues(_queue_service(settings.host_storage, credential)),
        vault=AzureVault(SecretClient(settings.key_vault_url, credential, retry_total=_VAULT_RETRIES), clock),
        session=_session,
        workplace=Path(tempfile.gettempdir()),
        planning=threading.Lock(),
    )


def _session() -> requests.Session:
    """One session per thread, as they are not made to be shared, over connections that are.

    Opening a connection takes as long as several questions, and would make a post miss its appointment.
    """
    session: requests.Session | None = getattr(_threads, "session", None)
    if session is None:
        session = _threads.session = requests.Session()
        session.mount("https://", _connections)
    return session


def _blob_service(account: StorageAccount, credential: DefaultAzureCredential) -> BlobServiceClient:
    sizes: dict[str, Any] = {
        "max_single_get_size": READ_BLOCK_BYTES,
        "max_chunk_get_size": READ_BLOCK_BYTES,
    }
    if account.connection_string:
        return BlobServiceClient.from_connection_string(account.connection_string, **sizes)
    return BlobServiceClient(str(account.blob_service_uri), credential=credential, **sizes)


def _queue_service(account: StorageAccount, credential: DefaultAzureCredential) -> QueueServiceClient:
    if account.connection_string:
        return QueueServiceClient.from_connection_string(account.connection_string)
    return QueueServiceClient(str(account.queue_service_uri), credential=credential)
