"""What the documentation of ActiveCampaign leaves open or contradicts itself in; every choice can be played."""

from dataclasses import dataclass
from typing import Literal

Missing = Literal["not_found", "unprocessable", "refused", "ignored"]

FailureForm = Literal[
    "emails",
    "upper_case",
    "unicode",
    "objects",
    "keyed",
    "names",
    "joined",
    "plus_as_space",
    "escaped",
    "twice",
    "with_stranger",
    "with_null",
    "strangers",
    "ids",
    "count",
]
"""How `failure` names those who failed:

- `upper_case`, `unicode`, `plus_as_space`, `escaped`: in another spelling, say of a domain that is not ASCII
- `objects`, `keyed`, `names`, `joined`: as objects, by address in an object, as `Name <address>`, in one text
- `twice`, `with_stranger`, `with_null`: with entries too many
- `strangers`, `ids`, `count`: in a way that leads to nobody
"""

StatusForm = Literal["documented", "capitals", "another_word", "number", "null"]

ExclusionsForm = Literal[
    "objects", "texts", "patterns", "nested", "bare", "number", "forbidden", "web_page", "first_page", "everything"
]
"""How `/lists/exclusions` answers: in five shapes, with no list at all, or without regard to paging."""


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
    queued_told: Literal["number", "text", "absent"] = "number"
    batch_id_told: Literal["text", "number"] = "text"
    success_lists: Literal["created", "all"] = "created"
    """Whether `success` holds the ids of created contacts only."""

    unsubscribed_reported: bool = True
    unsubscribed_updated: bool = False
    """A contact that unsubscribed from the list asked for: is it in `failure`, is the rest of it written?"""

    excluded_reported: bool = True
    """Whether addresses that were excluded when queueing are in `failure` in the end."""

    exclude_automations_in: Literal["body", "contact"] = "body"
    """Where the member counts: its description says one, its example shows the other."""

    overtaken: float = 0.0
    """Further seconds that every other import takes, so that the one after it is processed first."""

    failure_form: FailureForm = "emails"
    status_form: StatusForm = "documented"
    empty_failure_absent: bool = False
    unknown_import: Literal["not_found", "bad_request", "false", "empty"] = "not_found"
    import_kept: float | None = None
    """Seconds after which an ended import is no longer known; None for ever."""

    exclusions_form: ExclusionsForm = "objects"
    total_as_number: bool = False
    email_filter_ignored: bool = False
    """`contacts?email=` of an address nobody has answers with somebody else instead of with nobody."""
