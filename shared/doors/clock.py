"""Time: told, waited for, and spread by chance."""

import random
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the app knows of time. Moments are seconds since 1970 (UTC)."""

    def time(self) -> float:
        """The present moment."""

    def sleep_until(self, moment: float) -> None:
        """Return at that moment, at once when it has passed."""

    def jitter(self) -> float:
        """A number from 0 up to 1, by chance: what spreads retries."""


class SystemClock:
    """The machine's own clock."""

    def time(self) -> float:
        """The present moment."""
        return time.time()

    def sleep_until(self, moment: float) -> None:
        """Return at that moment, at once when it has passed."""
        if (seconds := moment - time.time()) > 0:
            time.sleep(seconds)

    def jitter(self) -> float:
        """A number from 0 up to 1, by chance: what spreads retries."""
        return random.random()  # noqa: S311 - it spreads load, it guards nothing


def now(clock: Clock) -> datetime:
    """The present moment as a UTC date-time, in whole milliseconds: what documents store."""
    return as_datetime(clock.time())


def as_datetime(moment: float) -> datetime:
    """That moment as a UTC date-time, in whole milliseconds."""
    return datetime.fromtimestamp(round(moment, 3), tz=UTC)
