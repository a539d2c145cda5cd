"""Measuring in a process of its own: memory is that of the work alone, and what it leaves behind ends with it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.machine import peak_mb

_REPOSITORY = Path(__file__).parent.parent
_TAIL = 4000


class MeasurementFailed(RuntimeError):
    """What was to be measured went wrong, so it has no figures; the message says how."""


def apart(module: str, *arguments: object) -> dict[str, Any]:
    """Run ``python -m module`` with these arguments and return what it ``tell``s. Raises ``MeasurementFailed``."""
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=_REPOSITORY,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise MeasurementFailed(f"{module} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-_TAIL:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def tell(**found: object) -> None:
    """Called in that process, last: say what was found, and how much memory it took at most unless that is said."""
    print(json.dumps({"peak_mb": peak_mb(), **found}))
