"""Loads an app as the Python worker does: import function_app.py, ask it for its functions, check each of them."""

import importlib
import inspect
import json
import os
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import azure.functions as func

from local.host.bindings import HttpTrigger, Output, Trigger, read_binding
from local.host.errors import CannotStart
from local.host.settings import Substitution
from local.host.signatures import Signature, read_signature

_NAME = re.compile(r"(?!host$)[a-z][a-z0-9_-]{0,127}", re.IGNORECASE)


@dataclass(frozen=True)
class Function:
    """A function of the app, ready to be called."""

    name: str
    call: Callable[..., object]
    trigger: Trigger
    outputs: Mapping[str, Output]
    signature: Signature

    @property
    def is_async(self) -> bool:
        """Whether it runs on the event loop instead of a thread."""
        return inspect.iscoroutinefunction(self.call)

    @property
    def directory(self) -> str:
        """The folder of the file that defines it."""
        return str(Path(inspect.getfile(self.call)).parent)


def load(app: Path, settings: Mapping[str, str]) -> list[Function]:
    """Import the app into this process, once, and read its functions.

    Raises CannotStart with every reason found, or whatever the import raises.
    """
    return read_functions(_import(app), settings)


def read_functions(declarations: Iterable[func.Function], settings: Mapping[str, str]) -> list[Function]:
    """Read what `FunctionApp.get_functions()` returned. Raises CannotStart with every reason found."""
    substitution = Substitution(settings)
    problems: list[str] = []
    functions: list[Function] = []
    for declared in declarations:
        try:
            functions.append(_read(declared, substitution))
        except ValueError as error:
            problems.append(f"cannot load the function {declared.get_function_name()}: {error}")
    problems += [f"no setting {name}, which a binding names as %{name}%" for name in sorted(substitution.missing)]
    problems += _conflicts(functions)
    if problems:
        raise CannotStart("\n".join(problems))
    return functions


def _import(app: Path) -> list[func.Function]:
    os.chdir(app)
    sys.path.insert(0, str(app))
    module = importlib.import_module("function_app")
    registers = [value for value in vars(module).values() if isinstance(value, func.FunctionRegister)]
    if len(registers) != 1:
        raise CannotStart(f"function_app.py must define one FunctionApp at the top level, not {len(registers)}")
    try:
        functions: list[func.Function] = registers[0].get_functions()
    except ValueError as error:
        raise CannotStart(str(error)) from None
    return functions


def _read(declared: func.Function, substitution: Substitution) -> Function:
    name = str(declared.get_function_name())
    if not _NAME.fullmatch(name):
        raise ValueError("the name is not letters, digits, - and _, beginning with a letter, 128 at most")
    if declared.get_settings_dict("retry_policy"):
        raise ValueError("a retry policy is not played by this host")
    raw = json.loads(declared.get_function_json(), object_hook=lambda item: _substituted(item, substitution))
    bindings = [read_binding(binding) for binding in raw["bindings"]]
    (trigger,) = (binding for binding in bindings if isinstance(binding, Trigger))
    outputs = {binding.name: binding for binding in bindings if isinstance(binding, Output)}
    call = declared.get_user_function()
    return Function(name, call, trigger, outputs, read_signature(call, trigger, outputs))


def _substituted(item: dict[str, object], substitution: Substitution) -> dict[str, object]:
    return {
        key: substitution(value) if isinstance(value, str) and key != "name" else value for key, value in item.items()
    }


def _conflicts(functions: Iterable[Function]) -> list[str]:
    """Two functions that would answer the same requests."""
    owners = defaultdict(list)
    for function in functions:
        if isinstance(function.trigger, HttpTrigger):
            for method in function.trigger.methods:
                owners[method, function.trigger.route.template.lower()].append(function.name)
    return [
        f"{' and '.join(names)} have the same route: {method} {route}"
        for (method, route), names in owners.items()
        if len(names) > 1
    ]
