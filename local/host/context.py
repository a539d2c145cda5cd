"""What a function is handed besides its trigger: its context, and places for its outputs."""

import threading
from types import SimpleNamespace
from typing import Any

import azure.functions as func

from local.host.load import Function


class Out(func.Out[object]):
    """Where a function leaves the value of an output."""

    def __init__(self) -> None:
        self._value: object = None

    def set(self, val: object) -> None:
        """Choose what is sent once the function has succeeded."""
        self._value = val

    def get(self) -> object:
        """What was chosen last; None for nothing."""
        return self._value


class CallContext(func.Context):
    """What a function's `context` parameter is given."""

    _thread_local_storage = threading.local()

    def __init__(self, invocation_id: str, function: Function) -> None:
        self._invocation_id = invocation_id
        self._function = function

    @property
    def invocation_id(self) -> str:
        """Different for every execution."""
        return self._invocation_id

    @property
    def thread_local_storage(self) -> Any:
        """Storage of the thread, holding `invocation_id`."""
        return self._thread_local_storage

    @property
    def function_name(self) -> str:
        """As in the log and in the admin API."""
        return self._function.name

    @property
    def function_directory(self) -> str:
        """The folder of the file that defines the function."""
        return self._function.directory

    @property
    def trace_context(self) -> Any:
        """Nobody traces a call."""
        return SimpleNamespace(trace_parent="", trace_state="", attributes={})

    @property
    def retry_context(self) -> Any:
        """None: retry policies are not played."""
        return None
