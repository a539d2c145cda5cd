"""The host's own blobs: where timers stand, which blobs were passed on, and the leases that keep two hosts apart."""

import logging
from contextlib import suppress

from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError
from azure.storage.blob import BlobClient, BlobLeaseClient, ContainerClient

from local.host.connections import HOST_STORAGE, Connections
from local.host.errors import told

CONTAINER = "azure-webjobs-hosts"
HOST_ID = "local"
"""Hosts with one id share their timers and receipts, as the instances of one app do."""

_LEASE_SECONDS = 15  # the shortest that storage grants: https://learn.microsoft.com/rest/api/storageservices/lease-blob
_REFUSED = (409, 412)  # it exists, or another host holds its lease

_log = logging.getLogger(__name__)


def open_container(connections: Connections) -> ContainerClient:
    """Return the container, after creating it if need be."""
    container = connections.blobs(HOST_STORAGE).get_container_client(CONTAINER)
    with suppress(ResourceExistsError):
        container.create_container()
    return container


def create_blob(blob: BlobClient, content: bytes, metadata: dict[str, str] | None = None) -> None:
    """Write a blob unless it exists."""
    try:
        blob.upload_blob(content, metadata=metadata, overwrite=False)
    except HttpResponseError as error:
        if error.status_code not in _REFUSED:
            raise


class BlobLease:
    """A lease that lasts until `release`, or for 15 seconds after the host was killed."""

    interval = _LEASE_SECONDS / 2

    def __init__(self, client: BlobLeaseClient) -> None:
        self.client = client

    @classmethod
    def acquire(cls, blob: BlobClient) -> "BlobLease | None":
        """Take the lease of a blob that exists; None while another host has it."""
        client = BlobLeaseClient(blob)
        try:
            client.acquire(_LEASE_SECONDS)
        except HttpResponseError as error:
            if error.status_code not in _REFUSED:
                raise
            return None
        return cls(client)

    def renew(self) -> None:
        """Hold on for longer; a failure is logged, and the lease may then be another host's."""
        try:
            self.client.renew()
        except AzureError as error:
            _log.warning("a lease in %s could not be renewed: %s", CONTAINER, told(error))

    def release(self) -> None:
        """Let other hosts have it, unless one already has."""
        try:
            self.client.release()
        except HttpResponseError as error:
            if error.status_code not in _REFUSED:
                raise
