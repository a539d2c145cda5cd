"""How a world is told to end: by a signal, once, or by a process that it cannot do without."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from local.ending import PartLost, alarmed, orderly_termination

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Whatever a test does, the handlers of the process are its own again afterwards."""
    before = [signal.getsignal(number) for number in NUMBERS]
    yield
    assert [signal.getsignal(number) for number in NUMBERS] == before


@pytest.mark.parametrize(
    ("number", "ending"),
    [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit), (signal.SIGHUP, SystemExit)],
)
def test_the_second_signal_does_not_disturb_the_tear_down(number: signal.Signals, ending: type[BaseException]) -> None:
    """The first unwinds the main thread with the usual exit code; all that come after it change nothing."""
    torn_down = False
    with pytest.raises(ending) as raised, orderly_termination():
        try:
            signal.raise_signal(number)
        finally:
            for again in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.raise_signal(again)
            torn_down = True
    assert torn_down
    assert ending is KeyboardInterrupt or raised.value.args == (128 + number,)


def test_what_is_ignored_stays_ignored() -> None:
    """Under nohup a closed terminal ends nothing."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with orderly_termination():
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_child_that_ends_is_noticed_while_waiting_for_something_else() -> None:
    """Only where it matters: the question is asked each time a child ends."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert child.stdin is not None
        with pytest.raises(PartLost, match="it ended"), alarmed(lambda: None if child.poll() is None else "it ended"):
            subprocess.run([sys.executable, "-c", ""], check=True)
            child.stdin.close()
            threading.Event().wait(20)
