"""One authenticated request on its way to an answer."""

from dataclasses import dataclass

from local.activecampaign.account import Account, User
from local.activecampaign.exchange import Request
from local.activecampaign.imports import ORDINARY, Fate
from local.activecampaign.journal import Journal, Violation


@dataclass(frozen=True)
class Call:
    """What a handler needs; `ids` are the numbers in the path."""

    account: Account
    journal: Journal
    request: Request
    user: User
    ids: tuple[int, ...] = ()
    fate: Fate = ORDINARY

    def violated(self, violation: Violation) -> None:
        """Note something that no client of ours may do."""
        self.journal.violated(self.account.clock(), violation)

    def member(self, name: str) -> dict[str, object]:
        """The object of that name that API v3 wraps every body in; empty when it is none."""
        document = self.request.document
        wrapped = document.get(name) if isinstance(document, dict) else None
        return wrapped if isinstance(wrapped, dict) else {}
