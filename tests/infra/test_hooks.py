"""The hooks that connect Event Grid and forget it again, with azd, curl and sleep played by stand-ins."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.infra.environments import ROOT
from tests.infra.templates import INFRA

HOOK = INFRA / "hooks" / "connect-drops.sh"


class Tools:
    """Stand-ins for the programs that the hook calls; ``provision`` fails the first ``failures`` times."""

    def __init__(self, folder: Path, failures: int) -> None:
        self._log = folder / "calls"
        self._log.touch()
        self._folder = folder
        left = folder / "left"
        left.write_text(str(failures))
        self._program("curl", "exit 7")
        self._program("sleep", "")
        fail = f'left=$(cat {left}); [ "$left" -eq 0 ] || {{ echo $((left - 1)) > {left}; exit 1; }}'
        self._program("azd", f'case "$1" in provision) {fail} ;; esac')

    def _program(self, name: str, does: str) -> None:
        path = self._folder / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> {self._log}\n{does}\n')
        path.chmod(0o755)

    def run(self, hook: str | Path, **variables: str) -> int:
        """Run the hook as azd does; returns its exit code."""
        environment = {"PATH": f"{self._folder}:/usr/bin:/bin", "COURIER_URL": "https://func.example.com", **variables}
        return subprocess.run(["sh", "-c", hook], env=environment, capture_output=True).returncode

    @property
    def azd(self) -> list[str]:
        """What azd was asked to do."""
        return [call for call in self._log.read_text().splitlines() if call.startswith("azd")]


CONNECT = ["azd env set DROP_EVENTS true", "azd provision --no-prompt"]


@pytest.mark.parametrize(
    ("connected", "failures", "code", "calls"),
    [
        ("true", 0, 0, []),
        ("false", 0, 0, CONNECT),
        ("false", 2, 0, [*CONNECT, "azd provision --no-prompt", "azd provision --no-prompt"]),
        ("false", 3, 1, [*CONNECT, *CONNECT[1:], *CONNECT[1:], "azd env set DROP_EVENTS false"]),
    ],
    ids=["connected already", "at once", "at the third try", "never"],
)
def test_event_grid_is_connected_once_and_the_app_is_given_time(
    connected: str, failures: int, code: int, calls: list[str], tmp_path: Path
) -> None:
    """One provisioning with events, up to three tries; after that the environment is as before, and the hook fails."""
    tools = Tools(tmp_path, failures)
    assert tools.run(HOOK, COURIER_DROP_EVENTS=connected) == code
    assert tools.azd == calls


def test_event_grid_is_forgotten_with_the_app(tmp_path: Path) -> None:
    """After ``azd down`` the next deployment starts as the first one did, on both systems."""
    section = (ROOT / "azure.yaml").read_text().partition("\n  postdown:\n")[2]
    posix, windows = re.findall(r"      shell: \w+\n      run: (.*)\n", section)
    tools = Tools(tmp_path, failures=0)
    assert tools.run(posix) == 0
    assert tools.azd == ["azd env set DROP_EVENTS false"] == [windows]
