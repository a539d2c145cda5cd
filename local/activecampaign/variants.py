"""What the documentation of ActiveCampaign leaves open or contradicts itself in; every choice can be played."""

from dataclasses import dataclass
from typing import Literal

Missing = Literal["not_found", "unprocessable", "refused", "ignored"]


@dataclass(frozen=True)
class Variants:
    """One choice for each open question; the defaults are the likelier ones.

    A client has to survive all of them.
    """

    forbidden_status: Literal[401, 403] = 403
    forbidden_body: Literal["errors", "message", "empty", "html"] = "errors"
    """How a wrong key and a missing permission are answered."""

    missing_list: Missing = "not_found"
    missing_field: Missing = "unprocessable"
    """A bulk import that names a list or field the account has not: 404, 422, 400 for each contact, or no matter."""

    refusal_wording: Literal["field", "sentence"] = "field"
    refusal_index_base: Literal[0, 1] = 0
    refusal_index_wrong_every: int = 0
    """Every n-th refused import names wrong contacts; 0 for never."""

    refusal_names: Literal["all", "first"] = "all"
    """Whether a refused import names every offender."""

    repeated_email: Literal["last_wins", "first_wins", "second_fails", "refused"] = "last_wins"
    """The same address twice in one body."""

    success_member: Literal["Success", "success"] = "Success"
    success_lists: Literal["created", "all"] = "created"
    """Whether `success` holds the ids of created contacts only."""

    unsubscribed_reported: bool = True
    unsubscribed_updated: bool = False
    """A contact that unsubscribed from the list asked for: is it in `failure`, is the rest of it written?"""

    excluded_reported: bool = True
    """Whether addresses that were excluded when queueing are in `failure` in the end."""

    empty_failure_absent: bool = False
    unknown_import: Literal["not_found", "bad_request", "false", "empty"] = "not_found"
    import_kept: float | None = None
    """Seconds after which an ended import is no longer known; None for ever."""

    total_as_number: bool = False
    email_filter_ignored: bool = False
    """`contacts?email=` of an address nobody has answers with somebody else instead of with nobody."""
