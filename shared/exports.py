"""The exports that administrators have stored, and where they lead."""

import logging

from shared import names
from shared.documents import Connection, Export, Target
from shared.errors import CourierError
from shared.store import Store

logger = logging.getLogger(__name__)


def all_exports(store: Store) -> dict[str, Export]:
    """Every export by name; one that cannot be understood is left out and logged, so that the others go on."""
    _, blobs = store.blobs.level(names.EXPORTS)
    found: dict[str, Export] = {}
    for blob in blobs:
        name = blob.name.removeprefix(names.EXPORTS).removesuffix(".json")
        try:
            document = store.find(blob.name, Export)
        except CourierError as error:
            logger.error("%s is left out: %s (%s)", blob.name, error.message, ", ".join(error.details))  # noqa: TRY400 - a trace adds nothing
            continue
        if document is not None:
            found[name] = document
    return found


def target_of(store: Store, export: Export) -> Target | None:
    """Where an export sends its contacts; ``None`` where its connection does not exist."""
    connection = store.find(names.connection(export.connection), Connection)
    return target_over(connection, export) if connection else None


def target_over(connection: Connection, export: Export) -> Target:
    """Where an export over that connection sends its contacts."""
    return Target(host=connection.host, list_id=export.list_id)
