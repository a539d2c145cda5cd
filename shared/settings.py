"""App settings, read from the environment once and checked all together."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import urlsplit

from shared.errors import SettingsInvalid

_CONTAINER = re.compile(r"^(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$")
BlobTriggerSource = Literal["EventGrid", "LogsAndContainerScan"]


@dataclass(frozen=True)
class StorageAccount:
    """How to reach one storage account: a connection string, or service addresses with an identity."""

    connection_string: str | None
    blob_service_uri: str | None
    queue_service_uri: str | None


@dataclass(frozen=True)
class Settings:
    """The app settings of the README, with their defaults."""

    host_storage: StorageAccount
    segment_storage: StorageAccount
    segments_container: str
    state_container: str
    key_vault_url: str
    refresh_schedule: str
    blob_trigger_source: BlobTriggerSource
    drop_settle_seconds: int
    run_retention_days: int


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read every setting; ``SettingsInvalid`` names all that need attention at once.

    What a trigger is bound to has no default: the Functions host reads such a setting by itself, and does not load the
    trigger without it.
    """
    reader = _Reader(environment)
    settings = Settings(
        host_storage=reader.storage("AzureWebJobsStorage"),
        segment_storage=reader.storage("SegmentStorage"),
        segments_container=reader.container("SEGMENTS_CONTAINER"),
        state_container=reader.container("STATE_CONTAINER", "courier"),
        key_vault_url=reader.https("KEY_VAULT_URL"),
        refresh_schedule=reader.schedule("REFRESH_SCHEDULE"),
        blob_trigger_source=reader.blob_source("BLOB_TRIGGER_SOURCE"),
        drop_settle_seconds=reader.whole("DROP_SETTLE_SECONDS", 120, 0, 86_400),
        run_retention_days=reader.whole("RUN_RETENTION_DAYS", 30, 1, 3_650),
    )
    if settings.segments_container == settings.state_container:
        reader.problems["STATE_CONTAINER"] = "is the container of the drops: documents need one of their own"
    if reader.problems:
        raise SettingsInvalid(reader.problems)
    return settings


def blob_trigger_source(environment: Mapping[str, str]) -> BlobTriggerSource:
    """What the blob trigger is registered with: that cannot wait for all settings to be read, and must not fail."""
    return "LogsAndContainerScan" if environment.get("BLOB_TRIGGER_SOURCE") == "LogsAndContainerScan" else "EventGrid"


class _Reader:
    """Collects problems by setting name, so that one message can name them all."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.problems: dict[str, str] = {}

    def text(self, name: str, default: str | None = None) -> str:
        value = self._environment.get(name, "").strip() or default
        if value is None:
            self.problems[name] = "is missing"
            return ""
        if value.startswith("@Microsoft.KeyVault("):
            self.problems[name] = "is a Key Vault reference that was not resolved: check the app's identity and role"
        return value

    def storage(self, name: str) -> StorageAccount:
        connection_string = self._environment.get(name)
        account = self._environment.get(f"{name}__accountName")
        blob = self._environment.get(f"{name}__blobServiceUri") or _service(account, "blob")
        queue = self._environment.get(f"{name}__queueServiceUri") or _service(account, "queue")
        if not connection_string and not blob:
            self.problems[name] = f"is missing: set a connection string, or {name}__blobServiceUri for an identity"
        elif not connection_string and not queue:
            self.problems[f"{name}__queueServiceUri"] = f"is missing beside {name}__blobServiceUri"
        return StorageAccount(connection_string or None, blob, queue)

    def container(self, name: str, default: str | None = None) -> str:
        value = self.text(name, default)
        if name not in self.problems and not _CONTAINER.match(value):
            self.problems[name] = "is not a container name (3 to 63 lower-case letters, digits and single hyphens)"
        return value

    def https(self, name: str) -> str:
        value = self.text(name)
        parts = urlsplit(value)
        if name not in self.problems and (parts.scheme != "https" or not parts.hostname):
            self.problems[name] = "is not an https address such as https://<vault>.vault.azure.net"
        return value.rstrip("/")

    def schedule(self, name: str) -> str:
        value = self.text(name)
        if name not in self.problems and len(value.split()) != 6:
            self.problems[name] = "is not an NCRONTAB expression of six fields such as 0 0 3 * * *"
        return value

    def blob_source(self, name: str) -> BlobTriggerSource:
        known = get_args(BlobTriggerSource)
        if self.text(name, "EventGrid") not in known:
            self.problems[name] = f"is not one of {', '.join(known)}"
        return blob_trigger_source(self._environment)

    def whole(self, name: str, default: int, lowest: int, highest: int) -> int:
        value = self.text(name, str(default))
        if not value.isdecimal() or not lowest <= int(value) <= highest:
            self.problems[name] = f"is not a whole number from {lowest} to {highest}"
            return default
        return int(value)


def _service(account: str | None, service: str) -> str | None:
    return f"https://{account}.{service}.core.windows.net" if account else None
