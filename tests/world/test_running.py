"""One world for one person: what is said when a part of it breaks, and what is kept and removed."""

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from local.caller import Refused
from local.running import STOPPED, remove_left_over, run
from local.world import World
from tests.world.commands import processes_of, read_until, started

APP = """
import azure.functions as func

app = func.FunctionApp()

@app.route("hello")
def hello(req: func.HttpRequest) -> str:
    return "hello"
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A small app."""
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "function_app.py").write_text(APP)
    return folder


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made, and what is kept is written."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def played(play: Callable[[World], int]) -> tuple[int, list[str]]:
    """Run that; the exit code, and the lines that were said."""
    console = Console(file=io.StringIO(), width=200)
    code = run(play, console)
    return code, console.file.getvalue().splitlines()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ("host", "The Functions host has ended with exit code -9."),
        ("azurite", "Azurite, the storage emulator, has ended."),
    ],
)
def test_a_part_that_dies_ends_the_world_with_a_sentence(app: Path, temporary: Path, part: str, sentence: str) -> None:
    """Whoever waits does not wait any longer, and what the processes printed is kept where the last line says."""

    def play(world: World) -> int:
        host = world.start_host(app=app)
        os.kill(host.pid if part == "host" else world.azurite.pid, signal.SIGKILL)
        threading.Event().wait(30)
        raise AssertionError("nobody noticed")

    code, lines = played(play)
    assert code == 1
    assert lines[0] == sentence
    (kept,) = temporary.iterdir()
    assert lines[1:] == [f"What happened behind this is kept in {kept}"]
    assert "hello: [GET,POST" in kept.read_text()


def test_an_error_of_the_app_is_a_sentence_too() -> None:
    """The first line of what broke is said; its traceback is kept and not shown."""

    def play(world: World) -> int:
        raise Refused("PUT /exports/a was answered 400: list_id [x] is not a number\nand more")

    code, (sentence, kept) = played(play)
    assert (code, sentence) == (1, "PUT /exports/a was answered 400: list_id [x] is not a number")
    assert "and more" in Path(kept.rpartition(" ")[2]).read_text()


def test_a_world_of_a_dead_process_is_removed(temporary: Path) -> None:
    """What a killed demo left behind goes at the next start; the worlds of the living and other files stay."""
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        dead.wait()
    living, other = f"segment-courier-{os.getpid()}-abc", "segment-courier-abc-def"
    for name in (f"segment-courier-{dead.pid}-abc", living, other):
        (temporary / name / "inside").mkdir(parents=True)
    (temporary / "segment-courier-kept.log").touch()
    remove_left_over(temporary)
    assert {path.name for path in temporary.iterdir()} == {living, other, "segment-courier-kept.log"}


@pytest.mark.parametrize(
    ("command", "words", "number", "code"),
    [
        ("local.demo", "The app is running", signal.SIGINT, 130),
        ("local.demo", "The app is running", signal.SIGTERM, 143),
        ("local.serve --port 0", "Ctrl-C ends all of it", signal.SIGINT, 130),
    ],
)
def test_what_is_stopped_says_so_and_leaves_nothing(
    temporary: Path, command: str, words: str, number: signal.Signals, code: int
) -> None:
    """Ctrl-C and a polite kill: one sentence, the usual exit code, no folder, no file and no process."""
    with started(*command.split(), temporary=temporary) as process:
        read_until(process, words)
        assert processes_of(temporary)
        process.send_signal(number)
        said = process.communicate(timeout=30)[0]
    assert said.splitlines()[-1] == STOPPED
    assert "Traceback" not in said
    assert process.returncode == code
    assert list(temporary.iterdir()) == []
    assert processes_of(temporary) == []
