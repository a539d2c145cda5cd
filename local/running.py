"""One world for one person at a terminal: it ends in order, says why in a sentence, and keeps what explains it."""

import os
import re
import shutil
import signal
import tempfile
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import requests
from azure.core.exceptions import AzureError
from rich.console import Console
from rich.markup import escape

from local.caller import Refused
from local.ending import alarmed, orderly_termination
from local.world import World

STOPPED = "Stopped: everything is torn down."
_PREFIX = "segment-courier-"
_FOLDER = re.compile(rf"{_PREFIX}(\d+)-.*")
# What a machine, a person or the app can bring about. Anything else is a mistake of ours and shows its traceback.
_BREAKS = (Refused, OSError, RuntimeError, AzureError)


def run(play: Callable[[World], int], console: Console) -> int:
    """Play in a world of its own, of which nothing is left afterwards; returns the exit code.

    That is what `play` returns; 1 when something broke, which is said in a sentence; 128 and the signal's number when
    somebody ended it. Where it is 1, what the processes have printed is kept, and where is said.
    """
    remove_left_over(Path(tempfile.gettempdir()))
    with orderly_termination():
        try:
            with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-") as folder:
                return _play(play, Path(folder), console)
        except KeyboardInterrupt:
            code = 128 + signal.SIGINT
        except SystemExit as asked:
            code = int(asked.code or 0)
    with suppress(OSError):  # the terminal may be gone
        console.print(STOPPED)
    return code


def _play(play: Callable[[World], int], folder: Path, console: Console) -> int:
    try:
        with World(folder) as world, alarmed(world.lost):
            code, why = play(world), ""
    except _BREAKS as error:
        code, why = 1, traceback.format_exc()
        fail(console, _sentence(error))
    if code:
        console.print(f"What happened behind this is kept in {_keep(folder, why)}", soft_wrap=True)
    return code


def fail(console: Console, sentence: str) -> None:
    """Say what stands in the way."""
    console.print(f"[red]{escape(sentence)}[/red]")


def _sentence(error: Exception) -> str:
    if isinstance(error, requests.Timeout):
        return "The app did not answer in time."
    if isinstance(error, requests.ConnectionError):
        return "The app does not answer any more."
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(":")


def _keep(folder: Path, why: str) -> Path:
    """Write the logs of a world into a file that outlives it."""
    handle, name = tempfile.mkstemp(prefix=_PREFIX, suffix=".log")
    with os.fdopen(handle, "w") as kept:
        kept.write(why)
        for log in sorted(folder.rglob("*.log")):
            kept.write(f"\n== {log.relative_to(folder)}\n{log.read_text(errors='replace')}")
    return Path(name)


def remove_left_over(folder: Path) -> None:
    """Remove the worlds of processes that were killed before they could."""
    for path in folder.glob(f"{_PREFIX}*-*"):
        if (found := _FOLDER.fullmatch(path.name)) and path.is_dir() and _is_dead(int(found[1])):
            shutil.rmtree(path, ignore_errors=True)


def _is_dead(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # somebody else's
        pass
    return False
