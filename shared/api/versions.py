"""Documents of administrators with their ETags: who writes or deletes may say which version they mean.

https://www.rfc-editor.org/rfc/rfc9110#name-conditional-requests
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import ValidationError

from shared.api.calls import Call
from shared.courier import Courier
from shared.documents import Stored
from shared.errors import BlobChanged, BlobMissing, CallerError, CourierError

D = TypeVar("D", bound=Stored)

_TRIES = 10
_FAILED = "precondition_failed"


@dataclass(frozen=True)
class Version(Generic[D]):
    """A stored document; ``document`` is ``None`` where this version of the app cannot read it."""

    name: str
    document: D | None
    etag: str

    def readable(self) -> D:
        """The document; ``document_unreadable`` where it is none."""
        if self.document is None:
            message = f"{self.name} is not a document this version understands: PUT it again"
            raise CourierError(message, code="document_unreadable")
        return self.document


@dataclass(frozen=True)
class Condition:
    """What the call asks of the version it changes, as lists of ETags; ``None`` asks nothing."""

    match: tuple[str, ...] | None
    none_match: tuple[str, ...] | None

    @classmethod
    def of(cls, call: Call) -> "Condition":
        """The condition in the headers If-Match and If-None-Match."""
        return cls(_tags(call.headers.get("if-match")), _tags(call.headers.get("if-none-match")))

    def check(self, version: Version[D] | None) -> None:
        """Raise ``precondition_failed`` where it does not hold."""
        if self.match is not None and not _among(version, self.match):
            named = "another version: GET it again and repeat the change" if version else "a version, and there is none"
            raise CallerError(f"If-Match names {named}", code=_FAILED)
        if self.none_match is not None and _among(version, self.none_match):
            raise CallerError("If-None-Match names the version there is", code=_FAILED)


def find_version(courier: Courier, name: str, model: type[D]) -> Version[D] | None:
    """The document in that blob with its ETag, ``None`` where there is none."""
    try:
        content = courier.store.blobs.read(name)
    except BlobMissing:
        return None
    try:
        return Version(name, model.from_bytes(content.data), content.etag)
    except ValidationError:
        return Version(name, None, content.etag)


@dataclass(frozen=True)
class Saved:
    """The version that was stored, and whether there was none before."""

    etag: str
    created: bool


def save(
    courier: Courier,
    name: str,
    model: type[D],
    condition: Condition,
    prepare: Callable[[Version[D] | None], D],
) -> Saved:
    """Store what ``prepare`` makes of the version there is; it is called again where others get in between."""
    for _ in range(_TRIES):
        previous = find_version(courier, name, model)
        condition.check(previous)
        document = prepare(previous)
        try:
            etag = courier.store.blobs.write(
                name,
                document.to_bytes(),
                if_match=previous.etag if previous else None,
                create_only=previous is None,
            )
        except (BlobChanged, BlobMissing):
            continue
        return Saved(quoted(etag), created=previous is None)
    raise _contended(name)


def remove(
    courier: Courier,
    name: str,
    model: type[D],
    condition: Condition,
    allow: Callable[[Version[D] | None], None],
) -> Version[D] | None:
    """Delete the version there is and return it, ``None`` where there is none.

    ``allow`` raises where that version may not go; it is called again where others get in between.
    """
    for _ in range(_TRIES):
        found = find_version(courier, name, model)
        allow(found)
        condition.check(found)
        try:
            if found:
                courier.store.blobs.delete(name, if_match=found.etag)
        except BlobChanged:
            continue
        return found
    raise _contended(name)


def quoted(etag: str) -> str:
    """As the header ETag has it."""
    return f'"{_plain(etag)}"'


def listed(courier: Courier, prefix: str) -> Iterator[str]:
    """The names of the documents directly below a prefix."""
    _, blobs = courier.store.blobs.level(prefix)
    for blob in blobs:
        if blob.name.endswith(".json"):
            yield blob.name.removeprefix(prefix).removesuffix(".json")


def _contended(name: str) -> CourierError:
    return CourierError(f"{name} was changed by others {_TRIES} times in a row", code="contended")


def _tags(header: str | None) -> tuple[str, ...] | None:
    return None if header is None else tuple(_plain(tag) for tag in header.split(","))


def _plain(tag: str) -> str:
    """Without its quotes, and without the mark that a proxy puts before the tag of what it compressed."""
    return tag.strip().removeprefix("W/").strip('"')


def _among(version: Version[D] | None, tags: tuple[str, ...]) -> bool:
    return version is not None and ("*" in tags or _plain(version.etag) in tags)
