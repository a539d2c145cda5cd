"""How the world on one machine ends: a person or the system says so, or one of its processes ends by itself."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

_ASKED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class PartLost(RuntimeError):
    """A process that the world cannot do without has ended; the message is a sentence about it."""


@contextmanager
def orderly_termination() -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and a closed terminal unwind the main thread: ``KeyboardInterrupt``, ``SystemExit(128 + n)``.

    The second signal changes nothing, so that an impatient one leaves nothing behind. What the system was told to
    ignore (``nohup``) stays ignored. Other threads than the main one cannot ask for signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _ASKED}
    numbers = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in numbers:
        signal.signal(number, lambda number, _: _leave(number, numbers))
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, before[number])


def _leave(asked: int, numbers: Sequence[int]) -> None:
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)
    if asked == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(128 + asked)


@contextmanager
def alarmed(lost: Callable[[], str | None]) -> Iterator[None]:
    """Raise ``PartLost`` in the main thread as soon as a child process ends and ``lost`` has a sentence about it.

    Whoever waits for an answer of a dead process would wait a minute.
    """

    def look(*_: object) -> None:
        if found := lost():
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # once is enough: what follows is the tear-down
            raise PartLost(found)

    before = signal.signal(signal.SIGCHLD, look)
    try:
        look()
        yield
    finally:
        signal.signal(signal.SIGCHLD, before)
