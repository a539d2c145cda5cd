"""The blob trigger: finds new and changed blobs by polling their container, and passes each on through a queue.

As in the storage extension (ScanBlobScanLogHybridPollingStrategy and BlobTriggerExecutor in azure-sdk-for-net), a
scan turns every new ETag into a message of an internal queue and keeps a receipt for it, and the message leads to the
call. So a call that fails is tried again, a crash loses nothing, and a blob that was handled is not handled again
after a restart. `source="EventGrid"` is served the same way, since nothing on one machine sends its events.
The content of a blob is never read here. Poison messages go to the host's storage account, also where the real host
would use that of the blob.
"""

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.functions.meta import Datum
from azure.storage.blob import ContainerClient
from azure.storage.queue import QueueClient

from local.host.bindings import BlobTrigger
from local.host.connections import Connections
from local.host.errors import Stopping, told
from local.host.hostblobs import HOST_ID, BlobLease, create_blob
from local.host.load import Function
from local.host.messages import Delivery, Handler
from local.host.outputs import encode, put
from local.host.values import ModelBindingData
from local.host.work import Work
from local.host.worker import Call, Lease, Worker

QUEUE = f"azure-webjobs-blobtrigger-{HOST_ID}"
POISON_QUEUE = "webjobs-blobtrigger-poison"
POLL_SECONDS = 10.0  # fixed in the storage extension
_COMPLETED = "completed"

_log = logging.getLogger(__name__)

Version = tuple[str, str]
"""A blob's name and ETag."""


class PathPattern:
    """`container/{name}`: which blobs of which container; a parameter matches slashes too."""

    def __init__(self, path: str) -> None:
        self.container, _, names = path.partition("/")
        fixed = re.split(r"\{\w+\}", names) if names else ["", ""]
        self.prefix = fixed[0]
        self._names = re.compile(".*".join(map(re.escape, fixed)), re.DOTALL)

    def fits(self, name: str) -> bool:
        """Whether a blob of the container is meant."""
        return self._names.fullmatch(name) is not None


class Receipts:
    """Remembers, for one function and across restarts and hosts, which versions of which blobs were passed on."""

    def __init__(self, hosts: ContainerClient, function: str, container: str) -> None:
        self._hosts = hosts
        self._folder = f"blobreceipts/{HOST_ID}/{function}/"
        self._container = container

    def completed(self) -> set[Version]:
        """Every version that has been passed on."""
        found = set()
        for receipt in self._hosts.list_blobs(name_starts_with=self._folder, include=["metadata"]):
            etag, container, name = receipt.name.removeprefix(self._folder).split("/", 2)
            if container == self._container and receipt.metadata.get(_COMPLETED) == "true":
                found.add((name, etag))
        return found

    def once(self, version: Version, act: Callable[[], None]) -> bool:
        """Act unless it has been done for that version; False while another host is at it.

        A host killed after the act and before its receipt is complete has it done once more.
        """
        name, etag = version
        receipt = self._hosts.get_blob_client(f"{self._folder}{etag}/{self._container}/{name}")
        create_blob(receipt, b"", {_COMPLETED: "false"})
        lease = BlobLease.acquire(receipt)
        if lease is None:
            return False
        try:
            if receipt.get_blob_properties().metadata.get(_COMPLETED) != "true":
                act()
                receipt.set_blob_metadata({_COMPLETED: "true"}, lease=lease.client)
        finally:
            lease.release()
        return True


class BlobScanner:
    """Lists the container of one function every `seconds`, and passes on what it has not seen."""

    def __init__(
        self,
        function: Function,
        trigger: BlobTrigger,
        connections: Connections,
        hosts: ContainerClient,
        queue: QueueClient,
        work: Work,
        *,
        seconds: float = POLL_SECONDS,
        sent: Callable[[str], None],
    ) -> None:
        self._function = function
        self._pattern = PathPattern(trigger.path)
        self._container = connections.blobs(trigger.connection).get_container_client(self._pattern.container)
        self._receipts = Receipts(hosts, function.name, self._pattern.container)
        self._queue = queue
        self._work = work
        self._seconds = seconds
        self._sent = sent
        self._passed_on: set[Version] | None = None
        self._trouble = ""

    def run(self) -> None:
        """Scan until the host stops."""
        while not self._work.is_stopping:
            self._try_to_scan()
            self._work.pause(self._seconds)

    def _try_to_scan(self) -> None:
        trouble = ""
        try:
            with self._work.taken():
                self.scan()
        except Stopping:
            return
        except ResourceNotFoundError:
            trouble = f"container {self._pattern.container} does not exist yet"
        except AzureError as error:
            trouble = f"container {self._pattern.container} cannot be scanned: {told(error)}"
        if trouble and trouble != self._trouble:
            _log.warning("%s", trouble)
        self._trouble = trouble

    def scan(self) -> None:
        """Pass on every version that was not passed on before."""
        if self._passed_on is None:
            self._passed_on = self._receipts.completed()
        listed = set(self._list())
        self._passed_on &= listed  # what is gone or changed comes back with another ETag, if ever
        for version in sorted(listed - self._passed_on):
            if self._work.is_stopping:
                return
            if self._receipts.once(version, partial(self._pass_on, version)):
                self._passed_on.add(version)

    def _list(self) -> Iterator[Version]:
        for blob in self._container.list_blobs(name_starts_with=self._pattern.prefix):
            if self._pattern.fits(blob.name):
                yield blob.name, blob.etag.strip('"')

    def _pass_on(self, version: Version) -> None:
        name, etag = version
        message = {
            "Type": "BlobTrigger",
            "FunctionId": self._function.name,
            "BlobType": "BlockBlob",
            "ContainerName": self._pattern.container,
            "BlobName": name,
            "ETag": etag,
        }
        put(self._queue, encode(json.dumps(message).encode(), "base64"))
        self._sent(QUEUE)


def blob_handler(functions: Mapping[str, Function], connections: Connections, worker: Worker) -> Handler:
    """Make the handler of the internal queue: each message leads to a call, if its blob is still the same."""

    def handle(delivery: Delivery, lease: Lease) -> None:
        message = json.loads(delivery.body)
        function = functions.get(message["FunctionId"])
        if function is None or not isinstance(function.trigger, BlobTrigger):
            _log.warning("a blob was found for function %s, which is gone", message["FunctionId"])
            return
        container, name = message["ContainerName"], message["BlobName"]
        blob = connections.blobs(function.trigger.connection).get_blob_client(container, name)
        try:
            etag = blob.get_blob_properties().etag.strip('"')
        except ResourceNotFoundError:
            return
        if etag == message["ETag"]:  # otherwise the newer version has a message of its own
            worker.call(blob_call(function, function.trigger, container, name), lease)

    return handle


def blob_call(function: Function, trigger: BlobTrigger, container: str, name: str) -> Call:
    """Describe the call for a blob: the function gets a reference, and its SDK type the content."""
    reference = {"Connection": trigger.connection, "ContainerName": container, "BlobName": name}
    data = ModelBindingData("1.0", "AzureStorageBlobs", "application/json", json.dumps(reference))
    reason = f"New blob detected({trigger.source}): {container}/{name}"
    return Call(function, reason, Datum(data, "model_binding_data"), {})
