"""Every export that administrators have stored."""

import logging

from shared import names
from shared.documents import Export
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
