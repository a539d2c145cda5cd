"""The README names what there is, and nothing is there that it does not name."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from pydantic import BaseModel

from shared import receipts
from shared.api.routes import ROUTES
from shared.documents import Connection, Export, RunState
from shared.plan import rejects
from shared.settings import Settings
from tests.fakes import ENVIRONMENT

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def _members(model: type[BaseModel]) -> set[str]:
    """The names of all members of a document, however deep."""
    found: set[str] = set()
    for name, field in model.model_fields.items():
        found.add(name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= _members(field.annotation)
    return found


@pytest.mark.parametrize("document", [Connection, Export])
def test_every_member_of_a_document_is_shown(document: type[BaseModel]) -> None:
    """Whoever writes a document finds each member in the examples or the table."""
    missing = [
        name for name in _members(document) - {"version"} if f'"{name}"' not in README and f"`{name}`" not in README
    ]
    assert missing == []


def test_every_setting_is_in_the_table() -> None:
    """There are as many rows as settings, and each names one that is read."""
    table = re.findall(r"^\| `(\w+)` \|", README.split("## App settings")[1].split("## Documents")[0], re.MULTILINE)
    assert len(table) == len(fields(Settings))
    assert set(ENVIRONMENT) <= set(table)


def test_every_route_is_in_the_table() -> None:
    """Method and address of each, as the README writes them."""
    section = README.split("## HTTP API")[1].split("A run is")[0]
    shown = {
        (method, path.split("?")[0].strip("/"))
        for methods, path in re.findall(r"((?:[A-Z]+ )+)(/[^`\s]*)", section)
        for method in methods.split()
        if not path.startswith("/api/")
    }
    assert shown == {(route.method, route.template) for route in ROUTES}


def test_every_reject_code_is_in_the_table() -> None:
    """The codes of planning and those of delivery, each with its meaning."""
    table = set(
        re.findall(r"^\| `(\w+)` \|", README.split("| reject code |")[1].split("Whoever was refused")[0], re.MULTILINE)
    )
    planned = set(re.findall(r"^\| ``(\w+)`` \|", rejects.__doc__ or "", re.MULTILINE))
    assert planned
    assert table == planned | set(receipts.DETAILS)


def test_every_run_state_is_named() -> None:
    """A reader of the API knows what a state means."""
    assert [state for state in RunState if f"`{state}`" not in README] == []


def test_every_make_target_it_names_exists() -> None:
    """And the two commands come first."""
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"make (demo|test|serve|bench|soak|start|check)\b", README)
    assert set(named) <= targets
    assert named[:2] == ["demo", "test"]
