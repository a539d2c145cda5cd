"""As much of JSON Schema 2020-12 as the API's models use; what it does not know fails, so nothing passes unseen."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Json = dict[str, Any]

SILENT = frozenset({"title", "description", "default", "format", "readOnly", "writeOnly", "examples"})
"""Keywords that say something without asking for anything."""

_TYPES: dict[str, Callable[[object], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}

_SIMPLE: dict[str, Callable[[Any, Any], bool]] = {
    "type": lambda value, wanted: _TYPES[wanted](value),
    "enum": lambda value, wanted: value in wanted,
    "const": lambda value, wanted: value == wanted,
    "minimum": lambda value, wanted: not _TYPES["number"](value) or value >= wanted,
    "maximum": lambda value, wanted: not _TYPES["number"](value) or value <= wanted,
    "minLength": lambda value, wanted: not isinstance(value, str) or len(value) >= wanted,
    "maxLength": lambda value, wanted: not isinstance(value, str) or len(value) <= wanted,
    "pattern": lambda value, wanted: not isinstance(value, str) or re.search(wanted, value) is not None,
    "minItems": lambda value, wanted: not isinstance(value, list) or len(value) >= wanted,
    "maxItems": lambda value, wanted: not isinstance(value, list) or len(value) <= wanted,
    "maxProperties": lambda value, wanted: not isinstance(value, dict) or len(value) <= wanted,
    "required": lambda value, wanted: not isinstance(value, dict) or set(wanted) <= set(value),
}

_NESTED = frozenset({"$ref", "anyOf", "items", "properties", "additionalProperties", "propertyNames"})
KEYWORDS = SILENT | frozenset(_SIMPLE) | _NESTED


def problems(value: object, schema: Json, components: Mapping[str, Json], place: str = "$") -> Iterator[str]:
    """What is wrong with a value by a schema; ``components`` are the schemas that ``$ref`` may name."""
    for keyword, wanted in schema.items():
        if keyword not in KEYWORDS:
            yield f"{place}: the schema has an unknown keyword {keyword}"
        elif keyword in _SIMPLE and not _SIMPLE[keyword](value, wanted):
            yield f"{place}: not {keyword} {wanted}"
    if "$ref" in schema:
        yield from problems(value, components[schema["$ref"].removeprefix("#/components/schemas/")], components, place)
    if "anyOf" in schema and all(list(problems(value, one, components, place)) for one in schema["anyOf"]):
        yield f"{place}: fits none of anyOf"
    for number, item in enumerate(value if isinstance(value, list) else ()):
        yield from problems(item, schema.get("items", {}), components, f"{place}[{number}]")
    if isinstance(value, dict):
        yield from _member_problems(value, schema, components, place)


def _member_problems(value: Json, schema: Json, components: Mapping[str, Json], place: str) -> Iterator[str]:
    known = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    for name, member in value.items():
        if name in known:
            yield from problems(member, known[name], components, f"{place}.{name}")
        elif others is False:
            yield f"{place}.{name}: is not allowed"
        elif isinstance(others, dict):
            yield from problems(member, others, components, f"{place}.{name}")
        yield from problems(name, schema.get("propertyNames", {}), components, f"{place}.{name} (its name)")
