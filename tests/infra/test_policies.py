"""The templates against checkov's Azure policies, open and closed; what is broken or skipped says why."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.infra.environments import environment
from tests.infra.templates import INFRA, PATHS

SKIP = re.compile(r"checkov:skip=(\w+):?(.*)")
PUBLIC = re.compile(r"public \? '(\w+)' : '(\w+)'")
BROKEN_WHILE_OPEN = {
    ("CKV_AZURE_35", "app/state.bicep"): "No network is known to come from; nobody without a role gets in.",
    ("CKV_AZURE_59", "app/state.bicep"): "Its endpoint is public, its blobs are not: anonymous reading is off.",
    ("CKV_AZURE_35", "app/drops-account.bicep"): "Whoever drops segments comes through the internet, with a role.",
    ("CKV_AZURE_59", "app/drops-account.bicep"): "Its endpoint is public, its blobs are not: anonymous reading is off.",
    ("CKV_AZURE_109", "app/vault.bicep"): "Administrators store keys from wherever they are, with a role.",
    ("CKV_AZURE_189", "app/vault.bicep"): "The app has no network of its own that the vault could be reached from.",
}
"""The price of a deployment without ``PRIVATE_NETWORK``, which is the default; with it none of these is broken."""

Report = dict[str, Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where copies of the templates lie."""
    return tmp_path_factory.mktemp("policies")


@pytest.fixture(scope="module")
def when_open(folder: Path) -> Report:
    """What checkov finds in the templates as they are deployed by default."""
    return _check(folder / "open", choice=1)


@pytest.fixture(scope="module")
def when_closed(folder: Path) -> Report:
    """What checkov finds in the templates as they are deployed with ``PRIVATE_NETWORK``."""
    return _check(folder / "closed", choice=2)


def _check(copy: Path, choice: int) -> Report:
    """Run checkov where every condition on ``public`` is decided already: it cannot weigh one itself."""
    shutil.copytree(INFRA, copy, ignore=shutil.ignore_patterns("*.md"))
    for path in copy.rglob("*.bicep"):
        path.write_text(PUBLIC.sub(rf"'\{choice}'", path.read_text()))
    checkov = environment("policies", INFRA / "requirements-policies.txt") / "bin" / "checkov"
    command: list[str | Path] = [checkov, "--directory", copy, "--framework", "bicep", "--skip-download"]
    answer = subprocess.run([*command, "--output", "json"], capture_output=True, text=True)
    found: Report = json.loads(answer.stdout)
    return found


def _broken(report: Report) -> set[tuple[str, str]]:
    return {(found["check_id"], found["file_path"].lstrip("/")) for found in report["results"]["failed_checks"]}


def test_every_template_is_understood(when_closed: Report) -> None:
    """No template escapes the policies by being unreadable to them, and the policies do find things to check."""
    assert when_closed["summary"]["parsing_errors"] == 0
    assert when_closed["summary"]["passed"] >= 30
    checked = {found["file_path"].lstrip("/") for found in when_closed["results"]["passed_checks"]}
    assert {"app/state.bicep", "app/drops-account.bicep", "app/vault.bicep", "app/function-app.bicep"} <= checked


def test_no_policy_is_broken_in_a_private_network(when_closed: Report) -> None:
    """Whatever checkov objects to is either corrected, or skipped with a reason."""
    assert _broken(when_closed) == set()


def test_without_one_nothing_is_broken_but_that_endpoints_are_public(when_open: Report) -> None:
    """The default deployment breaks the policies that are listed with their reasons, and no other."""
    assert _broken(when_open) == BROKEN_WHILE_OPEN.keys()
    assert all(_is_a_reason(reason) for reason in BROKEN_WHILE_OPEN.values())


def test_every_skip_has_a_reason_and_skips_something(when_closed: Report) -> None:
    """A skipped policy says why in a sentence, and is gone when it is no longer needed."""
    written = [match for path in PATHS for match in SKIP.findall(path.read_text())]
    assert all(_is_a_reason(reason) for _, reason in written), written
    skipped = [found["check_id"] for found in when_closed["results"]["skipped_checks"]]
    assert sorted(check for check, _ in written) == sorted(skipped)


def _is_a_reason(text: str) -> bool:
    return len(text.split()) >= 5 and text.endswith(".")
