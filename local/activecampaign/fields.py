"""Custom fields, and which values fit them: https://developers.activecampaign.com/reference/create-fields."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, get_args

FieldType = Literal[
    "text", "textarea", "date", "datetime", "dropdown", "listbox", "radio", "checkbox", "hidden", "number"
]
FIELD_TYPES: frozenset[str] = frozenset(get_args(FieldType))

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MANY = re.compile(r"\|\|(?:[^|]+\|\|)+")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)


@dataclass
class Field:
    """A custom field; `shown` once a relation makes it visible in the account's forms."""

    id: int
    title: str
    type: FieldType
    perstag: str
    options: tuple[str, ...] = ()
    shown: bool = True

    def takes(self, value: str) -> bool:
        """Whether the value is written as this type of field wants it; the empty one empties any field."""
        if value == "" or self.type not in _FITS:
            return True
        return _FITS[self.type](self, value)


def _is_date(_field: Field, value: str) -> bool:
    return bool(_DATE.fullmatch(value)) and _parses(date.fromisoformat, value)


def _is_moment(_field: Field, value: str) -> bool:
    return _parses(datetime.fromisoformat, value) and datetime.fromisoformat(value).tzinfo is not None


def _is_number(_field: Field, value: str) -> bool:
    return bool(_NUMBER.fullmatch(value))


def _is_option(field: Field, value: str) -> bool:
    return not field.options or value in field.options


def _are_options(field: Field, value: str) -> bool:
    return bool(_MANY.fullmatch(value)) and all(_is_option(field, one) for one in value[2:-2].split("||"))


def _parses(read: Callable[[str], object], value: str) -> bool:
    try:
        read(value)
    except ValueError:
        return False
    return True


_FITS: dict[str, Callable[[Field, str], bool]] = {
    "date": _is_date,
    "datetime": _is_moment,
    "number": _is_number,
    "dropdown": _is_option,
    "radio": _is_option,
    "listbox": _are_options,
    "checkbox": _are_options,
}
