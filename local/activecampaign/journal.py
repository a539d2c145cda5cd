"""What an account was asked, in order, and what tests want to know about it.

Entries hold no personal data and no key. Addresses are counted in memory only, for assertions.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from local.activecampaign.limits import Lane

Violation = Literal[
    "accept_missing",
    "content_type_missing",
    "user_agent_generic",
    "time_out_missing",
    "key_sent_elsewhere",
    "inline_lists",
    "resubscribed",
    "email_repeated",
    "value_misfit",
]
"""What no client of ours may do:

- `accept_missing`, `content_type_missing`: JSON is neither asked for nor announced
- `user_agent_generic`: none, or the one of the HTTP library
- `time_out_missing`: waits for ever for an answer
- `key_sent_elsewhere`: the key went to another host, say after a redirect
- `inline_lists`: `contact/sync` with lists, which re-subscribes
- `resubscribed`: an unsubscribed or bounced contact was made active again
- `email_repeated`: an address twice in one import
- `value_misfit`: a value that its custom field does not take
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One request; `status` 0 when it got no answer, `contacts` for bulk imports, `turned_away` by which limit."""

    at: float
    method: str
    path: str
    status: int
    contacts: int | None = None
    turned_away: Lane | None = None
    faults: tuple[str, ...] = ()


class Journal:
    """The requests of one account."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.violations: list[tuple[float, Violation]] = []
        self.queued: list[tuple[float, int]] = []
        """Moment and number of contacts of every import that was accepted, whatever the client heard of it."""
        self._sends: Counter[str] = Counter()

    def record(self, entry: Entry) -> None:
        """Note a request that has been dealt with."""
        self.entries.append(entry)

    def violated(self, at: float, violation: Violation) -> None:
        """Note something that no client of ours may do."""
        self.violations.append((at, violation))

    def accepted(self, at: float, emails: Iterable[str]) -> None:
        """Note an import that was queued."""
        addresses = [email.lower() for email in emails]
        self.queued.append((at, len(addresses)))
        self._sends.update(addresses)

    def requests(self, method: str, path: str) -> list[Entry]:
        """Every request for exactly that."""
        return [entry for entry in list(self.entries) if (entry.method, entry.path) == (method, path)]

    @property
    def rate_limit_answers(self) -> int:
        """How many requests went over a limit; answers that a fault faked are not counted."""
        return sum(entry.turned_away is not None for entry in list(self.entries))

    @property
    def resubscriptions(self) -> int:
        """How often somebody who had unsubscribed or bounced was made active again."""
        return sum(violation == "resubscribed" for _, violation in list(self.violations))

    def violation_kinds(self) -> set[Violation]:
        """What was done that no client of ours may do."""
        return {violation for _, violation in list(self.violations)}

    def sends(self, email: str) -> int:
        """How many accepted imports held an address."""
        return self._sends[email.lower()]

    def extra_sends(self) -> dict[str, int]:
        """How often each address was accepted beyond once; only those that were."""
        return {email: times - 1 for email, times in self._sends.copy().items() if times > 1}

    def imports_per_minute(self, bucket: float = 60.0) -> list[tuple[float, float]]:
        """Accepted imports a minute over time: the start of each bucket of so many seconds, and the rate in it."""
        moments = [at for at, _ in list(self.queued)]
        if not moments:
            return []
        first = moments[0]
        counts = Counter(int((at - first) // bucket) for at in moments)
        return [(first + index * bucket, counts[index] * 60.0 / bucket) for index in range(max(counts) + 1)]

    def forget(self) -> None:
        """Begin anew: what follows is told apart from what was."""
        self.entries.clear()
        self.violations.clear()
        self.queued.clear()
        self._sends.clear()
