"""Calls by hand: what the admin API's input stands for, by kind of trigger."""

import uuid
from datetime import UTC, datetime

from azure.functions.meta import Datum

from local.host.bindings import BlobTrigger, QueueTrigger, TimerTrigger
from local.host.blobs import blob_call
from local.host.load import Function
from local.host.messages import Delivery, trigger_metadata
from local.host.timers import timer_call, utc_now
from local.host.worker import Call

_REASON = "This function was programmatically called via the host APIs."


def call_by_hand(function: Function, given: str) -> Call | None:
    """Describe the call: a queue's input is the message, a blob's its path, a timer takes none; None for HTTP."""
    trigger = function.trigger
    if isinstance(trigger, TimerTrigger):
        return timer_call(function, None, utc_now(), past_due=False)
    if isinstance(trigger, BlobTrigger):
        container, _, name = given.partition("/")
        return blob_call(function, trigger, container, name)
    if isinstance(trigger, QueueTrigger):
        now = utc_now()
        delivery = Delivery(str(uuid.uuid4()), given.encode(), 1, now, datetime.max.replace(tzinfo=UTC), now, "")
        return Call(function, _REASON, Datum(given, "string"), trigger_metadata(delivery, given))
    return None
