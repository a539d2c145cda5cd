"""Storage for the tests of the host, and apps to run in it."""

import json
import signal
import textwrap
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import azure.functions as func
import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient
from azure.storage.queue import QueueClient, QueueServiceClient, TextBase64EncodePolicy

from local.azurite import Azurite
from local.host import HostFailed, HostProcess
from local.host.connections import Connections
from local.host.load import Function, read_functions
from local.host.outputs import Outputs
from local.host.worker import Worker
from tests.loopback import no_proxy

__all__ = ["no_proxy"]

# What every app of these tests can use: a journal of what was called, which survives the host.
_PREAMBLE = """
import json, logging, os, sys, threading, time, typing
from pathlib import Path
import azure.functions as func
import azurefunctions.extensions.bindings.blob as sdk

app = func.FunctionApp()

def note(**entry):
    with Path(os.environ["JOURNAL"]).open("a") as journal:
        journal.write(json.dumps(entry) + "\\n")
"""

BUNDLE = {"id": "Microsoft.Azure.Functions.ExtensionBundle", "version": "[4.*, 5.0.0)"}
"""Where the bindings of storage come from."""

T = TypeVar("T")


def until(condition: Callable[[], T], seconds: float = 20) -> T:
    """Wait for something that another thread or process does; returns what became true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return found


def runs_until_killed(process: HostProcess) -> bool:
    """Start a host that kills itself, and tell whether it did: that may come before it says that it serves."""
    with suppress(HostFailed):
        process.start()
    return process.wait(20) == -signal.SIGKILL


@dataclass(frozen=True)
class Storage:
    """The emulator, with names that no other test uses."""

    connection_string: str
    queues: QueueServiceClient
    blobs: BlobServiceClient

    def queue(self, *, create: bool = True) -> QueueClient:
        """A queue of its own, taking text as base64."""
        client = self.named_queue(f"q-{uuid.uuid4().hex[:12]}")
        if create:
            client.create_queue()
        return client

    def named_queue(self, name: str) -> QueueClient:
        """A queue that may not exist, taking text as base64."""
        return self.queues.get_queue_client(name, message_encode_policy=TextBase64EncodePolicy())

    def container(self, *, create: bool = True) -> ContainerClient:
        """A container of its own."""
        client = self.blobs.get_container_client(f"c-{uuid.uuid4().hex[:12]}")
        if create:
            client.create_container()
        return client


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    """One Azurite for all tests of the host."""
    with (
        Azurite(tmp_path_factory.mktemp("azurite"), in_memory=True) as azurite,
        QueueServiceClient.from_connection_string(azurite.connection_string) as queues,
        BlobServiceClient.from_connection_string(azurite.connection_string) as blobs,
    ):
        yield Storage(azurite.connection_string, queues, blobs)


@dataclass
class Apps:
    """Writes apps and runs them."""

    folder: Path
    connection_string: str
    running: list[HostProcess] = field(default_factory=list)

    @property
    def journal(self) -> list[dict[str, Any]]:
        """What the functions have noted so far, in order."""
        path = self.folder / "journal"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def log(self) -> str:
        """What the host has printed so far, over all its starts."""
        return (self.folder / "host.log").read_text()

    def write(self, source: str, host_json: Mapping[str, object] | None = None) -> Path:
        """Write an app: `source` follows the preamble, and `host_json` holds the extensions and the rest."""
        app = self.folder / "app"
        app.mkdir(exist_ok=True)
        (app / "function_app.py").write_text(_PREAMBLE + textwrap.dedent(source))
        (app / "host.json").write_text(json.dumps({"version": "2.0", "extensionBundle": BUNDLE, **(host_json or {})}))
        return app

    def process(
        self,
        source: str,
        *,
        host_json: Mapping[str, object] | None = None,
        settings: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
    ) -> HostProcess:
        """A host for an app, not yet started, that ends with the test."""
        process = HostProcess(
            self.write(source, host_json),
            self.folder,
            settings={
                "AzureWebJobsStorage": self.connection_string,
                "JOURNAL": str(self.folder / "journal"),
                **(settings or {}),
            },
            arguments=["--poll-seconds", "0.2", *arguments],
        )
        self.running.append(process)
        return process

    def close(self) -> None:
        """End what a test left running."""
        for process in self.running:
            process.close()


@pytest.fixture
def apps(tmp_path: Path, emulator: Storage) -> Iterator[Apps]:
    """Apps for one test."""
    apps = Apps(tmp_path, emulator.connection_string)
    yield apps
    apps.close()


def queue_settings(**options: object) -> dict[str, object]:
    """host.json with settings for queues, by default with quick polling."""
    return {"extensions": {"queues": {"maxPollingInterval": "00:00:00.2", **options}}}


@pytest.fixture
def worker(emulator: Storage) -> Iterator[Worker]:
    """A worker of its own, whose outputs go to the emulator."""
    connections = Connections({"Storage": emulator.connection_string})
    worker = Worker(Outputs(connections, "base64", lambda _: None))
    yield worker
    worker.stop()
    worker.close()


def only_function(declare: Callable[[func.FunctionApp], object]) -> Function:
    """Read the one function that is declared on an app."""
    app = func.FunctionApp()
    declare(app)
    (function,) = read_functions(app.get_functions(), {})
    return function
