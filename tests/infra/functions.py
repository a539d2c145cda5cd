"""The functions of an app folder, as the Functions worker finds them."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LIST = """
import json, function_app
functions = function_app.app.get_functions()
found = [{"name": f.get_function_name(), "bindings": f.get_bindings_dict()["bindings"]} for f in functions]
print(json.dumps(found, default=str))
"""


@dataclass(frozen=True)
class Function:
    """A function's name, and its trigger as in ``function.json``."""

    name: str
    trigger: dict[str, Any]


def functions_in(folder: Path, python: Path) -> list[Function]:
    """Load ``function_app.py`` of that folder in a process of its own, with no environment but a search path."""
    answer = subprocess.run(
        [python, "-c", _LIST], cwd=folder, env={"PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
    return [Function(found["name"], _trigger(found["bindings"])) for found in json.loads(answer.stdout)]


def _trigger(bindings: list[dict[str, Any]]) -> dict[str, Any]:
    (trigger,) = (binding for binding in bindings if str(binding["type"]).lower().endswith("trigger"))
    return trigger
