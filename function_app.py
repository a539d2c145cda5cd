"""Every trigger of Segment Courier. Each reads what it was given, calls one step, and returns."""

import os

import azure.functions as func
import azurefunctions.extensions.bindings.blob as blob

from shared import delivery, names
from shared.api.blueprint import http_api
from shared.messages import BatchMessage, LookMessage, PlanMessage, WatchMessage
from shared.opening import open_courier
from shared.settings import blob_trigger_source
from shared.steps import arrival, planning, poison, refreshing, sweeping, watching
from shared.telemetry import about, quiet

quiet()

HOST_STORAGE = "AzureWebJobsStorage"
SEGMENT_STORAGE = "SegmentStorage"

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
app.register_functions(http_api(open_courier))


@app.timer_trigger(arg_name="timer", schedule="%REFRESH_SCHEDULE%", run_on_startup=False)
def scheduled_refresh(timer: func.TimerRequest, context: func.Context) -> None:
    """Ask for a run of every export whose segments have a drop not yet exported."""
    with about(invocation=context.invocation_id):
        refreshing.refresh(open_courier())


@app.blob_trigger(
    arg_name="dropped",
    path="%SEGMENTS_CONTAINER%/{name}",
    connection=SEGMENT_STORAGE,
    source=func.BlobSource(blob_trigger_source(os.environ)),
)
def segment_dropped(dropped: blob.BlobClient, context: func.Context) -> None:
    """See whether the drop is whole; its content does not come to the worker."""
    with about(invocation=context.invocation_id):
        arrival.dropped(open_courier(), dropped.blob_name)


@app.queue_trigger(arg_name="message", queue_name=names.SEGMENT_DROPS, connection=HOST_STORAGE)
def look_again(message: func.QueueMessage, context: func.Context) -> None:
    """Look again at a drop that was not yet whole."""
    with about(invocation=context.invocation_id):
        arrival.look_again(open_courier(), LookMessage.model_validate_json(message.get_body()))


@app.queue_trigger(arg_name="message", queue_name=names.EXPORT_RUNS, connection=HOST_STORAGE)
def plan_run(message: func.QueueMessage, context: func.Context) -> None:
    """Plan a run."""
    with about(invocation=context.invocation_id):
        planning.plan_run(open_courier(), PlanMessage.model_validate_json(message.get_body()))


@app.queue_trigger(arg_name="message", queue_name=names.CONTACT_BATCHES, connection=HOST_STORAGE)
def deliver_batch(message: func.QueueMessage, context: func.Context) -> None:
    """Deliver one batch at its appointment."""
    with about(invocation=context.invocation_id):
        delivery.deliver(open_courier(), BatchMessage.model_validate_json(message.get_body()))


@app.queue_trigger(arg_name="message", queue_name=names.RUN_WATCH, connection=HOST_STORAGE)
def watch_run(message: func.QueueMessage, context: func.Context) -> None:
    """Look after a run."""
    with about(invocation=context.invocation_id):
        watching.watch_run(open_courier(), WatchMessage.model_validate_json(message.get_body()))


@app.timer_trigger(arg_name="timer", schedule="0 */5 * * * *", run_on_startup=False)
def sweep(timer: func.TimerRequest, context: func.Context) -> None:
    """Pick up what a crash left behind, and remove what has expired."""
    with about(invocation=context.invocation_id):
        sweeping.sweep(open_courier())


@app.queue_trigger(arg_name="message", queue_name=names.poison(names.EXPORT_RUNS), connection=HOST_STORAGE)
def plan_run_poisoned(message: func.QueueMessage, context: func.Context) -> None:
    """Fail a run that could not be planned."""
    with about(invocation=context.invocation_id):
        poison.plan_poisoned(open_courier(), message.get_body())


@app.queue_trigger(arg_name="message", queue_name=names.poison(names.CONTACT_BATCHES), connection=HOST_STORAGE)
def deliver_batch_poisoned(message: func.QueueMessage, context: func.Context) -> None:
    """Write the failed receipt of a batch that could not be delivered."""
    with about(invocation=context.invocation_id):
        poison.batch_poisoned(open_courier(), message.get_body())


@app.queue_trigger(arg_name="message", queue_name=names.poison(names.RUN_WATCH), connection=HOST_STORAGE)
def watch_run_poisoned(message: func.QueueMessage, context: func.Context) -> None:
    """Fail a run that could not be looked after."""
    with about(invocation=context.invocation_id):
        poison.watch_poisoned(open_courier(), message.get_body())


@app.queue_trigger(arg_name="message", queue_name=names.poison(names.SEGMENT_DROPS), connection=HOST_STORAGE)
def look_again_poisoned(message: func.QueueMessage, context: func.Context) -> None:
    """Look at the drop once more, later."""
    with about(invocation=context.invocation_id):
        poison.look_poisoned(open_courier(), message.get_body())


@app.queue_trigger(arg_name="message", queue_name=names.BLOB_TRIGGER_POISON, connection=SEGMENT_STORAGE)
def segment_dropped_poisoned(message: func.QueueMessage, context: func.Context) -> None:
    """Look at the dropped blob once more, later."""
    with about(invocation=context.invocation_id):
        poison.drop_poisoned(open_courier(), message.get_body())
