"""Which addresses ActiveCampaign takes: https://help.activecampaign.com, "Why bulk imports fail"."""

import re

_LOCAL = r"[^\s\"(),:;<>@\[\\\]]+"
_LABEL = r"[^\s\"(),:;<>@\[\\\].]+"
_LAST_LABEL = r"(?:[^\W\d_]{2,}|xn--[a-z0-9-]+)"
_ADDRESS = re.compile(rf"{_LOCAL}@(?:{_LABEL}\.)+{_LAST_LABEL}", re.IGNORECASE)


def is_email(text: object) -> bool:
    """Whether a bulk import with that address is queued; one that is not refuses the whole import."""
    return isinstance(text, str) and _ADDRESS.fullmatch(text) is not None


def fails_in_processing(email: str) -> bool:
    """Whether an address that is queued is known to fail afterwards."""
    return "'" in email
