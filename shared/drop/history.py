"""What the drop exported last says against the one that is newest now.

Whoever is not in a drop leaves, so a drop that is older than the last one, or half of it, makes leavers by accident.
"""

from collections.abc import Sequence
from datetime import datetime

from shared.documents import Drop, DropBlob
from shared.doors.ports import Blob
from shared.drop.layout import moment_in


def is_older(previous: Drop | None, blobs: Sequence[Blob]) -> bool:
    """Whether these blobs lay there before the drop exported last, or are what is left of it."""
    if previous is None or not previous.blobs:
        return False
    now, then = _versions(blobs), _versions(previous.blobs)
    return _newest(blobs) < _newest(previous.blobs) or now < then


def half_replaced(previous: Drop | None, blobs: Sequence[Blob], there: Sequence[Blob]) -> set[str]:
    """The files of the drop exported last that still lie ``there`` and were not replaced, as others among ``blobs``."""
    exported = dict(_versions(previous.blobs)) if previous else {}
    replaced = {blob.name for blob in blobs if exported.get(blob.name, blob.etag) != blob.etag}
    return {blob.name for blob in there if blob.name in exported} - replaced if replaced else set()


def _versions(blobs: Sequence[Blob] | Sequence[DropBlob]) -> set[tuple[str, str]]:
    return {(blob.name, blob.etag) for blob in blobs}


def _newest(blobs: Sequence[Blob] | Sequence[DropBlob]) -> datetime:
    return max(moment_in(blob.name) or blob.modified for blob in blobs)
