"""What an app and the knobs ask of the settings, checked before anything runs."""

from collections.abc import Callable, Mapping, Sequence

from local.host.bindings import BlobOutput, BlobTrigger, Output, QueueOutput, QueueTrigger, TimerTrigger, Trigger
from local.host.connections import HOST_STORAGE, Connections
from local.host.errors import CannotStart
from local.host.load import Function
from local.host.settings import HostJson
from local.host.worker import Kill


def check_kill(kill: Kill | None, functions: Sequence[Function]) -> None:
    """Raises CannotStart when there is no such function: a test would wait for the kill for ever."""
    if kill and kill.function not in {function.name for function in functions}:
        raise CannotStart(f"there is no function {kill.function} to kill the host at")


def check_bundle(functions: Sequence[Function], host_json: HostJson) -> None:
    """Raises CannotStart naming every function that the real host would not know how to bind.

    Timers and HTTP are its own; queues and blobs come with the extension bundle, and without it nothing polls them.
    """
    if host_json.extension_bundle:
        return
    foreign = [
        function.name
        for function in functions
        if any(isinstance(binding, _OF_STORAGE) for binding in (function.trigger, *function.outputs.values()))
    ]
    if foreign:
        raise CannotStart(f"host.json has no extensionBundle, which the bindings of {', '.join(foreign)} come from")


_OF_STORAGE = (QueueTrigger, BlobTrigger, QueueOutput, BlobOutput)


def check_connections(functions: Sequence[Function], connections: Connections) -> None:
    """Raises CannotStart naming every function whose storage the settings do not describe."""
    problems = []
    for function in functions:
        for binding in (function.trigger, *function.outputs.values()):
            for name, make in _needs(binding, connections):
                try:
                    make(name)
                except (CannotStart, ValueError) as error:
                    problems.append(f"function {function.name}: connection {name}: {error}")
    if problems:
        raise CannotStart("\n".join(problems))


def _needs(binding: Trigger | Output, connections: Connections) -> list[tuple[str, Callable[[str], object]]]:
    """The connections that a binding uses, each with what makes a client of it."""
    match binding:
        case QueueTrigger() | QueueOutput():
            return [(binding.connection, connections.queues)]
        case BlobOutput():
            return [(binding.connection, connections.blobs)]
        case BlobTrigger():
            own = [(HOST_STORAGE, connections.blobs), (HOST_STORAGE, connections.queues)]
            return [(binding.connection, connections.blobs), *own]
        case TimerTrigger():
            return [(HOST_STORAGE, connections.blobs)]
        case _:
            return []


def is_disabled(function: Function, settings: Mapping[str, str]) -> bool:
    """Whether the setting AzureWebJobs.<name>.Disabled takes the function out."""
    return settings.get(f"AzureWebJobs.{function.name}.Disabled", "").lower() in ("1", "true")


def thread_count(settings: Mapping[str, str]) -> int | None:
    """How many synchronous functions may run at once; None for Python's default. Raises CannotStart."""
    text = settings.get("PYTHON_THREADPOOL_THREAD_COUNT")
    if text is None:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise CannotStart("PYTHON_THREADPOOL_THREAD_COUNT is not a number of 1 or more")
    return int(text)
