"""Everything the app talks to, on one machine: storage, identity, Key Vault, ActiveCampaign, and no other network."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from azure.storage.blob import BlobServiceClient, ContainerClient
from azure.storage.queue import QueueServiceClient

from local.activecampaign.account import Account
from local.activecampaign.server import ActiveCampaignServer
from local.authority import Authority
from local.azurite import Azurite
from local.ending import orderly_termination
from local.host import HostProcess
from local.https import LOOPBACK, HttpsServer
from local.identity import Identity
from local.proxy import Proxy
from local.vault import Vault, VaultServer
from shared.names import QUEUES

APP = Path(__file__).parent.parent
ACTIVECAMPAIGN_HOST = "acme.api-us1.com"
VAULT_HOST = "courier.vault.azure.net"
SEGMENTS, STATE = "segments", "courier"
SETTLE_SECONDS = 2
"""How long a drop has to stand still here, where nobody wants to wait for it."""


class World:
    """The world on one machine, as a context manager: on leaving it, nothing of it is left but `folder`.

    That holds for exceptions, and for Ctrl-C, SIGTERM and SIGHUP when entered in the main thread. `accounts` says which
    ActiveCampaign accounts there are, by host; one at ACTIVECAMPAIGN_HOST if nothing is said. `settings` are laid
    over the app settings. With `identity_storage` the app reaches storage by its identity instead of a key.

    Inside, `drops` and `state` are the containers, `vault` and `accounts` what the services hold, `stand_ins` the
    ActiveCampaign servers with their faults and journals, by host, `proxy.refused` what else the app asked for, and
    `environment` is all that a process needs to be the app. The stand-ins are threads of this process; Azurite and
    the hosts are child processes.
    """

    def __init__(
        self,
        folder: Path,
        *,
        accounts: Mapping[str, Account] | None = None,
        settings: Mapping[str, str] | None = None,
        in_memory: bool = False,
        identity_storage: bool = False,
    ) -> None:
        self.accounts = dict(accounts or {ACTIVECAMPAIGN_HOST: Account()})
        self.vault = Vault()
        self._folder = folder.resolve()
        self._settings = settings or {}
        self._in_memory = in_memory
        self._identity_storage = identity_storage
        self._running = ExitStack()
        self._hosts: list[HostProcess] = []

    @property
    def activecampaign(self) -> Account:
        """The first of the accounts."""
        return next(iter(self.accounts.values()))

    @property
    def environment(self) -> dict[str, str]:
        """App settings, and where identity, proxy and certificates are."""
        bundle = str(self._authority.bundle)
        return {
            **self._storage_settings(),
            "SEGMENTS_CONTAINER": SEGMENTS,
            "STATE_CONTAINER": STATE,
            "KEY_VAULT_URL": f"https://{VAULT_HOST}",
            "REFRESH_SCHEDULE": "0 0 3 * * *",
            "BLOB_TRIGGER_SOURCE": "LogsAndContainerScan",
            "DROP_SETTLE_SECONDS": str(SETTLE_SECONDS),
            "RUN_RETENTION_DAYS": "30",
            "FUNCTIONS_WORKER_RUNTIME": "python",
            "PYTHON_THREADPOOL_THREAD_COUNT": "32",
            "REQUESTS_CA_BUNDLE": bundle,
            "SSL_CERT_FILE": bundle,
            **self.identity.environment,
            **self.proxy.environment,
            **self._settings,
        }

    def start_host(self, *, app: Path = APP, **options: str | float) -> HostProcess:
        """Start a Functions host with this very app, which ends with the world or before.

        Options are those of `python -m local.host`: `port=7071`, `deliver_twice=True`. Raises HostFailed.
        """
        folder = self._folder / f"host-{len(self._hosts) + 1}"
        host = HostProcess(app, folder, settings=self.environment, arguments=_arguments(options))
        self._hosts.append(host)
        return self._running.enter_context(host)

    def lost(self) -> str | None:
        """Say in a sentence which process of the world has ended though nobody asked it to; None if all is well."""
        for host in self._hosts:
            if host.is_lost:
                return f"The Functions host has ended with exit code {host.exit_code}."
        return "Azurite, the storage emulator, has ended." if self.azurite.is_lost else None

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            starting.enter_context(orderly_termination())
            self._authority = Authority(self._folder / "authority")
            self._start_network(starting)
            self._start_storage(starting)
            self._running = starting.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.__exit__(kind, error, trace)

    def _start_network(self, starting: ExitStack) -> None:
        certificate = self._authority.certificate
        self.identity = starting.enter_context(Identity())
        self.stand_ins = {
            host: ActiveCampaignServer(account, certificate.context()) for host, account in self.accounts.items()
        }
        vault = VaultServer(self.vault, self.identity, certificate)
        servers: dict[str, HttpsServer] = {VAULT_HOST: vault, **self.stand_ins}
        for server in servers.values():
            starting.enter_context(server)
        routes = {host: (LOOPBACK, server.port) for host, server in servers.items()}
        self.proxy = starting.enter_context(Proxy(routes))

    def _start_storage(self, starting: ExitStack) -> None:
        certificate = self._authority.certificate if self._identity_storage else None
        storage = Azurite(self._folder / "storage", in_memory=self._in_memory, certificate=certificate)
        self.azurite = starting.enter_context(storage)
        # These clients are ours, not the app's: neither this machine's proxy nor the world's is in their way.
        ways: dict[str, Any] = {"use_env_settings": False, "connection_verify": str(self._authority.bundle)}
        text = self.azurite.connection_string
        blobs = starting.enter_context(BlobServiceClient.from_connection_string(text, **ways))
        self.drops, self.state = (_container(blobs, name) for name in (SEGMENTS, STATE))
        with QueueServiceClient.from_connection_string(text, **ways) as queues:
            _create_queues(queues)

    def _storage_settings(self) -> dict[str, str]:
        if not self._identity_storage:
            text = self.azurite.connection_string
            return {"AzureWebJobsStorage": text, "SegmentStorage": text}
        return {
            "AzureWebJobsStorage__blobServiceUri": self.azurite.blob_url,
            "AzureWebJobsStorage__queueServiceUri": self.azurite.queue_url,
            "SegmentStorage__blobServiceUri": self.azurite.blob_url,
            "SegmentStorage__queueServiceUri": self.azurite.queue_url,
        }


def _arguments(options: Mapping[str, str | float]) -> list[str]:
    arguments = []
    for name, value in options.items():
        arguments.append(f"--{name.replace('_', '-')}")
        if value is not True:
            arguments.append(str(value))
    return arguments


def _container(blobs: BlobServiceClient, name: str) -> ContainerClient:
    container = blobs.get_container_client(name)
    if not container.exists():
        container.create_container()
    return container


def _create_queues(queues: QueueServiceClient) -> None:
    existing = {queue.name for queue in queues.list_queues()}
    for name in QUEUES:
        if name not in existing:
            queues.create_queue(name)
