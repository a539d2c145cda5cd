"""The queue trigger: what becomes of a message."""

import base64
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import azure.functions as func
import pytest
from azure.functions.meta import Datum
from azure.functions.queue import QueueMessageInConverter
from azure.storage.queue import QueueClient
from hypothesis import given
from hypothesis import strategies as st

from local.host.errors import CallFailed
from local.host.messages import Delivery, Handler, trigger_metadata
from local.host.queues import QueueListener, poison_queue_name
from local.host.settings import QueueOptions
from local.host.work import Work
from local.host.worker import Lease
from tests.host.conftest import Apps, Storage, queue_settings, runs_until_killed, until

QUICK = QueueOptions(batch_size=4, new_batch_threshold=0, max_polling_interval="00:00:00.2")  # type: ignore[arg-type]


@dataclass
class Handled:
    """A handler that remembers what it was given, and fails when told to."""

    deliveries: list[Delivery] = field(default_factory=list)
    fails: Callable[[Delivery], bool] = lambda _: False

    def __call__(self, delivery: Delivery, lease: Lease) -> None:
        """Handle one message."""
        self.deliveries.append(delivery)
        if self.fails(delivery):
            raise CallFailed("a function")

    @property
    def counts(self) -> list[int]:
        """The dequeue count of each delivery, in order."""
        return [delivery.dequeue_count for delivery in self.deliveries]


@contextmanager
def listening(
    storage: Storage,
    queue: QueueClient,
    handler: Handler,
    *,
    lease_seconds: int = 60,
    twice: bool = False,
    reorder: bool = False,
    **options: object,
) -> Iterator[None]:
    """Listen to a queue with its poison queue, and stop in good order."""
    work = Work()
    name = str(queue.queue_name)
    poison = poison_queue_name(name)
    listener = QueueListener(
        storage.queues.get_queue_client(name),
        storage.queues.get_queue_client(poison) if poison else None,
        QUICK.model_copy(update=options),
        handler,
        work,
        sent=lambda _: None,
        lease_seconds=lease_seconds,
        twice=twice,
        reorder=reorder,
    )
    thread = threading.Thread(target=listener.run)
    thread.start()
    try:
        yield
    finally:
        work.stop()
        listener.ring()
        assert work.drained(10)
        thread.join()


def is_empty(queue: QueueClient) -> bool:
    """Whether a queue holds no message, visible or not."""
    return queue.get_queue_properties().approximate_message_count == 0


def poisoned(storage: Storage, queue: QueueClient) -> list[str]:
    """The contents of a queue's poison queue, as they are stored."""
    messages = storage.queues.get_queue_client(f"{queue.queue_name}-poison").peek_messages(32)
    return [message.content for message in messages]


