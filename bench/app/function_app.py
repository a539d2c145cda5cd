"""The triggers that a run passes through, opened with the clock of the benchmark; the steps are those deployed."""

import azure.functions as func

from bench.scaled import open_scaled
from shared import delivery, names, telemetry
from shared.api.blueprint import http_api
from shared.messages import BatchMessage, PlanMessage, WatchMessage
from shared.steps import planning, watching

telemetry.quiet()

HOST_STORAGE = "AzureWebJobsStorage"

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
app.register_functions(http_api(open_scaled))


@app.queue_trigger(arg_name="message", queue_name=names.EXPORT_RUNS, connection=HOST_STORAGE)
def plan_run(message: func.QueueMessage) -> None:
    """Plan a run."""
    planning.plan_run(open_scaled(), PlanMessage.model_validate_json(message.get_body()))


@app.queue_trigger(arg_name="message", queue_name=names.CONTACT_BATCHES, connection=HOST_STORAGE)
def deliver_batch(message: func.QueueMessage) -> None:
    """Deliver one batch at its appointment."""
    delivery.deliver(open_scaled(), BatchMessage.model_validate_json(message.get_body()))


@app.queue_trigger(arg_name="message", queue_name=names.RUN_WATCH, connection=HOST_STORAGE)
def watch_run(message: func.QueueMessage) -> None:
    """Look after a run."""
    watching.watch_run(open_scaled(), WatchMessage.model_validate_json(message.get_body()))
