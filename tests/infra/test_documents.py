"""What people read about operations leads where it says, and can be pasted as it stands."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.infra.environments import ROOT

RUNBOOK = ROOT / "docs" / "runbook.md"
DOCUMENTS = [ROOT / "infra" / "README.md", RUNBOOK]
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", re.DOTALL)
BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```", re.MULTILINE | re.DOTALL)

by_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)


@by_document
def test_every_link_leads_to_a_file_and_a_heading_that_exist(document: Path) -> None:
    """Files are there, and so are the headings within them."""
    for path, heading in LINK.findall(document.read_text()):
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), path
        assert not heading or heading in _headings(target), heading


def _headings(document: Path) -> set[str]:
    found = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found}


@by_document
def test_commands_use_only_outputs_that_the_deployment_gives(document: Path) -> None:
    """``azd env get-value`` asks for outputs of main.bicep."""
    asked = set(re.findall(r"azd env get-value (\w+)", document.read_text()))
    given = set(re.findall(r"^output (\w+)", (ROOT / "infra" / "main.bicep").read_text(), re.MULTILINE))
    assert asked <= given


@by_document
def test_commands_are_what_a_shell_understands(document: Path) -> None:
    """No quote is left open, and no placeholder in angle brackets would write to a file."""
    for block in BLOCK.findall(document.read_text()):
        checked = subprocess.run(["sh", "-n"], input=block, capture_output=True, text=True)
        assert checked.returncode == 0, (block, checked.stderr)
        assert not re.search(r"<[a-z]", re.sub(r"'[^']*'|\"[^\"]*\"|#.*", "", block)), block


@by_document
def test_commands_use_only_variables_that_are_set_above(document: Path) -> None:
    """The runbook sets every variable, and before it is needed; infra/README.md refers to the runbook."""
    known = set() if document == RUNBOOK else set(_set_in(RUNBOOK.read_text()))
    for line in "".join(BLOCK.findall(document.read_text())).splitlines():
        assert set(re.findall(r"\$([A-Z]+)", line)) <= known, line
        known |= set(_set_in(line))


def _set_in(text: str) -> list[str]:
    return re.findall(r"^ *([A-Z]+)=", text, re.MULTILINE)


def test_the_runbook_works_wherever_azure_can_be_reached() -> None:
    """It takes names from Azure, and never from the environment on the machine that deployed."""
    assert "azd env get-value " not in RUNBOOK.read_text()


def test_every_post_of_the_runbook_has_a_body() -> None:
    """Azure answers 411 to one without, which is what curl sends of a mere ``--request POST``."""
    commands = "".join(BLOCK.findall(RUNBOOK.read_text())).replace("\\\n", " ").splitlines()
    posts = [command for command in commands if "--request POST" in command]
    assert posts
    assert [command for command in posts if "--data '" not in command] == []


def test_a_repair_does_not_trust_the_last_deployment() -> None:
    """``azd provision`` does nothing where no variable was set just before, unless it is told to ignore its state."""
    sentences = re.split(r"(?<=[.:;?!]) ", " ".join(RUNBOOK.read_text().split()))
    provisions = [sentence for sentence in sentences if "azd provision" in sentence]
    repairs = [sentence for sentence in provisions if not re.search(r"azd env set \w+ <", sentence)]
    assert len(repairs) >= 5
    assert [sentence for sentence in repairs if "azd provision --no-state" not in sentence] == []
