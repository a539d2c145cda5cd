"""The step behind ``scheduled_refresh``: every export that wants it gets its newest drop exported."""

import logging

from shared.courier import Courier
from shared.documents import Trigger
from shared.errors import Conflict, NotFound
from shared.exports import all_exports
from shared.runs.requests import request_run
from shared.steps.arrival import refresh_due, remembered

logger = logging.getLogger(__name__)


def refresh(courier: Courier) -> None:
    """Ask for a run of every enabled export with ``triggers.refresh`` whose segments have a drop not yet exported."""
    for name, export in all_exports(courier.store).items():
        if not (export.enabled and export.triggers.refresh):
            continue
        if refresh_due(courier, name, export, remembered(courier, name, export)):
            _ask(courier, name)


def _ask(courier: Courier, export: str) -> None:
    try:
        request_run(courier, export, Trigger.REFRESH)
    except (NotFound, Conflict):
        logger.info("export %s was deleted or disabled meanwhile", export)
