"""The templates against checkov's Azure policies; what is skipped says why, beside the resource."""

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


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What checkov finds in the templates, as deployed with ``privateNetwork``: it cannot weigh a condition itself."""
    folder = tmp_path_factory.mktemp("closed") / "infra"
    shutil.copytree(INFRA, folder, ignore=shutil.ignore_patterns("*.md"))
    for path in folder.rglob("*.bicep"):
        path.write_text(re.sub(r"public \? '(\w+)' : '(\w+)'", r"'\2'", path.read_text()))
    checkov = environment("policies", INFRA / "requirements-policies.txt") / "bin" / "checkov"
    return _run(checkov, folder)


def _run(checkov: Path, folder: Path) -> dict[str, Any]:
    command: list[str | Path] = [checkov, "--directory", folder, "--framework", "bicep", "--skip-download"]
    answer = subprocess.run([*command, "--output", "json"], capture_output=True, text=True)
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def test_every_template_is_understood(report: dict[str, Any]) -> None:
    """No template escapes the policies by being unreadable to them, and the policies do find things to check."""
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["passed"] >= 30
    checked = {found["file_path"].lstrip("/") for found in report["results"]["passed_checks"]}
    assert {"app/state.bicep", "app/drops-account.bicep", "app/vault.bicep", "app/function-app.bicep"} <= checked


def test_no_policy_is_broken(report: dict[str, Any]) -> None:
    """Whatever checkov objects to is either corrected, or skipped with a reason."""
    broken = [
        (found["check_id"], found["file_path"], found["check_name"]) for found in report["results"]["failed_checks"]
    ]
    assert broken == []


def test_every_skip_has_a_reason_and_skips_something(report: dict[str, Any]) -> None:
    """A skipped policy says why in a sentence, and is gone when it is no longer needed."""
    written = [match for path in PATHS for match in SKIP.findall(path.read_text())]
    assert all(len(reason.split()) >= 5 and reason.endswith(".") for _, reason in written), written
    skipped = [found["check_id"] for found in report["results"]["skipped_checks"]]
    assert sorted(check for check, _ in written) == sorted(skipped)