def test_a_handled_message_is_deleted(emulator: Storage) -> None:
    """After success the message is gone, and it was seen once with all that is known of it."""
    queue, handled = emulator.queue(), Handled()
    sent = queue.send_message("hello")
    with listening(emulator, queue, handled):
        until(lambda: is_empty(queue))
    (delivery,) = handled.deliveries
    assert (delivery.id, delivery.body, delivery.dequeue_count) == (sent.id, b"hello", 1)
    assert abs(delivery.inserted - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_failed_message_comes_back_after_the_visibility_timeout(emulator: Storage) -> None:
    """After a failure the message can be received again, not sooner than host.json says, with its count risen."""
    queue, times = emulator.queue(), list[float]()

    def handle(delivery: Delivery, lease: Lease) -> None:
        times.append(time.monotonic())
        if delivery.dequeue_count < 3:
            raise CallFailed("a function")

    queue.send_message("again")
    with listening(emulator, queue, handle, visibility_timeout=1):
        until(lambda: is_empty(queue))
    assert len(times) == 3
    assert times[1] - times[0] > 0.5
    assert times[2] - times[1] > 0.5


def test_a_message_that_keeps_failing_moves_to_the_poison_queue(emulator: Storage) -> None:
    """After maxDequeueCount failures the body moves as it is; the poison queue is created on demand."""
    queue, handled = emulator.queue(), Handled(fails=lambda _: True)
    queue.send_message("bad")
    with listening(emulator, queue, handled, max_dequeue_count=3):
        until(lambda: is_empty(queue))
    assert handled.counts == [1, 2, 3]
    assert poisoned(emulator, queue) == [base64.b64encode(b"bad").decode()]


def test_a_message_that_killed_the_host_too_often_is_given_up_unseen(emulator: Storage) -> None:
    """A message received more often than allowed, without an outcome, moves to the poison queue without a call."""
    queue, handled = emulator.queue(), Handled()
    queue.send_message("killer")
    for _ in range(2):
        next(iter(queue.receive_messages(visibility_timeout=1)))
        time.sleep(1.2)
    with listening(emulator, queue, handled, max_dequeue_count=2):
        until(lambda: is_empty(queue))
    assert handled.deliveries == []
    assert len(poisoned(emulator, queue)) == 1


@pytest.mark.parametrize("content", ["plain text", "e30", "{}", "é"])
def test_a_body_that_is_not_base64_is_poison_at_once(emulator: Storage, content: str) -> None:
    """Such a message never reaches its function, and moves as it is."""
    queue, handled = emulator.queue(), Handled()
    emulator.queues.get_queue_client(queue.queue_name).send_message(content)
    with listening(emulator, queue, handled):
        until(lambda: is_empty(queue))
    assert handled.deliveries == []
    assert poisoned(emulator, queue) == [content]


def test_without_encoding_a_body_is_taken_as_it_is(emulator: Storage) -> None:
    """MessageEncoding none takes plain text."""
    queue, handled = emulator.queue(), Handled()
    emulator.queues.get_queue_client(queue.queue_name).send_message("plain text")
    with listening(emulator, queue, handled, message_encoding="none"):
        until(lambda: is_empty(queue))
    assert [delivery.body for delivery in handled.deliveries] == [b"plain text"]


def test_a_failed_poison_message_stays_until_its_lease_runs_out(emulator: Storage) -> None:
    """A poison queue has none of its own: a message comes back when its lease is over, maxDequeueCount times in all."""
    queue = emulator.named_queue(f"{emulator.queue(create=False).queue_name}-poison")
    queue.create_queue()
    queue.send_message("bad")
    handled = Handled(fails=lambda _: True)
    with listening(emulator, queue, handled, lease_seconds=1, max_dequeue_count=2):
        until(lambda: handled.counts == [1])
        began = time.monotonic()
        until(lambda: handled.counts == [1, 2])
        assert time.monotonic() - began > 0.5
        time.sleep(2)
    assert handled.counts == [1, 2]
    assert not is_empty(queue)


def test_a_long_call_keeps_its_lease(emulator: Storage) -> None:
    """A message whose handling takes longer than its lease is not delivered to anybody else meanwhile."""
    queue, handled = emulator.queue(), Handled()

    def handle(delivery: Delivery, lease: Lease) -> None:
        handled(delivery, lease)
        ends = time.monotonic() + 5
        while time.monotonic() < ends:
            assert lease.interval
            time.sleep(lease.interval)
            lease.renew()

    queue.send_message("slow")
    with listening(emulator, queue, handle, lease_seconds=3):
        until(lambda: is_empty(queue))
    assert handled.counts == [1]


def test_a_lost_lease_is_given_up_without_harm(emulator: Storage) -> None:
    """When somebody else has received the message meanwhile, renewing stops and deleting leaves theirs alone."""
    queue, handled = emulator.queue(), list[float | None]()

    def received_elsewhere() -> bool:
        return bool(list(queue.receive_messages(visibility_timeout=60)))

    def handle(delivery: Delivery, lease: Lease) -> None:
        until(received_elsewhere)
        lease.renew()
        handled.append(lease.interval)

    queue.send_message("late")
    with listening(emulator, queue, handle, lease_seconds=1):
        until(lambda: handled)
    assert handled == [None]
    assert not is_empty(queue)


def test_a_queue_that_does_not_exist_is_reported_once_and_polled(
    emulator: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    """The trigger never creates its queue: it says so once, and works as soon as somebody has created it."""
    queue, handled = emulator.queue(create=False), Handled()
    with caplog.at_level(logging.WARNING, "local.host.queues"), listening(emulator, queue, handled):
        until(lambda: "does not exist" in caplog.text)
        time.sleep(0.5)  # a few more looks
        assert not any(existing.name == queue.queue_name for existing in emulator.queues.list_queues())
        queue.create_queue()
        queue.send_message("at last")
        until(lambda: handled.deliveries)
    assert caplog.text.count("does not exist") == 1


def test_every_message_can_be_delivered_twice(emulator: Storage) -> None:
    """With the knob turned, each success is followed by another delivery before the message is deleted."""
    queue, handled = emulator.queue(), Handled()
    queue.send_message("once")
    with listening(emulator, queue, handled, twice=True):
        until(lambda: is_empty(queue))
    assert handled.counts == [1, 2]


def test_messages_can_be_delivered_the_wrong_way_round(emulator: Storage) -> None:
    """With the knob turned, what is received together is handled last first, each before the next begins."""
    queue, handled = emulator.queue(), Handled()
    for number in range(6):
        queue.send_message(str(number))
    with listening(emulator, queue, handled, reorder=True):
        until(lambda: is_empty(queue))
    assert [delivery.body for delivery in handled.deliveries] == [b"3", b"2", b"1", b"0", b"5", b"4"]


def test_no_more_messages_are_taken_than_allowed(emulator: Storage) -> None:
    """At most batchSize plus newBatchThreshold messages are in hand at once, and all are handled in the end."""
    queue, lock = emulator.queue(), threading.Lock()
    in_hand, most, done = 0, 0, 0

    def handle(delivery: Delivery, lease: Lease) -> None:
        nonlocal in_hand, most, done
        with lock:
            in_hand += 1
            most = max(most, in_hand)
        time.sleep(0.05)
        with lock:
            in_hand -= 1
            done += 1

    for number in range(20):
        queue.send_message(str(number))
    with listening(emulator, queue, handle, batch_size=3, new_batch_threshold=2):
        until(lambda: is_empty(queue))
    assert done == 20
    assert 3 <= most <= 5


def test_messages_taken_but_not_begun_are_put_back_at_the_end(apps: Apps, emulator: Storage) -> None:
    """On SIGTERM what runs ends, and what waits for a thread goes back to the queue at once."""
    queue = emulator.queue()
    for number in range(3):
        queue.send_message(json.dumps({"number": number}))
    process = apps.process(
        f"""
        @app.queue_trigger(arg_name="msg", queue_name="{queue.queue_name}", connection="AzureWebJobsStorage")
        def slow(msg: func.QueueMessage) -> None:
            note(began=msg.get_json()["number"])
            time.sleep(1.5)
            note(ended=msg.get_json()["number"])
        """,
        host_json=queue_settings(batchSize=4),
        settings={"PYTHON_THREADPOOL_THREAD_COUNT": "1"},
    )
    with process:
        until(lambda: apps.journal)
        assert process.stop() == 0
    assert [list(entry) for entry in apps.journal] == [["began"], ["ended"]]
    assert len(queue.peek_messages(32)) == 2


METADATA_NAMES = ("Id", "DequeueCount", "InsertionTime", "ExpirationTime", "NextVisibleTime", "PopReceipt")
MOMENT = datetime(2026, 8, 24, 9, 0, 0, 123456, UTC)
DELIVERY = Delivery("id-1", b"", 2, MOMENT, MOMENT + timedelta(days=7), MOMENT + timedelta(minutes=10), "receipt-1")


def converted(body: object) -> func.QueueMessage:
    """What a function is given for a message with that JSON body."""
    text = json.dumps(body)
    message: func.QueueMessage = QueueMessageInConverter.decode(
        Datum(text, "string"), trigger_metadata=trigger_metadata(DELIVERY, text)
    )
    return message


def test_a_function_sees_what_is_known_of_its_message() -> None:
    """Id, counts and times pass through azure-functions' own converter unchanged."""
    message = converted({"run": "r-1"})
    assert message.get_json() == {"run": "r-1"}
    assert (message.id, message.dequeue_count, message.pop_receipt) == ("id-1", 2, "receipt-1")
    assert message.insertion_time == MOMENT
    assert message.expiration_time == MOMENT + timedelta(days=7)
    assert message.time_next_visible == MOMENT + timedelta(minutes=10)


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        ({"id": "mine"}, ("mine", 2)),
        ({"ID": 7, "dequeuecount": 9}, ("7", 9)),
        ({"id": None, "dequeueCount": [1]}, ("id-1", 2)),
        ([{"id": "mine"}], ("id-1", 2)),
        ("id", ("id-1", 2)),
        ({"nested": {"id": "mine"}}, ("id-1", 2)),
    ],
)
def test_members_named_like_metadata_take_its_place(body: object, seen: tuple[str, int]) -> None:
    """Top-level members of a JSON object overwrite metadata, whatever the case of their letters."""
    message = converted(body)
    assert (message.id, message.dequeue_count) == seen


