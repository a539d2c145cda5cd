"""The queue trigger: receives messages under a lease, has them handled, and decides what becomes of each.

Follows the storage extension (QueueListener and QueueProcessor in azure-sdk-for-net).
"""

import concurrent.futures
import logging
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.storage.queue import QueueClient, QueueMessage

from local.host.errors import CallFailed, Stopping, told
from local.host.messages import Delivery, Handler, read_delivery
from local.host.outputs import put
from local.host.settings import QueueOptions
from local.host.work import Work

LEASE_SECONDS = 600  # fixed in the storage extension
_POISON = "-poison"
_SHORTEST_PAUSE = 0.1  # seconds; QueuePollingIntervals.Minimum of the storage extension
_JITTER = 0.2

_log = logging.getLogger(__name__)


class QueueListener:
    """Polls one queue until there is nothing more to do for the host.

    A queue whose name ends in -poison has no poison queue of its own: a message that fails there comes back when
    its lease runs out. With `twice`, every message is handled again after it was handled with success; with `reorder`,
    what is received together is handled the wrong way round, each message after the one before has been.
    `sent` is told the name of the poison queue when a message goes there.
    """

    def __init__(
        self,
        queue: QueueClient,
        poison: QueueClient | None,
        options: QueueOptions,
        handler: Handler,
        work: Work,
        *,
        sent: Callable[[str], None],
        lease_seconds: int = LEASE_SECONDS,
        twice: bool = False,
        reorder: bool = False,
    ) -> None:
        self._queue = queue
        self._poison = poison
        self._options = options
        self._handler = handler
        self._work = work
        self._sent = sent
        self._lease_seconds = lease_seconds
        self._twice = twice
        self._reorder = reorder
        self._bell = threading.Event()
        self._room = threading.Condition()
        self._in_hand = 0
        self._trouble = ""
        most = options.batch_size + options.new_batch_threshold
        self._pool = concurrent.futures.ThreadPoolExecutor(most, f"queue-{queue.queue_name}")

    @property
    def queue_name(self) -> str:
        """The queue that is polled."""
        return str(self._queue.queue_name)

    def ring(self) -> None:
        """Say that a message was just sent, so that the next poll comes at once."""
        self._bell.set()

    def run(self) -> None:
        """Poll until the host stops."""
        pauses = _pauses(self._options.max_polling_interval)
        while not self._work.is_stopping:
            self._wait_for_room()
            if self._poll():
                pauses = _pauses(self._options.max_polling_interval)
                continue
            self._bell.wait(next(pauses))
            self._bell.clear()

    def _wait_for_room(self) -> None:
        with self._room:
            self._room.wait_for(lambda: self._in_hand <= self._options.new_batch_threshold)

    def _poll(self) -> int:
        """Receive a batch and have its messages handled on threads of their own; returns how many there were."""
        try:
            with self._work.taken():
                messages = self._receive()
                for group in [messages[::-1]] if self._reorder else [[message] for message in messages]:
                    self._submit(group)
        except Stopping:
            return 0
        return len(messages)

    def _receive(self) -> list[QueueMessage]:
        try:
            pages = self._queue.receive_messages(
                messages_per_page=self._options.batch_size, visibility_timeout=self._lease_seconds
            ).by_page()
            messages = [message for page in islice(pages, 1) for message in page]
        except ResourceNotFoundError:
            self._say(f"queue {self.queue_name} does not exist yet; a trigger never creates its queue")
            return []
        except AzureError as error:
            self._say(f"queue {self.queue_name} cannot be read: {told(error)}")
            return []
        self._trouble = ""
        return messages

    def _say(self, trouble: str) -> None:
        """Log a condition once, however long it lasts."""
        if trouble != self._trouble:
            _log.warning("%s", trouble)
        self._trouble = trouble

    def _submit(self, messages: Sequence[QueueMessage]) -> None:
        """Have messages handled one after the other, beside those of other calls."""
        for _ in messages:
            self._work.add()
        with self._room:
            self._in_hand += len(messages)
        self._pool.submit(self._take_all, messages)

    def _take_all(self, messages: Sequence[QueueMessage]) -> None:
        for message in messages:
            self._take(message)

    def _take(self, message: QueueMessage) -> None:
        hold = _Hold(self._queue, message, self._lease_seconds)
        try:
            self._process(message, hold)
        except Stopping:
            hold.release(0)
        except Exception:
            # The lease runs out, and the message comes back.
            _log.exception("message %s of queue %s could not be processed", message.id, self.queue_name)
        finally:
            with self._room:
                self._in_hand -= 1
                self._room.notify_all()
            self._work.done()

    def _process(self, message: QueueMessage, hold: "_Hold") -> None:
        delivery = read_delivery(message, self._options.message_encoding)
        if delivery is None:
            self._give_up(message, hold, "its body is not base64")
        elif delivery.dequeue_count > self._options.max_dequeue_count:
            self._give_up(message, hold, self._tried_often)
        else:
            self._handle(message, delivery, hold)

    def _handle(self, message: QueueMessage, delivery: Delivery, hold: "_Hold") -> None:
        try:
            self._handler(delivery, hold)
            if self._twice:
                self._handler(replace(delivery, dequeue_count=delivery.dequeue_count + 1), hold)
        except CallFailed:
            if delivery.dequeue_count >= self._options.max_dequeue_count:
                self._give_up(message, hold, self._tried_often)
            elif self._poison:
                hold.release(round(self._options.visibility_timeout))
        else:
            hold.delete()

    @property
    def _tried_often(self) -> str:
        return f"it was tried {self._options.max_dequeue_count} times"

    def _give_up(self, message: QueueMessage, hold: "_Hold", reason: str) -> None:
        if self._poison is None:
            return
        name = self._poison.queue_name
        _log.warning("message %s of queue %s moves to %s: %s", message.id, self.queue_name, name, reason)
        put(self._poison, message.content or "")
        hold.delete()
        self._sent(name)


