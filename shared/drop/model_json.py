"""``model.json``: what Customer Insights says about the tables of one destination.

Common Data Model 1.0, of which only what finding and reading a segment needs is looked at. Everything else, annotations
but ``c360:PrimaryKey`` included, may be missing, new or wrong without any effect.
https://learn.microsoft.com/common-data-model/model-json
"""

import codecs
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import unquote

from shared.drop.layout import Place, normal
from shared.drop.shapes import Dialect, column_name

MAX_BYTES = 32 * 1024 * 1024
"""A table takes a few kilobytes; anything larger than this is not a description of tables."""

_PRIMARY_KEY = "c360:PrimaryKey"
_URL = re.compile(r"https?://(?P<host>[^/?]+)/(?P<path>[^?]*)", re.IGNORECASE)
_SNAPSHOT = re.compile(r"[?@]snapshot=[^/]*$", re.IGNORECASE)
_LONGEST_NAME = 1024
_QUOTES = {"csv": '"', "none": ""}
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True)
class Unusable:
    """Why ``model.json`` cannot be used, as a stable code and a sentence."""

    code: str
    message: str


@dataclass(frozen=True)
class Entity:
    """One table of ``model.json``.

    ``columns`` are its attributes in order, ``None`` where they are missing or malformed. ``partitions`` are names of
    blobs in our container. ``refused`` and ``dialect_problem`` are sentences: why a location was not followed, and why
    its files cannot be read as described.
    """

    name: str
    columns: tuple[str, ...] | None
    primary_key: str | None
    partitions: tuple[str, ...]
    dialect: Dialect
    refused: str | None = None
    dialect_problem: str | None = None

    @property
    def folders(self) -> set[str]:
        """Where its partitions lie, each ending in ``/``."""
        return {name.rpartition("/")[0] + "/" for name in self.partitions}


@dataclass(frozen=True)
class Model:
    """A usable ``model.json``."""

    entities: tuple[Entity, ...]

    def names(self, table: str) -> bool:
        """Whether there is a table of that name."""
        return any(normal(entity.name) == normal(table) for entity in self.entities)

    def entity_of(self, place: Place) -> Entity | None:
        """The table that lies in that place: by its name, or else by where its partitions are."""
        named = [entity for entity in self.entities if normal(entity.name) == normal(place.segment)]
        below = [entity for entity in self.entities if _lies_in(entity, place)]
        candidates = named if len(named) == 1 else below
        return candidates[0] if len(candidates) == 1 else None


def parse_model(data: bytes, container: str) -> Model | Unusable:
    """What a ``model.json`` says, with its locations resolved to names of blobs in our container. Raises nothing.

    Tables are ``entities``, ``tables``, or both: what both describe is as ``entities`` has it.
    """
    if len(data) > MAX_BYTES:
        return too_large(len(data))
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return Unusable("model_unreadable", "model.json is not JSON")
    if not isinstance(content, dict):
        return Unusable("model_unreadable", "model.json is not a JSON object")
    entities, tables = (_entities(content.get(member), container) for member in ("entities", "tables"))
    known = {(normal(entity.name), entity.partitions) for entity in entities}
    found = (*entities, *(table for table in tables if (normal(table.name), table.partitions) not in known))
    return Model(found) if found else Unusable("model_empty", "model.json names no table")


def too_large(size: int) -> Unusable:
    """What is said of a ``model.json`` that is not even read; ``size`` in bytes."""
    return Unusable("model_too_large", f"model.json has {size} bytes, more than the {MAX_BYTES} that are read")


def resolve(location: str, container: str) -> str:
    """The name, in our container, of the blob at a location; ``ValueError`` says why it is none of ours.

    The host does not matter, since the same container is reached under several (``blob.``, ``dfs.``, private names).
    Queries are dropped unread: they may hold a signature, so they never appear in a message either.
    """
    url = _URL.match(location)
    if url is None:
        raise ValueError("a partition's location is not an http(s) address")
    try:
        decoded = unquote(url["path"], errors="strict")
    except UnicodeDecodeError:
        raise ValueError("a partition's location is not encoded in UTF-8") from None
    parts = _SNAPSHOT.sub("", decoded).split("/")
    if _names_account_in_path(url["host"]):
        parts = parts[1:]
    if not parts or parts[0] != container:
        raise ValueError(f"a partition's location is not in container {container}, the only one that is read")
    name = "/".join(parts[1:])
    if len(name) > _LONGEST_NAME or not all(map(_is_name, parts[1:])) or not name:
        raise ValueError("a partition's location is not the address of a blob")
    return name


