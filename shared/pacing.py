"""Pacing: how all runs, exports and instances share the rate limit of one ActiveCampaign host.

Appointments are moments in seconds since 1970. A lane gives them out in order, evenly spaced; reserving any number is
one conditional write of ``pacing/<host>.json``. The arithmetic (``Rates``, ``give_out``, ``postpone``) is pure.

Limits (https://developers.activecampaign.com/reference/rate-limits and ``bulk-import-contacts``): 100 bulk imports a
minute, 20 where an import holds exactly one contact, and 5 requests a second over everything, per account.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from shared import names
from shared.documents import Connection, Lanes
from shared.doors.clock import Clock
from shared.errors import RateLimited
from shared.store import Store

HEADROOM = 1.01
"""Appointments are 1 % wider apart than the limit asks: one late post may then close up on the next within a window."""

LONE_CONTACT_SLOTS = 5
"""An import of one contact costs as much as five others: 20 a minute instead of 100."""

GRACE_SLOTS = 0.5
"""An appointment may be kept late by this share of a slot; later, it is made anew. Half a slot late and the next one
on the dot are still further apart than two posts of a full window have to be."""

OVERSLEPT_AT_MOST = 3
"""A machine that oversleeps more often than this has no time to be on time."""

LONGEST_TURN_SECONDS = 30.0
"""A turn that is further away is left to whoever comes back for it: no function sleeps through a long pause."""

HEAD_START_SECONDS = 2
"""A batch's message becomes visible this long before its appointment: time for the host to find it."""


class Lane(StrEnum):
    """What an appointment is for: a bulk import, or any other request."""

    IMPORTS = "imports"
    REQUESTS = "requests"


@dataclass(frozen=True)
class Rates:
    """Seconds between two appointments of a lane."""

    imports: float
    requests: float

    def slot(self, lane: Lane) -> float:
        """Seconds between two appointments of that lane."""
        return self.imports if lane is Lane.IMPORTS else self.requests


def rates(connection: Connection) -> Rates:
    """Imports get half of the account's requests, unless their own limit is lower, and all other requests two fifths.

    The rest stays free, so that one post that is late, say because its connection had to be opened first, and the next
    ones on the dot are not too many for a second. Two fifths are enough to ask what became of every import meanwhile.
    """
    per_second = connection.requests_per_second
    imports = min(connection.imports_per_minute / 60, per_second / 2)
    return Rates(imports=HEADROOM / imports, requests=HEADROOM / (per_second * 2 / 5))


def weight(contacts: int) -> int:
    """How many slots an import of that many contacts takes."""
    return LONE_CONTACT_SLOTS if contacts == 1 else 1


def give_out(free: float, now: float, slot: float, weights: Sequence[int]) -> tuple[list[float], float]:
    """Appointments for work of those weights (in slots), and the lane's next free moment after them."""
    moment = max(free, now)
    appointments = []
    for weight in weights:
        appointments.append(moment)
        moment += slot * weight
    return appointments, moment


def postpone(free: float, until: float) -> float:
    """The lane's next free moment after the host asked everybody to wait."""
    return max(free, until)


class Pacer:
    """Reserves appointments for one host. Raises what the store raises when storage cannot be reached."""

    def __init__(self, store: Store, clock: Clock, connection: Connection) -> None:
        self._store = store
        self._clock = clock
        self._name = names.pacing(connection.host)
        self._rates = rates(connection)

    def reserve(
        self, lane: Lane, weights: Sequence[int], *, notice: float = 0.0, within: float = math.inf
    ) -> list[float]:
        """One appointment per weight, in order, the first in ``notice`` seconds at the soonest.

        Raises ``RateLimited``, and reserves nothing, where even the first would be more than ``within`` seconds away.
        """
        given: list[float] = []

        def take(lanes: Lanes) -> Lanes:
            nonlocal given
            free = getattr(lanes, lane)
            if (seconds := free - self._clock.time()) > within:
                raise RateLimited("ActiveCampaign asked everybody to wait", retry_after=seconds)
            given, free = give_out(free, self._clock.time() + notice, self._rates.slot(lane), weights)
            return lanes.model_copy(update={lane.value: free})

        self._store.modify(self._name, Lanes, take, default=Lanes())
        return given

    def wait_turn(self, lane: Lane) -> None:
        """Reserve one appointment and sleep until it has come; one that was overslept is made anew.

        Raises ``RateLimited`` where the next free moment is too far away to sleep until then.
        """
        for _ in range(OVERSLEPT_AT_MOST):
            (appointment,) = self.reserve(lane, [1], within=LONGEST_TURN_SECONDS)
            self._clock.sleep_until(appointment)
            if not self.missed(lane, appointment):
                return

    def missed(self, lane: Lane, appointment: float) -> bool:
        """Whether it is too late to keep that appointment."""
        return self._clock.time() > appointment + GRACE_SLOTS * self._rates.slot(lane)

    def holds_back(self, appointment: float) -> bool:
        """Whether the host asked everybody to wait for longer than until that appointment."""
        lanes = self._store.find(self._name, Lanes)
        return lanes is not None and appointment < lanes.held_until

    def hold_back(self, seconds: float) -> None:
        """After a rate-limit answer: nobody's next appointment on this host is sooner than in that many seconds."""
        until = self._clock.time() + seconds

        def wait(lanes: Lanes) -> Lanes:
            moments = {name: postpone(getattr(lanes, name), until) for name in (*Lane, "held_until")}
            return lanes.model_copy(update=moments)

        self._store.modify(self._name, Lanes, wait, default=Lanes())
