"""What stands in an answer, read as leniently as answers are written.

Ids and counts come as text and as numbers, texts may be null, and one odd row says nothing about the others.
"""

import json
from collections.abc import Iterator
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from shared.errors import Unavailable

T = TypeVar("T")

PAGE = 100
"""The most that ActiveCampaign gives at once; the default of 20 silently hides the rest."""


def parse(body: bytes) -> object:
    """The JSON in a body; ``None`` where there is none, whatever the Content-Type says."""
    try:
        document: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document


def whole(value: object) -> int | None:
    """A count or an index, which comes as a number and as text."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def read(shape: type[T], document: object, member: str) -> T:
    """A member of an answer in its shape. Raises ``Unavailable`` where it has another one."""
    try:
        return _as(shape, document.get(member) if isinstance(document, dict) else None)
    except ValidationError:
        pass
    raise _unreadable(member)


def read_rows(shape: type[T], document: object, member: str) -> list[T]:
    """The rows of an answer that can be understood. Raises ``Unavailable`` where there are rows and none can."""
    rows = document.get(member) if isinstance(document, dict) else None
    if not isinstance(rows, list):
        raise _unreadable(member)
    readable = list(_readable(shape, rows))
    if rows and not readable:
        raise _unreadable(member)
    return readable


def count_rows(document: object, member: str) -> int:
    """How many rows an answer has, whether they can be understood or not."""
    rows = document.get(member) if isinstance(document, dict) else None
    return len(rows) if isinstance(rows, list) else 0


def next_offset(document: object, offset: int, rows: int) -> int | None:
    """Where the next page begins after a page of so many rows, ``None`` after the last one.

    A full page is not the last one, whatever the account says of how many there are.
    """
    following = offset + rows
    is_last = rows == 0 or (rows < PAGE and (total(document) or 0) <= following)
    return None if is_last else following


def total(document: object) -> int | None:
    """How many there are in all, where an answer says so."""
    meta = document.get("meta") if isinstance(document, dict) else None
    return whole(meta.get("total")) if isinstance(meta, dict) else None


def first_list(document: object) -> list[object]:
    """The rows of an answer whose shape is documented nowhere; none where it holds no list."""
    if isinstance(document, list):
        return document
    members = list(document.values()) if isinstance(document, dict) else []
    members += [inner for member in members if isinstance(member, dict) for inner in member.values()]
    return next((member for member in members if isinstance(member, list)), [])


def first_text(row: object, *names: str) -> str | None:
    """What a row of unknown shape says: itself, or the first of its members of those names that is a text."""
    if isinstance(row, str):
        return row
    members = row if isinstance(row, dict) else {}
    return next((text for name in names if isinstance(text := members.get(name), str)), None)


def _as(shape: type[T], value: object) -> T:
    return TypeAdapter(shape).validate_python(value)


def _readable(shape: type[T], rows: list[object]) -> Iterator[T]:
    for row in rows:
        members = row if isinstance(row, dict) else {}
        try:
            yield _as(shape, {name: "" if value is None else value for name, value in members.items()})
        except ValidationError:
            continue


def _unreadable(member: str) -> Unavailable:
    return Unavailable(f"ActiveCampaign's answer has no usable {member}", code="answer_unreadable")
