"""What the host has taken on, so that it can stop without dropping any of it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from local.host.errors import Stopping


class Work:
    """Counts pieces of work in hand; every source of work takes each piece from here."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._in_hand = 0
        self._stopping = threading.Event()

    @property
    def is_stopping(self) -> bool:
        """Whether no more work may be taken."""
        return self._stopping.is_set()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold one piece of work. Raises Stopping once `stop` was called."""
        with self._changed:
            if self.is_stopping:
                raise Stopping
            self._in_hand += 1
        try:
            yield
        finally:
            self.done()

    def add(self) -> None:
        """Pass a piece on to another thread: called while holding one, ended by `done` over there."""
        with self._changed:
            self._in_hand += 1

    def done(self) -> None:
        """End a piece that was begun with `add`."""
        with self._changed:
            self._in_hand -= 1
            self._changed.notify_all()

    def pause(self, seconds: float) -> bool:
        """Wait, but not longer than until `stop` is called; returns whether it was."""
        return self._stopping.wait(seconds)

    def stop(self) -> None:
        """Let no more work be taken."""
        with self._changed:
            self._stopping.set()

    def drained(self, seconds: float) -> bool:
        """Wait until nothing is in hand, at most so long; returns whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: self._in_hand == 0, seconds)