class _Hold:
    """The lease of a message, by its newest pop receipt."""

    def __init__(self, queue: QueueClient, message: QueueMessage, seconds: int) -> None:
        self._queue = queue
        self._id: str = message.id
        self._receipt = message.pop_receipt
        self._seconds = seconds
        self.interval: float | None = seconds / 2

    def renew(self) -> None:
        """Push the end of the lease out; if the message is lost, another delivery is on its way and this ends."""
        try:
            self._update(self._seconds)
        except AzureError as error:
            _log.warning("lease of message %s could not be renewed: %s", self._id, told(error))
            if _is_lost(error):
                self.interval = None

    def release(self, seconds: int) -> None:
        """Let the message be received again, after so many seconds."""
        self._unless_lost(lambda: self._update(seconds))

    def delete(self) -> None:
        """The message is done with."""
        self._unless_lost(lambda: self._queue.delete_message(self._id, self._receipt))

    def _update(self, seconds: int) -> None:
        changed = self._queue.update_message(self._id, self._receipt, visibility_timeout=seconds)
        self._receipt = changed.pop_receipt

    def _unless_lost(self, act: Callable[[], None]) -> None:
        try:
            act()
        except HttpResponseError as error:
            if not _is_lost(error):
                raise
            _log.warning("message %s was received by somebody else, or is gone", self._id)


def _is_lost(error: AzureError) -> bool:
    """Whether the pop receipt is no longer the newest, or the message no longer there."""
    return isinstance(error, HttpResponseError) and error.status_code in (400, 404)


def _pauses(longest: float) -> Iterator[float]:
    """Seconds between polls of an empty queue: growing, with jitter, up to the longest."""
    pause, factor = _SHORTEST_PAUSE, 1
    while pause < longest:
        yield pause
        pause = _SHORTEST_PAUSE + random.uniform(1 - _JITTER, 1 + _JITTER) * factor * _SHORTEST_PAUSE
        factor *= 2
    while True:
        yield longest


def poison_queue_name(queue: str) -> str | None:
    """Where the messages of a queue go that are given up on; None for a queue that is one itself."""
    return None if queue.endswith(_POISON) else f"{queue}{_POISON}"