@given(
    st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text() | st.lists(st.integers(), max_size=2))
)
def test_members_with_other_names_leave_metadata_alone(body: dict[str, object]) -> None:
    """No JSON object without such names changes what a function sees, and none breaks the call."""
    harmless = {name: value for name, value in body.items() if name.lower() not in map(str.lower, METADATA_NAMES)}
    message = converted(harmless)
    assert (message.id, message.dequeue_count, message.insertion_time) == ("id-1", 2, MOMENT)


@pytest.mark.parametrize(("moment", "runs"), [("before", 1), ("after", 2)])
def test_a_host_killed_around_a_call_leaves_the_message_to_the_next(
    apps: Apps, emulator: Storage, moment: str, runs: int
) -> None:
    """Killed before or after the function, the message comes back once its lease is over, and is handled."""
    queue = emulator.queue()
    queue.send_message("{}")
    source = f"""
        @app.queue_trigger(arg_name="msg", queue_name="{queue.queue_name}", connection="AzureWebJobsStorage")
        def step(msg: func.QueueMessage) -> None:
            note(count=msg.dequeue_count)
    """
    arguments = ["--lease-seconds", "2"]
    killed = apps.process(source, host_json=queue_settings(), arguments=[*arguments, "--kill-at", f"step:1:{moment}"])
    assert runs_until_killed(killed)
    with apps.process(source, host_json=queue_settings(), arguments=arguments):
        until(lambda: is_empty(queue))
    assert [entry["count"] for entry in apps.journal] == [1, 2][-runs:]
