"""Time that runs faster tells the same time everywhere."""

import time
from datetime import UTC, datetime

import pytest

from bench.scaled import ScaledBlobs, ScaledClock, ScaledQueues
from shared.messages import PlanMessage
from tests.fakes import ManualClock, MemoryBlobs, MemoryQueues

BEGAN = 1_000_000.0


def test_the_fast_clock_began_with_the_real_one() -> None:
    """A real second is as many fast ones as the speed says."""
    clock = ScaledClock(5.0, BEGAN)
    assert clock.at(BEGAN) == BEGAN
    assert clock.at(BEGAN + 2) == BEGAN + 10


def test_sleeping_takes_a_fraction_of_the_time() -> None:
    """Ten fast seconds at a thousand times the speed are a hundredth of one."""
    clock = ScaledClock(1000.0, time.time())
    began = time.perf_counter()
    clock.sleep_until(clock.time() + 10)
    assert 0.005 < time.perf_counter() - began < 1


def test_the_clock_is_handed_on_whole() -> None:
    """Another process that reads the environment tells the same time."""
    clock = ScaledClock(3.0, 1234567890.123456)
    found = clock.environment()
    assert ScaledClock(float(found["BENCH_SPEED"]), float(found["BENCH_BEGAN"])) == clock


def test_delays_are_shortened() -> None:
    """A minute at six times the speed is ten seconds."""
    queues = MemoryQueues(ManualClock(BEGAN))
    ScaledQueues(queues, ScaledClock(6.0, BEGAN)).send("export-runs", PlanMessage(run="r", generation=0), delay=60)
    assert [waiting.visible for waiting in queues.waiting] == [BEGAN + 10]


def test_blobs_are_never_older_than_they_are() -> None:
    """A blob tells the fast time of its writing, a second of real time late at most and never in the future."""
    real = ManualClock(time.time() - 100)
    blobs = MemoryBlobs(real)
    blobs.write("a", b"")
    clock = ScaledClock(2.0, real.time() - 1000)
    (told,) = ScaledBlobs(blobs, clock).below()
    written = datetime.fromtimestamp(clock.at(real.time()), UTC)
    assert (told.modified - written).total_seconds() == pytest.approx(2.0, abs=0.01)
