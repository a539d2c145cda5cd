"""Which addresses ActiveCampaign takes: https://help.activecampaign.com, "Why bulk imports fail"."""

import re
from html import unescape
from unicodedata import normalize
from urllib.parse import unquote

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


def comparable(text: str) -> str:
    """The form in which all spellings of one address are the same: for comparing only.

    Answers were seen with other cases, display names and escaped characters, and write a domain in either of its forms.
    """
    plain = unescape(text if "@" in text else unquote(text)).strip()
    if plain.endswith(">"):
        plain = plain[plain.rfind("<") + 1 : -1].strip()
    local, _, domain = plain.rpartition("@")
    spelt = ".".join(map(_label, domain.casefold().split(".")))
    return normalize("NFKC", f"{local.replace(' ', '+')}@{spelt}").casefold()


def _label(label: str) -> str:
    """A part of a domain as people write it: https://www.rfc-editor.org/rfc/rfc5890#section-2.3.2.1."""
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except UnicodeError:
        return label
