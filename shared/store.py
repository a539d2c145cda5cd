"""Typed documents in the state container, every read-modify-write guarded by the blob's ETag."""

from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError

from shared.documents import Stored
from shared.doors.ports import Blobs
from shared.errors import BlobChanged, BlobMissing, CourierError

D = TypeVar("D", bound=Stored)

_TRIES = 50
"""Writers of one document meet rarely and briefly; whoever loses this often has found a defect, not contention."""


class Store:
    """Documents by blob name. Storage that cannot be reached raises Azure's own errors; the step is taken again."""

    def __init__(self, blobs: Blobs) -> None:
        self.blobs = blobs

    def find(self, name: str, model: type[D]) -> D | None:
        """The document, or ``None`` where there is none."""
        try:
            return self.get(name, model)
        except BlobMissing:
            return None

    def get(self, name: str, model: type[D]) -> D:
        """The document; ``BlobMissing`` where there is none."""
        return _parse(name, model, self.blobs.read(name).data)

    def create(self, name: str, document: Stored) -> bool:
        """Store it unless something already lies there; says whether it was stored."""
        try:
            self.blobs.write(name, document.to_bytes(), create_only=True)
        except BlobChanged:
            return False
        return True

    def put(self, name: str, document: Stored) -> None:
        """Store it, whatever lay there."""
        self.blobs.write(name, document.to_bytes())

    def modify(self, name: str, model: type[D], change: Callable[[D], D], *, default: D | None = None) -> D:
        """Replace the document by what ``change`` makes of it, as often as others get in between.

        ``change`` may run several times. Where there is no document it gets ``default``, or ``BlobMissing`` is raised.
        Nothing is written when nothing changes.
        """
        for _ in range(_TRIES):
            try:
                return self._modify_once(name, model, change, default)
            except BlobChanged:
                continue
        raise CourierError(f"{name} was changed by others {_TRIES} times in a row", code="contended")

    def _modify_once(self, name: str, model: type[D], change: Callable[[D], D], default: D | None) -> D:
        try:
            content = self.blobs.read(name)
        except BlobMissing:
            if default is None:
                raise
            changed = change(default)
            self.blobs.write(name, changed.to_bytes(), create_only=True)
            return changed
        document = _parse(name, model, content.data)
        changed = change(document)
        if changed != document:
            self.blobs.write(name, changed.to_bytes(), if_match=content.etag)
        return changed


def _parse(name: str, model: type[D], data: bytes) -> D:
    try:
        return model.from_bytes(data)
    except ValidationError as error:
        places = [".".join(map(str, problem["loc"])) for problem in error.errors(include_input=False)]
        message = f"{name} is not a document this version understands"
        raise CourierError(message, code="document_unreadable", details=places) from None
