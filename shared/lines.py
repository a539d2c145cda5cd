"""The contacts of a batch as they were planned: what positions in receipts stand for."""

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from shared import names
from shared.documents import Plan
from shared.store import Store

Contact = Mapping[str, Any]
"""A contact as it stands in a bulk import."""


def lists_of(contact: Contact) -> Iterator[tuple[str, int]]:
    """Which lists a contact is to join (``subscribe``) or to leave (``unsubscribe``)."""
    for way in ("subscribe", "unsubscribe"):
        for one in contact.get(way, ()):
            yield way, one["listid"]


class Lines:
    """Reads single lines of a run's claim-check file."""

    def __init__(self, store: Store, run_id: str) -> None:
        self._store = store
        self._run_id = run_id

    def contacts(self, batch: int) -> list[dict[str, Any]]:
        """The contacts of a batch, in their positions."""
        entry = self._plan.batches[batch]
        name = names.batches(self._run_id)
        etag = self._plan.batches_etag
        line = self._store.blobs.read(name, offset=entry.offset, length=entry.length, etag=etag).data
        contacts: list[dict[str, Any]] = json.loads(line)["contacts"]
        return contacts

    def emails(self, batch: int) -> list[str]:
        """Their addresses."""
        return [str(contact.get("email", "")) for contact in self.contacts(batch)]

    @cached_property
    def _plan(self) -> Plan:
        return self._store.get(names.plan(self._run_id), Plan)
