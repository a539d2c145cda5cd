"""From a call to its answer: the one place where errors become statuses."""

import logging
import traceback
from collections.abc import Callable

from shared.api.bodies import check_query, check_size
from shared.api.calls import Answer, Call, Handler, Route
from shared.api.problems import answer_to, error_answer
from shared.courier import Courier
from shared.errors import CourierError

_log = logging.getLogger(__name__)


def answer(
    handler: Handler, open_courier: Callable[[], Courier], call: Call, invocation: str, route: Route | None
) -> Answer:
    """What the handler answers, or the error it ended in. Never raises.

    ``route`` is the line of the table that was called, ``None`` where none of them was.
    ``open_courier`` raises ``SettingsInvalid`` while app settings need attention; then that is every call's answer.
    """
    try:
        check_size(call)
        courier = open_courier()
        if route:
            check_query(call, route)
        return handler(courier, call)
    except CourierError as error:
        if (known := answer_to(error)) is not None:
            return known
        return _defect(error, invocation)
    except Exception as error:  # whatever a defect raises, the caller is told in the shape of every other error
        return _defect(error, invocation)


def _defect(error: Exception, invocation: str) -> Answer:
    _log.error("invocation %s ended in a defect\n%s", invocation, _places(error))
    message = "the app made a mistake: send the call again, and if that does not help report the invocation"
    return error_answer("internal", message, [f"invocation {invocation}"])


def _places(error: BaseException | None) -> str:
    """The traceback without the messages of the exceptions: those may quote what people sent."""
    parts = []
    while error is not None:
        parts.append(f"{type(error).__name__}\n{''.join(traceback.format_tb(error.__traceback__))}")
        error = error.__cause__ or error.__context__
    return "\ncaused by ".join(parts)
