"""One call of a function: what it is given, where it runs, and what becomes of what it returns."""

import asyncio
import base64
import logging
import threading
import time
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import azure.functions as func
import pytest
from azure.functions.meta import Datum
from azure.storage.queue import QueueClient

from local.host.connections import Connections
from local.host.errors import CallFailed, Stopping
from local.host.load import Function
from local.host.outputs import Outputs
from local.host.worker import Call, Worker
from tests.host.conftest import Storage, only_function, until

NO_OUTPUTS = Outputs(Connections({}), "base64", lambda _: None)


@contextmanager
def working(*, threads: int | None = None, timeout: float | None = None) -> Iterator[Worker]:
    """A worker without outputs."""
    worker = Worker(NO_OUTPUTS, threads=threads, timeout=timeout)
    try:
        yield worker
    finally:
        worker.stop()
        worker.close()


def call(function: Function, text: str = "{}") -> Call:
    """A call of a function with a queue trigger."""
    return Call(function, "a test", Datum(text, "string"), {})


def on_queue(function: Callable[..., object]) -> Function:
    """A function with a queue trigger `msg`."""
    return only_function(
        lambda app: app.queue_trigger(arg_name="msg", queue_name="work", connection="Storage")(function)
    )


def with_output(function: Callable[..., object], queue: QueueClient, name: str = "out") -> Function:
    """A function with a queue trigger `msg` and a queue output."""

    def declare(app: func.FunctionApp) -> object:
        output = app.queue_output(arg_name=name, queue_name=queue.queue_name, connection="Storage")
        return app.queue_trigger(arg_name="msg", queue_name="work", connection="Storage")(output(function))

    return only_function(declare)


def contents(queue: QueueClient) -> list[str]:
    """The messages of a queue, decoded, in alphabetical order."""
    return sorted(base64.b64decode(message.content).decode() for message in queue.peek_messages(32))


def test_synchronous_functions_share_threads_and_async_ones_the_loop() -> None:
    """Plain functions run on threads of the pool, async functions on the one event loop; both see their context."""
    seen: list[tuple[str, str, str]] = []

    def note(context: func.Context) -> None:
        invocation = typing.cast("str", context.thread_local_storage.invocation_id)  # type: ignore[attr-defined]
        assert invocation == context.invocation_id
        seen.append((context.function_name, context.function_directory, threading.current_thread().name))

    def plain(msg: func.QueueMessage, context: func.Context) -> None:
        note(context)

    async def coroutine(msg: func.QueueMessage, context: func.Context) -> None:
        note(context)

    with working() as worker:
        worker.call(call(on_queue(plain)))
        worker.call(call(on_queue(coroutine)))
    (first, second) = seen
    assert first[0] == "plain"
    assert first[1].endswith("tests/host")
    assert first[2].startswith("function_")
    assert (second[0], second[2]) == ("coroutine", "event-loop")


