"""What administrators have stored, all at once."""

import logging
from typing import TypeVar

from shared import names
from shared.documents import Connection, Export, Stored
from shared.errors import CourierError
from shared.store import Store

logger = logging.getLogger(__name__)

D = TypeVar("D", bound=Stored)


def all_exports(store: Store) -> dict[str, Export]:
    """Every export by name; one that cannot be understood is left out and logged, so that the others go on."""
    return _all(store, names.EXPORTS, Export)


def all_connections(store: Store) -> dict[str, Connection]:
    """Every connection by name; one that cannot be understood is left out and logged."""
    return _all(store, names.CONNECTIONS, Connection)


def _all(store: Store, folder: str, model: type[D]) -> dict[str, D]:
    _, blobs = store.blobs.level(folder)
    found: dict[str, D] = {}
    for blob in blobs:
        name = blob.name.removeprefix(folder).removesuffix(".json")
        try:
            document = store.find(blob.name, model)
        except CourierError as error:
            logger.error("%s is left out: %s (%s)", blob.name, error.message, ", ".join(error.details))  # noqa: TRY400 - a trace adds nothing
            continue
        if document is not None:
            found[name] = document
    return found