def _names_account_in_path(host: str) -> bool:
    """Storage without a name of its own (emulators) has the account as the first part of the path.

    https://learn.microsoft.com/azure/storage/common/storage-use-azurite
    """
    name = host.rpartition("@")[2]
    name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
    try:
        ip_address(name)
    except ValueError:
        return "." not in name
    return True


def _is_name(part: str) -> bool:
    return part not in (".", "..") and "\\" not in part and min(part, default="") >= " " and _text(part) is not None


def _entities(tables: object, container: str) -> tuple[Entity, ...]:
    return tuple(_entity(name, table, container) for table in _objects(tables) if (name := _text(table.get("name"))))


def _entity(name: str, table: dict[str, Any], container: str) -> Entity:
    described = _objects(table.get("partitions"))
    partitions, refused = _partitions(described, container)
    dialect, problem = _dialect(described)
    return Entity(name, _columns(table), _primary_key(table), partitions, dialect, refused, problem)


def _partitions(described: list[dict[str, Any]], container: str) -> tuple[tuple[str, ...], str | None]:
    found: dict[str, None] = {}
    refused = None
    for partition in described:
        try:
            found[resolve(_text(partition.get("location")) or "", container)] = None
        except ValueError as reason:
            refused = refused or str(reason)
    return tuple(found), refused


def _columns(table: dict[str, Any]) -> tuple[str, ...] | None:
    attributes = table.get("attributes")
    if not isinstance(attributes, list) or not attributes:
        return None
    names = [_column(attribute.get("name")) if isinstance(attribute, dict) else None for attribute in attributes]
    return tuple(name for name in names if name) if all(names) else None


def _primary_key(table: dict[str, Any]) -> str | None:
    for annotation in _objects(table.get("annotations")):
        if annotation.get("name") == _PRIMARY_KEY:
            return _column(annotation.get("value"))
    return None


def _dialect(described: list[dict[str, Any]]) -> tuple[Dialect, str | None]:
    """How the table's files are written; partitions that disagree cannot be read as one table."""
    try:
        dialects = {_read_dialect(partition.get("fileFormatSettings")) for partition in described}
    except ValueError as problem:
        return Dialect(), str(problem)
    if len(dialects) > 1:
        return Dialect(), "the fileFormatSettings of its partitions differ from each other"
    return (dialects.pop() if dialects else _read_dialect(None)), None


def _read_dialect(settings: object) -> Dialect:
    """The documented defaults hold for what is missing, but for the header: whether there is one is in the file."""
    if not isinstance(settings, dict):
        return Dialect(delimiter=",", quote='"')
    return Dialect(
        delimiter=_delimiter(settings.get("delimiter")),
        quote=_quote(settings),
        header=_boolean(settings.get("columnHeaders")),
        encoding=_encoding(settings.get("encoding")),
    )


def _delimiter(value: object) -> str:
    delimiter = {None: ",", "\\t": "\t"}.get(value, value) if value is None or isinstance(value, str) else ""
    if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in "\r\n\0":
        raise ValueError("the delimiter in fileFormatSettings is not one character")
    return delimiter


def _quote(settings: dict[str, Any]) -> str:
    given = settings.get("quoteCharacter")
    if given is not None:
        if not isinstance(given, str) or len(given) > 1 or given in ("\r", "\n", "\0"):
            raise ValueError("the quoteCharacter in fileFormatSettings is not one character")
        return given
    style = settings.get("quoteStyle", "QuoteStyle.Csv")
    quote = _QUOTES.get(style.rpartition(".")[2].lower()) if isinstance(style, str) else None
    if quote is None:
        raise ValueError("the quoteStyle in fileFormatSettings is neither QuoteStyle.Csv nor QuoteStyle.None")
    return quote


def _boolean(value: object) -> bool | None:
    return value if isinstance(value, bool) else _BOOLEANS.get(str(value).strip().lower())


def _encoding(value: object) -> str | None:
    """The name Python knows it by, so that ``utf8`` and ``UTF-8`` are the same."""
    if value is None:
        return None
    try:
        "".encode(str(value))  # refuses codecs that are no text encodings
        return codecs.lookup(str(value)).name
    except (LookupError, ValueError):
        raise ValueError("the encoding in fileFormatSettings is not one that is known") from None


def _lies_in(entity: Entity, place: Place) -> bool:
    return any(name.startswith(f"{place.label}/") for name in entity.partitions)


def _objects(value: object) -> list[dict[str, Any]]:
    items: Iterable[object] = value if isinstance(value, list) else ()
    return [item for item in items if isinstance(item, dict)]


def _column(value: object) -> str | None:
    return column_name(_text(value) or "") or None


def _text(value: object) -> str | None:
    """A string that can be stored again: JSON may hold halves of a character."""
    if not isinstance(value, str) or not value:
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value
