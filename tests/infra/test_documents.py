"""What people read about operations leads where it says."""

import re
from pathlib import Path

import pytest

from tests.infra.environments import ROOT

DOCUMENTS = [ROOT / "infra" / "README.md", ROOT / "docs" / "runbook.md"]
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_every_link_leads_to_a_file_and_a_heading_that_exist(document: Path) -> None:
    """Files are there, and so are the headings within them."""
    for path, heading in LINK.findall(document.read_text()):
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), path
        assert not heading or heading in _headings(target), heading


def _headings(document: Path) -> set[str]:
    found = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_commands_use_only_outputs_that_the_deployment_gives(document: Path) -> None:
    """``azd env get-value`` asks for outputs of main.bicep."""
    asked = set(re.findall(r"azd env get-value (\w+)", document.read_text()))
    given = set(re.findall(r"^output (\w+)", (ROOT / "infra" / "main.bicep").read_text(), re.MULTILINE))
    assert asked <= given
