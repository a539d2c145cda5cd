"""A stand-in for the app: uses everything its environment leads to, and prints what it found as JSON.

python -m tests.world.probe SECRET
"""

import json
import os
import sys

import requests
from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import SecretClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

STORAGE = "AzureWebJobsStorage"


def _storage() -> tuple[BlobServiceClient, QueueServiceClient]:
    if text := os.environ.get(STORAGE):
        return BlobServiceClient.from_connection_string(text), QueueServiceClient.from_connection_string(text)
    addresses = [os.environ[f"{STORAGE}__{service}ServiceUri"] for service in ("blob", "queue")]
    credential = DefaultAzureCredential()
    return BlobServiceClient(addresses[0], credential), QueueServiceClient(addresses[1], credential)


def _status(url: str, headers: dict[str, str]) -> int:
    try:
        return requests.get(url, headers=headers, timeout=10).status_code
    except requests.exceptions.ProxyError:
        return 0


def _probe(secret: str) -> dict[str, object]:
    blobs, queues = _storage()
    vault = SecretClient(os.environ["KEY_VAULT_URL"], DefaultAzureCredential())
    key = {"Api-Token": vault.get_secret(secret).value or ""}
    return {
        "containers": sorted(container.name for container in blobs.list_containers()),
        "queues": sorted(queue.name for queue in queues.list_queues()),
        "acme": _status("https://acme.api-us1.com/api/3/users/me", key),
        "other": _status("https://other.api-us1.com/api/3/users/me", key),
        "example": _status("https://example.com/", {}),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_probe(sys.argv[1])))
