"""The host: an app's functions with everything that triggers them."""

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

from azure.core.exceptions import AzureError
from azure.storage.blob import ContainerClient

from local.host import blobs, outputs, queues
from local.host.bindings import BlobTrigger, HttpTrigger, QueueTrigger, TimerTrigger
from local.host.byhand import call_by_hand
from local.host.checks import check_bundle, check_connections, check_kill, is_disabled, thread_count
from local.host.connections import HOST_STORAGE, Connections
from local.host.errors import CallFailed, CannotStart, Stopping, told
from local.host.hostblobs import open_container
from local.host.http import Front
from local.host.load import Function
from local.host.messages import Handler, queue_handler
from local.host.queues import QueueListener
from local.host.server import LOOPBACK, HttpServer
from local.host.settings import HostJson, QueueOptions
from local.host.timers import Timer
from local.host.work import Work
from local.host.worker import Call, Kill, Worker

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """What a test or a person at the command line can choose."""

    port: int = 0
    function_key: str | None = None
    lease_seconds: int = queues.LEASE_SECONDS
    poll_seconds: float = blobs.POLL_SECONDS
    deliver_twice: bool = False
    reorder: bool = False
    kill: Kill | None = None


class Host:
    """Runs functions until it is stopped. Raises CannotStart when they ask for what the settings do not have."""

    def __init__(
        self, functions: Sequence[Function], host_json: HostJson, settings: Mapping[str, str], options: Options
    ) -> None:
        self.functions = [function for function in functions if not is_disabled(function, settings)]
        self._connections = Connections(settings)
        check_connections(self.functions, self._connections)
        check_bundle(self.functions, host_json)
        check_kill(options.kill, self.functions)
        self._options = options
        self._queue_options = host_json.extensions.queues
        self._blob_options = host_json.extensions.blobs.as_queue()
        self._work = Work()
        self._worker = Worker(
            outputs.Outputs(self._connections, self._queue_options.message_encoding, self._ring),
            threads=thread_count(settings),
            timeout=host_json.function_timeout,
            kill=options.kill,
        )
        self._prefix = host_json.extensions.http.route_prefix.strip("/")
        front = Front(self.functions, self._prefix, self._worker, self._fire, options.function_key)
        self._server = _bound(front, self._work, options.port)
        self._listeners: list[QueueListener] = []

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        return self._server.server_port

    @property
    def url(self) -> str:
        """Where HTTP is served, without a slash at the end."""
        return f"http://{LOOPBACK}:{self.port}"

    def start(self) -> None:
        """Serve, poll and wait for ticks, all on threads of their own. Raises CannotStart without storage."""
        try:
            sources = list(self._sources())
        except AzureError as error:
            raise CannotStart(f"{HOST_STORAGE} cannot be used: {told(error)}") from error
        for name, run in sources:
            threading.Thread(target=_run_for_good, args=(name, run), name=name, daemon=True).start()
        self._server.start()

    def stop(self, seconds: float) -> bool:
        """Take on nothing more, and wait for what runs, at most so long; returns whether all of it ended."""
        self._work.stop()
        self._worker.stop()
        self._server.shutdown()
        drained = self._work.drained(seconds)
        if drained:
            self._worker.close()
        return drained

    def listing(self) -> Iterator[str]:
        """One line for each function, as Core Tools prints them."""
        for function in self.functions:
            trigger = function.trigger
            if isinstance(trigger, HttpTrigger):
                path = "/".join(filter(None, (self._prefix, trigger.route.template)))
                yield f"{function.name}: [{','.join(trigger.methods)}] {self.url}/{path}"
            else:
                yield f"{function.name}: {trigger.type}"

    def _sources(self) -> Iterator[tuple[str, Callable[[], None]]]:
        for function in self.functions:
            if isinstance(function.trigger, QueueTrigger):
                yield f"queue-{function.name}", self._queue(function, function.trigger).run
        own = [f for f in self.functions if isinstance(f.trigger, TimerTrigger | BlobTrigger)]
        if own:
            yield from self._host_sources(own, open_container(self._connections))

    def _host_sources(
        self, functions: Sequence[Function], container: ContainerClient
    ) -> Iterator[tuple[str, Callable[[], None]]]:
        """The triggers that keep their own state in the host's storage."""
        for function in functions:
            if isinstance(function.trigger, TimerTrigger):
                timer = Timer(function, function.trigger, container, self._worker, self._work)
                yield f"timer-{function.name}", timer.run
            if isinstance(function.trigger, BlobTrigger):
                yield f"blobs-{function.name}", self._scanner(function, function.trigger, container).run
        if any(isinstance(function.trigger, BlobTrigger) for function in functions):
            outputs.create(self._connections.queues(HOST_STORAGE).get_queue_client(blobs.QUEUE))
            by_name = {function.name: function for function in functions}
            handler = blobs.blob_handler(by_name, self._connections, self._worker)
            yield "blobs", self._listen(HOST_STORAGE, blobs.QUEUE, blobs.POISON_QUEUE, self._blob_options, handler).run

    def _queue(self, function: Function, trigger: QueueTrigger) -> QueueListener:
        name = trigger.queue_name
        handler = queue_handler(function, name, self._worker)
        poison = queues.poison_queue_name(name)
        return self._listen(trigger.connection, name, poison, self._queue_options, handler)

    def _scanner(self, function: Function, trigger: BlobTrigger, container: ContainerClient) -> blobs.BlobScanner:
        queue = self._connections.queues(HOST_STORAGE).get_queue_client(blobs.QUEUE)
        return blobs.BlobScanner(
            function,
            trigger,
            self._connections,
            container,
            queue,
            self._work,
            seconds=self._options.poll_seconds,
            sent=self._ring,
        )

    def _listen(
        self, connection: str, queue: str, poison: str | None, options: QueueOptions, handler: Handler
    ) -> QueueListener:
        service = self._connections.queues(connection)
        listener = QueueListener(
            service.get_queue_client(queue),
            service.get_queue_client(poison) if poison else None,
            options,
            handler,
            self._work,
            sent=self._ring,
            lease_seconds=self._options.lease_seconds,
            twice=self._options.deliver_twice,
            reorder=self._options.reorder,
        )
        self._listeners.append(listener)
        return listener

    def _ring(self, queue: str) -> None:
        for listener in self._listeners:
            if listener.queue_name == queue:
                listener.ring()

    def _fire(self, name: str, given: str) -> HTTPStatus:
        """Call a function by hand, in the background."""
        function = next((one for one in self.functions if one.name.lower() == name.lower()), None)
        if function is None:
            return HTTPStatus.NOT_FOUND
        call = call_by_hand(function, given)
        if call is None:
            return HTTPStatus.BAD_REQUEST
        self._work.add()
        threading.Thread(target=self._run_by_hand, args=(call,), name=f"by-hand-{name}", daemon=True).start()
        return HTTPStatus.ACCEPTED

    def _run_by_hand(self, call: Call) -> None:
        try:
            with suppress(CallFailed, Stopping):
                self._worker.call(call)
        finally:
            self._work.done()


def _bound(front: Front, work: Work, port: int) -> HttpServer:
    try:
        return HttpServer(front.answer, work, port)
    except OSError as error:
        raise CannotStart(f"port {port} cannot be used: {error.strerror}") from error


def _run_for_good(name: str, run: Callable[[], None]) -> None:
    """Run a trigger's loop. A host that had lost one would look alive and do nothing, so it ends instead."""
    try:
        run()
    except BaseException:
        _log.critical("%s is broken: the host ends", name, exc_info=True)
        os._exit(1)
