"""How often an account may be asked: strict sliding windows.

https://developers.activecampaign.com/reference/rate-limits and /bulk-import-contacts beside it.
"""

from collections import deque
from dataclasses import dataclass
from typing import Literal

Lane = Literal["requests", "imports", "single_imports"]

# Moments since 1970 are floats with steps of 0.24 microseconds: two that are a window apart may seem a step less.
_CLOCK_STEP = 1e-6


@dataclass(frozen=True)
class LimitRules:
    """The documented limits, and how going over one is answered.

    `requests` counts every request to the account in `request_window` seconds. `imports` (of two or more contacts)
    and `single_imports` (of exactly one) count in `import_window` seconds, beside that. A benchmark that speeds
    the clock up passes a faster clock, or shorter windows here.
    """

    requests: int = 5
    request_window: float = 1.0
    imports: int = 100
    single_imports: int = 20
    import_window: float = 60.0
    request_status: Literal[429, 503] = 429
    import_status: Literal[400, 429, 503] = 400
    retry_after: bool = True
    """Whether 429 and 503 say how long to wait; the documented 400 never does."""

    turned_away_counts: bool = False
    """Whether a request over the limit counts as one, so that there is never room for whoever keeps asking."""


class Window:
    """At most `limit` admissions in any `seconds`; whoever counts more keeps the others out for longer."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds
        self._admitted: deque[float] = deque()

    def wait(self, now: float) -> float:
        """Seconds until there is room: 0 when there is."""
        while self._admitted and now - self._admitted[0] >= self.seconds - _CLOCK_STEP:
            self._admitted.popleft()
        beyond = len(self._admitted) - self.limit
        return 0.0 if beyond < 0 else self._admitted[beyond] + self.seconds - now

    def admit(self, now: float) -> None:
        """Count an admission."""
        self._admitted.append(now)


@dataclass(frozen=True)
class TurnedAway:
    """A request over a limit, and the seconds until the window has room again."""

    lane: Lane
    limit: int
    seconds: float


class Limits:
    """The windows of one account."""

    def __init__(self, rules: LimitRules) -> None:
        self.rules = rules
        self._windows: dict[Lane, Window] = {
            "requests": Window(rules.requests, rules.request_window),
            "imports": Window(rules.imports, rules.import_window),
            "single_imports": Window(rules.single_imports, rules.import_window),
        }

    def admit(self, now: float, contacts: int | None) -> TurnedAway | None:
        """Count a request, which is a bulk import when it has `contacts`; says so when it is over a limit.

        A request turned away by an import limit has still used up one of the requests.
        """
        refusal = self._admit("requests", now)
        if refusal or not contacts:
            return refusal
        return self._admit("single_imports" if contacts == 1 else "imports", now)

    def _admit(self, lane: Lane, now: float) -> TurnedAway | None:
        window = self._windows[lane]
        if (seconds := window.wait(now)) == 0:
            window.admit(now)
            return None
        if self.rules.turned_away_counts:
            window.admit(now)
        return TurnedAway(lane, window.limit, seconds)