def test_calls_and_their_outcome_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Every call has a line at its beginning and one at its end, with the same id; a failure has its traceback."""

    def good(msg: func.QueueMessage) -> None: ...

    def bad(msg: func.QueueMessage) -> None:
        raise ValueError("because")

    with working() as worker, caplog.at_level(logging.INFO, "local.host"):
        worker.call(call(on_queue(good)))
        with pytest.raises(CallFailed):
            worker.call(call(on_queue(bad)))
    lines = [record.message for record in caplog.records if record.name.startswith("local.host")]
    begun, ended, begun_badly, ended_badly = lines
    assert begun.startswith("Executing 'Functions.good' (Reason='a test', Id=")
    assert ended.startswith("Executed 'Functions.good' (Succeeded, Id=" + begun.split("Id=")[1].rstrip(")"))
    assert begun_badly.startswith("Executing 'Functions.bad'")
    assert ended_badly.startswith("Executed 'Functions.bad' (Failed, Id=")
    assert "ValueError: because" in caplog.text


def test_a_value_without_a_return_binding_fails_the_call(caplog: pytest.LogCaptureFixture) -> None:
    """As in the worker, a function without a return binding must return nothing."""

    def returns(msg: func.QueueMessage) -> None:
        return "something"  # type: ignore[return-value]

    with working() as worker, pytest.raises(CallFailed):
        worker.call(call(on_queue(returns)))
    assert "has no return binding" in caplog.text


@pytest.mark.parametrize(("kind", "expected"), [(str, '{"a": 1}'), (bytes, b"{}")])
def test_a_message_can_be_taken_as_text(kind: type, expected: str | bytes) -> None:
    """A parameter annotated as str or bytes is given the body itself."""
    seen = []

    def take(msg: object) -> None:
        seen.append(msg)

    take.__annotations__["msg"] = kind
    with working() as worker:
        data = Datum(expected, "string" if kind is str else "bytes")
        worker.call(Call(on_queue(take), "a test", data, {}))
    assert seen == [expected]


def test_a_function_that_runs_too_long_fails(caplog: pytest.LogCaptureFixture) -> None:
    """A call longer than functionTimeout has failed, also if the function ends later."""
    release = threading.Event()

    def endless(msg: func.QueueMessage) -> None:
        release.wait(10)

    with working(timeout=0.2) as worker:
        with pytest.raises(CallFailed):
            worker.call(call(on_queue(endless)))
        release.set()
    assert "longer than functionTimeout, 0.2 s" in caplog.text


def test_time_outs_and_cancellations_of_the_function_itself_are_failures() -> None:
    """A TimeoutError or CancelledError that the function raises is not mistaken for ours."""

    def gives_up(msg: func.QueueMessage) -> None:
        raise TimeoutError

    async def cancels(msg: func.QueueMessage) -> None:
        raise asyncio.CancelledError

    for function in (gives_up, cancels):
        with working() as worker, pytest.raises(CallFailed):
            worker.call(call(on_queue(function)))


@dataclass
class ShortLease:
    """A lease that is to be renewed every few milliseconds."""

    interval: float | None = 0.05
    renewals: int = 0

    def renew(self) -> None:
        """Count, and be lost at the third time."""
        self.renewals += 1
        if self.renewals == 3:
            self.interval = None


def test_a_lease_is_renewed_while_the_function_runs() -> None:
    """The lease of a call is renewed again and again until the function ends or the lease is lost."""
    lease = ShortLease()

    def slow(msg: func.QueueMessage) -> None:
        until(lambda: lease.interval is None)
        time.sleep(0.2)

    with working() as worker:
        worker.call(call(on_queue(slow)), lease)
    assert lease.renewals == 3


def test_a_call_that_waits_for_a_thread_is_as_if_never_taken(caplog: pytest.LogCaptureFixture) -> None:
    """Stopping ends what has not begun with Stopping, and lets the rest end."""
    began, release, outcomes = threading.Event(), threading.Event(), list[str]()

    def slow(msg: func.QueueMessage) -> None:
        began.set()
        release.wait(10)

    def run(worker: Worker) -> None:
        try:
            worker.call(call(on_queue(slow)))
            outcomes.append("ended")
        except Stopping:
            outcomes.append("stopping")
            release.set()

    with working(threads=1) as worker, caplog.at_level(logging.INFO, "local.host"):
        callers = [threading.Thread(target=run, args=(worker,)) for _ in range(2)]
        callers[0].start()
        began.wait(10)
        callers[1].start()
        until(lambda: caplog.text.count("Executing") == 2)
        worker.stop()
        for caller in callers:
            caller.join(10)
        with pytest.raises(Stopping):
            worker.call(call(on_queue(slow)))
    assert outcomes == ["stopping", "ended"]


@pytest.mark.parametrize(
    ("value", "messages"),
    [("one", ["one"]), ('["a", "b", {"c": 1}]', ["a", "b", '{"c": 1}']), ('{"a": 1}', ['{"a": 1}'])],
)
def test_an_output_is_sent_after_success(worker: Worker, emulator: Storage, value: str, messages: list[str]) -> None:
    """A message is sent in base64, a JSON array as one message for each item, after the function has ended."""
    queue = emulator.queue(create=False)

    def sends(msg: func.QueueMessage, out: func.Out[str]) -> None:
        out.set(value)
        assert not any(found.name == queue.queue_name for found in emulator.queues.list_queues())

    worker.call(call(with_output(sends, queue)))
    assert contents(emulator.queues.get_queue_client(queue.queue_name)) == sorted(messages)


def test_several_messages_and_bytes_can_be_sent(worker: Worker, emulator: Storage) -> None:
    """typing.List[str] sends each item, bytes one message as they are, and what was not set sends nothing."""
    queue = emulator.queue()

    def lists(msg: func.QueueMessage, out: func.Out[typing.List[str]]) -> None:  # noqa: UP006
        out.set(["x", "[y]"])

    def raw(msg: func.QueueMessage, out: func.Out[bytes]) -> None:
        out.set(b"[1, 2]")

    def silent(msg: func.QueueMessage, out: func.Out[str]) -> None: ...

    for function in (lists, raw, silent):
        worker.call(call(with_output(function, queue)))
    assert contents(emulator.queues.get_queue_client(queue.queue_name)) == ["[1, 2]", "[y]", "x"]


def test_a_return_value_can_be_a_message(worker: Worker, emulator: Storage) -> None:
    """An output named $return sends what the function returns."""
    queue = emulator.queue()

    def returns(msg: func.QueueMessage) -> str:
        return "returned"

    worker.call(call(with_output(returns, queue, "$return")))
    assert contents(emulator.queues.get_queue_client(queue.queue_name)) == ["returned"]


def test_nothing_is_sent_when_the_call_fails(worker: Worker, emulator: Storage) -> None:
    """A function that raises, or sets an output to something that cannot be sent, sends nothing."""
    queue = emulator.queue()

    def raises(msg: func.QueueMessage, out: func.Out[str]) -> None:
        out.set("never")
        raise RuntimeError

    def mistaken(msg: func.QueueMessage, out: func.Out[str]) -> None:
        out.set(5)  # type: ignore[arg-type]

    for function in (raises, mistaken):
        with pytest.raises(CallFailed):
            worker.call(call(with_output(function, queue)))
    assert contents(emulator.queues.get_queue_client(queue.queue_name)) == []


def test_a_blob_can_be_an_output(worker: Worker, emulator: Storage) -> None:
    """A blob output writes the blob with the path of the binding."""
    container = emulator.container()

    def writes(msg: func.QueueMessage, out: func.Out[str]) -> None:
        out.set("content")

    def declare(app: func.FunctionApp) -> object:
        output = app.blob_output(arg_name="out", path=f"{container.container_name}/a/b.txt", connection="Storage")
        return app.queue_trigger(arg_name="msg", queue_name="work", connection="Storage")(output(writes))

    worker.call(call(only_function(declare)))
    assert container.download_blob("a/b.txt").readall() == b"content"
