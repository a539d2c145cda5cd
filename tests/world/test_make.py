"""The set-up of every make target: the right Python, a whole environment, and pins that this Python can install."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]
PYTHONS = ("3.11", "3.12", "3.13")
FILES = ("requirements.txt", "requirements-dev.txt", "requirements-bench.txt")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that has the Makefile and requires nothing."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in FILES:
        (tmp_path / name).touch()
    return tmp_path


def make(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Make something there."""
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=os.environ | environment, capture_output=True, text=True, timeout=60
    )


def test_an_old_python_is_refused_by_name(folder: Path) -> None:
    """Before anything is made, the version that is needed and the one that is there are said."""
    old = folder / "old-python"
    old.write_text(f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = (3, 10, 13); $2"\n')
    old.chmod(0o700)
    done = make(folder, "demo", f"PYTHON={old}")
    assert done.returncode == 2
    assert "needs Python 3.11 or newer, this is 3.10\n" in done.stderr
    assert not (folder / ".venv").exists()


def test_an_environment_that_was_never_finished_is_made_anew(folder: Path) -> None:
    """Interrupted at its first set-up, a clone has a Python without pip; the next make repairs it."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True)
    done = make(folder, ".venv/.installed", f"PYTHON={sys.executable}")
    assert done.returncode == 0, done.stderr
    assert (folder / ".venv" / "bin" / "pip").exists()


def test_what_start_needs_is_said_by_name(folder: Path) -> None:
    """Without Core Tools, and without settings, a sentence says what to do; with both they are started."""
    stamp, programs = folder / ".venv" / ".installed", folder / "programs"
    for path in (stamp.parent, programs):
        path.mkdir()
    stamp.touch()
    for program in ("sh", "make"):
        (programs / program).symlink_to(shutil.which(program) or program)
    assert "install Azure Functions Core Tools" in make(folder, "start", PATH=str(programs)).stderr
    tools = programs / "func"
    tools.write_text("#!/bin/sh\necho started: $1\n")
    tools.chmod(0o700)
    assert "local.settings.sample.json" in make(folder, "start", PATH=str(programs)).stderr
    (folder / "local.settings.json").touch()
    assert "started: start" in make(folder, "start", PATH=str(programs)).stdout


def pins(python: str) -> list[Requirement]:
    """All pins that hold for that Python."""
    lines = [line.partition("#")[0].strip() for name in FILES for line in (ROOT / name).read_text().splitlines()]
    found = [Requirement(line) for line in lines if line and not line.startswith("-r")]
    return [pin for pin in found if not pin.marker or pin.marker.evaluate({"python_version": python})]


@pytest.mark.parametrize("python", PYTHONS)
def test_every_python_that_is_promised_has_one_pin_for_each_package(python: str) -> None:
    """Each package is pinned once, and what is installed here from such a pin does not refuse the other Pythons."""
    found = pins(python)
    assert len({pin.name for pin in found}) == len(found)
    for pin in found:
        (exact,) = pin.specifier
        assert exact.operator == "=="
        if _installed(pin.name) == exact.version:
            wanted = importlib.metadata.metadata(pin.name)["Requires-Python"]
            assert f"{python}.0" in SpecifierSet(wanted or ""), f"{pin} is not for Python {python}"


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
