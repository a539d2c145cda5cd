"""Messages the host has given up on: each becomes a failed run or a failed receipt with its reason.

Bodies come as they lay in the queue: one that no model understands is the very reason why some end here. Such a body is
reported without its content, and what it was about is picked up by the sweep.
"""

import json
import logging
from typing import TypeVar

from pydantic import ValidationError

from shared import names
from shared.courier import Courier
from shared.delivery import give_up
from shared.documents import Reason, Run, RunState
from shared.doors.clock import now
from shared.messages import BatchMessage, LookMessage, Message, PlanMessage, WatchMessage
from shared.runs.announcing import announce_end
from shared.runs.states import FINAL, moved, take_over
from shared.steps import arrival
from shared.steps.finishing import end_unplanned
from shared.telemetry import Poisoned, record

logger = logging.getLogger(__name__)

M = TypeVar("M", bound=Message)

_PAUSE_SECONDS = 600
"""Whatever made five attempts fail gets this long to pass."""

MOST_POISONED_LOOKS = 12
"""How often in a row a look at a drop is put off before the drop is left to the next event, or to the schedule."""


def plan_poisoned(courier: Courier, body: bytes) -> None:
    """A run that could not be planned fails."""
    if message := _parsed(names.EXPORT_RUNS, PlanMessage, body):
        run = courier.store.find(names.run(message.run), Run)
        if run is not None and run.watch.generation == message.generation:
            end_unplanned(courier, message.run, RunState.FAILED, _given_up("planned"))


def batch_poisoned(courier: Courier, body: bytes) -> None:
    """A batch that could not be delivered gets a failed receipt; its members go out with the next run."""
    if message := _parsed(names.CONTACT_BATCHES, BatchMessage, body):
        give_up(courier, message, _given_up("delivered"))


def watch_poisoned(courier: Courier, body: bytes) -> None:
    """A run that could not be looked after fails; the sweep settles what was confirmed."""
    if message := _parsed(names.RUN_WATCH, WatchMessage, body):
        run = courier.store.find(names.run(message.run), Run)
        if run is not None and run.watch.generation == message.generation:
            moment = now(courier.clock)
            failed = take_over(
                courier.store,
                message.run,
                moment,
                lambda run: run if run.state in FINAL else moved(run, RunState.FAILED, moment, _given_up("watched")),
            )
            announce_end(courier, failed)


def look_poisoned(courier: Courier, body: bytes) -> None:
    """A drop that could not be looked at is looked at later."""
    message = _parsed(names.SEGMENT_DROPS, LookMessage, body)
    if message is None:
        return
    if message.poisoned < MOST_POISONED_LOOKS:
        again = message.model_copy(update={"poisoned": message.poisoned + 1})
        courier.queues.send(names.SEGMENT_DROPS, again, delay=_PAUSE_SECONDS)
    else:
        logger.error(
            "the drop of segment %s is not looked at any more: the log has the error of each try", message.segment
        )
        courier.store.blobs.delete(names.look(message.segment))


def drop_poisoned(courier: Courier, body: bytes) -> None:
    """A dropped blob whose trigger failed is looked at as if it had just come.

    The host's own message: https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-blob-trigger.
    """
    record(Poisoned(queue=names.BLOB_TRIGGER_POISON))
    try:
        name = json.loads(body)["BlobName"]
    except (ValueError, KeyError, TypeError):
        logger.error("a message in %s names no blob", names.BLOB_TRIGGER_POISON)  # noqa: TRY400 - the body stays out
        return
    arrival.dropped(courier, str(name))


def _parsed(queue: str, model: type[M], body: bytes) -> M | None:
    record(Poisoned(queue=queue))
    try:
        return model.model_validate_json(body)
    except ValidationError:
        logger.error("a message in %s is not one this version understands", names.poison(queue))  # noqa: TRY400 - the body stays out
        return None


def _given_up(done: str) -> Reason:
    return Reason(
        code="given_up",
        message=f"it could not be {done} after several attempts: the app's log has the error of each; start a new run",
    )
