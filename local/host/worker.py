"""Calls functions: parameters in, the function on a thread or the event loop, outputs out, a line in the log."""

import asyncio
import concurrent.futures
import contextvars
import itertools
import logging
import math
import os
import signal
import threading
import time
import uuid
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from azure.functions.meta import Datum

from local.host.bindings import RETURN
from local.host.context import CallContext, Out
from local.host.errors import CallFailed, Stopping
from local.host.load import Function
from local.host.outputs import Outputs
from local.host.values import Metadata

_log = logging.getLogger(__name__)

running: contextvars.ContextVar[str] = contextvars.ContextVar("running", default="")
"""The name of the function that the current thread or task runs, for the log."""


class Lease(Protocol):
    """A hold on a message or a blob, renewed while its function runs."""

    @property
    def interval(self) -> float | None:
        """Seconds until the next renewal; None once it is lost."""

    def renew(self) -> None:
        """Hold on for longer; a failure is logged, not raised."""


@dataclass(frozen=True)
class Call:
    """One execution of a function, before it happens."""

    function: Function
    reason: str
    data: Datum
    metadata: Metadata


@dataclass(frozen=True)
class Kill:
    """Ends the host as a power cut would, right before or after the count-th execution of a function."""

    function: str
    count: int
    moment: Literal["before", "after"]


class Worker:
    """Runs calls, each on the thread that asks for it, with the function's body elsewhere.

    `threads` bounds how many synchronous functions run at once (None: Python's default, as in the real worker).
    A call longer than `timeout` seconds counts as failed; unlike the real host, which then replaces the whole
    worker process, its thread runs on.
    """

    def __init__(
        self, outputs: Outputs, *, threads: int | None = None, timeout: float | None = None, kill: Kill | None = None
    ) -> None:
        self._outputs = outputs
        self._timeout = timeout
        self._kill = kill
        self._killable = itertools.count(1)
        self._pool = concurrent.futures.ThreadPoolExecutor(threads, "function")
        self._stopped = False
        self._loop = asyncio.new_event_loop()
        self._loop_thread = threading.Thread(target=self._loop.run_forever, name="event-loop", daemon=True)
        self._loop_thread.start()

    def call(self, call: Call, lease: Lease | None = None) -> Datum | None:
        """Call a function and return what its return binding is given.

        Raises CallFailed (logged with its traceback), or Stopping when `stop` came before the function began.
        """
        if self._stopped:
            raise Stopping
        name, invocation, began = call.function.name, str(uuid.uuid4()), time.monotonic()
        _log.info("Executing 'Functions.%s' (Reason='%s', Id=%s)", name, call.reason, invocation)
        try:
            returned = self._execute(call, invocation, lease)
        except Stopping:
            _log.info("Executed 'Functions.%s' (Not begun, Id=%s)", name, invocation)
            raise
        except Exception as error:
            _log.exception("Executed 'Functions.%s' (Failed, Id=%s, Duration=%dms)", name, invocation, _since(began))
            raise CallFailed(name) from error
        _log.info("Executed 'Functions.%s' (Succeeded, Id=%s, Duration=%dms)", name, invocation, _since(began))
        return returned

    def stop(self) -> None:
        """Begin no more functions; those that run are left to end."""
        self._stopped = True
        self._pool.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """End the event loop, after `stop` and when nothing runs on it any more."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._loop_thread.join()
        self._loop.close()

    def _execute(self, call: Call, invocation: str, lease: Lease | None) -> Datum | None:
        function, signature = call.function, call.function.signature
        holders = {name: Out() for name in function.outputs if name != RETURN}
        arguments: dict[str, object] = {
            function.trigger.name: signature.trigger.decode(call.data, call.metadata),
            **holders,
        }
        if signature.takes_context:
            arguments["context"] = CallContext(invocation, function)
        result = self._wait(self._begin(function, arguments), lease)
        values = {name: holder.get() for name, holder in holders.items()}
        if RETURN in function.outputs:
            values[RETURN] = result
        elif result is not None:
            raise RuntimeError(f"function {function.name} has no return binding, but returned a value")
        return self._send(function, values)

    def _send(self, function: Function, values: dict[str, object]) -> Datum | None:
        # Everything is encoded before anything is sent: an output of a wrong type sends nothing.
        encoded = {
            name: function.signature.outputs[name].encode(value)
            for name, value in values.items()
            if value is not None or name == RETURN
        }
        for name, data in encoded.items():
            self._outputs.send(function.outputs[name], data)
        return encoded.get(RETURN)

    def _begin(self, function: Function, arguments: dict[str, object]) -> Future[object]:
        if function.is_async:
            return asyncio.run_coroutine_threadsafe(self._run_async(function, arguments), self._loop)
        try:
            return self._pool.submit(contextvars.copy_context().run, self._run, function, arguments)
        except RuntimeError:  # the pool was shut down
            raise Stopping from None

    def _run(self, function: Function, arguments: dict[str, object]) -> object:
        self._enter(function, arguments)
        result = function.call(**arguments)
        self._kill_if(function, "after")
        return result

    async def _run_async(self, function: Function, arguments: dict[str, object]) -> object:
        self._enter(function, arguments)
        result: Any = function.call(**arguments)
        awaited: object = await result
        self._kill_if(function, "after")
        return awaited

    def _enter(self, function: Function, arguments: dict[str, object]) -> None:
        running.set(function.name)
        context = arguments.get("context")
        if isinstance(context, CallContext):
            context.thread_local_storage.invocation_id = context.invocation_id
        self._kill_if(function, "before")

    def _kill_if(self, function: Function, moment: Literal["before", "after"]) -> None:
        kill = self._kill
        if kill and (kill.function, kill.moment) == (function.name, moment) and next(self._killable) == kill.count:
            os.kill(os.getpid(), signal.SIGKILL)

    def _wait(self, future: Future[object], lease: Lease | None) -> object:
        ended = threading.Event()
        future.add_done_callback(lambda _: ended.set())
        deadline = time.monotonic() + self._timeout if self._timeout else math.inf
        while True:
            until_renewal = (lease and lease.interval) or math.inf
            pause = min(until_renewal, deadline - time.monotonic())
            if ended.wait(None if pause == math.inf else pause):
                return self._result(future)
            if time.monotonic() >= deadline:
                raise TimeoutError(f"the function ran longer than functionTimeout, {self._timeout:g} s")
            if lease:
                lease.renew()

    def _result(self, future: Future[object]) -> object:
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            if self._stopped:
                raise Stopping from None
            raise  # the function cancelled itself


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
