"""The contacts of a bulk import as they stand in its body.

Only the documented snake_case members count; camelCase and unknown ones are ignored without a word, as the real one
does. https://developers.activecampaign.com/reference/bulk-import-contacts
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeGuard

_LOCAL = r"[^\s\"(),:;<>@\[\\\]]+"
_LABEL = r"[^\s\"(),:;<>@\[\\\].]+"
_LAST_LABEL = r"(?:[^\W\d_]{2,}|xn--[a-z0-9-]+)"
_EMAIL = re.compile(rf"{_LOCAL}@(?:{_LABEL}\.)+{_LAST_LABEL}", re.IGNORECASE)


class BadMember(ValueError):
    """A contact has no such member where it must, or one of the wrong shape."""

    def __init__(self, member: str) -> None:
        super().__init__(member)
        self.member = member


class Row(NamedTuple):
    """One contact of a bulk import; None is a member that was not sent.

    `quiet` says that automations are excluded for this contact: it counts, or is one of the unknown members.
    """

    email: str
    first_name: str | None
    last_name: str | None
    phone: str | None
    tags: frozenset[str]
    fields: Mapping[int, str]
    subscribe: tuple[int, ...]
    unsubscribe: tuple[int, ...]
    quiet: bool = False


def is_email(text: object) -> TypeGuard[str]:
    """Whether ActiveCampaign takes that as an address (its help page "Why bulk imports fail")."""
    return isinstance(text, str) and _EMAIL.fullmatch(text) is not None


def read_row(entry: object) -> Row:
    """Read one element of `contacts`. Raises `BadMember`."""
    if not isinstance(entry, dict):
        raise BadMember("contact")
    email = entry.get("email")
    if not is_email(email):
        raise BadMember("email")
    return Row(
        email,
        _text(entry, "first_name"),
        _text(entry, "last_name"),
        _text(entry, "phone"),
        _tags(entry.get("tags")),
        _fields(entry.get("fields")),
        _lists(entry, "subscribe"),
        _lists(entry, "unsubscribe"),
        entry.get("exclude_automations") is True,
    )


def _text(entry: dict[str, object], member: str) -> str | None:
    value = entry.get(member)
    if isinstance(value, str) or (value is None and member not in entry):
        return value
    raise BadMember(member)


def _tags(value: object) -> frozenset[str]:
    if value is None:
        return frozenset()
    if isinstance(value, list) and _all(str, value) and all(value):
        return frozenset(value)
    raise BadMember("tags")


def _fields(value: object) -> Mapping[int, str]:
    if value is None:
        return {}
    try:
        values = {pair["id"]: pair["value"] for pair in value}  # type: ignore[attr-defined]
    except (TypeError, KeyError):
        raise BadMember("fields") from None
    if _all(int, values) and _all(str, values.values()):
        return values
    raise BadMember("fields")


def _lists(entry: dict[str, object], member: str) -> tuple[int, ...]:
    value = entry.get(member)
    if value is None:
        return ()
    try:
        ids = tuple([one["listid"] for one in value])  # type: ignore[attr-defined]
    except (TypeError, KeyError):
        raise BadMember(member) from None
    if _all(int, ids):
        return ids
    raise BadMember(member)


def _all(kind: type, values: Iterable[object]) -> bool:
    """Whether they are all exactly of that type: a Boolean is no number here."""
    return set(map(type, values)) <= {kind}
