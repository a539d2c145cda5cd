"""The queries of alerts and workbook against what the app really writes."""

import dataclasses
import re
from pathlib import Path

import pytest

from shared.documents import RunState
from shared.telemetry import Event, name_of
from tests.infra.templates import INFRA, templates

QUERIES = sorted((INFRA / "queries").glob("*.kql"))
EVENTS = {name_of(kind): kind for kind in Event.__subclasses__()}
FIELDS = {name: {field.name for field in dataclasses.fields(kind)} for name, kind in EVENTS.items()}
IDS = {"event", "run", "export", "batch", "invocation"}

by_path = pytest.mark.parametrize("path", QUERIES, ids=[path.stem for path in QUERIES])


def _events_in(query: str) -> set[str]:
    chosen = "".join(re.findall(r"\bevent (?:==|in) *(\([^)]*\)|'\w+')", query))
    return set(re.findall(r"'(\w+)'", chosen))


@by_path
def test_a_query_asks_for_events_that_exist(path: Path) -> None:
    """Every event that a query chooses is one that the app can write, and every query but the first chooses some."""
    chosen = _events_in(path.read_text())
    assert chosen <= EVENTS.keys()
    assert chosen or path.stem == "events"


@by_path
def test_a_query_reads_fields_that_its_events_have(path: Path) -> None:
    """Every ``e.field`` is an id, or a field of an event that the query chooses."""
    query = path.read_text()
    known = IDS.union(*(FIELDS[event] for event in _events_in(query)))
    assert set(re.findall(r"\be\.(\w+)", query)) <= known


@by_path
def test_a_query_compares_with_states_that_exist(path: Path) -> None:
    """Run states in a query are spelled as the app spells them."""
    spelled = "".join(re.findall(r"tostring\(e\.state\) (?:==|in) *(\([^)]*\)|'\w+')", path.read_text()))
    assert set(re.findall(r"'(\w+)'", spelled)) <= set(RunState)


@by_path
def test_every_query_is_used(path: Path) -> None:
    """An alert or the workbook loads it."""
    assert any(f"queries/{path.name}'" in found.text for found in templates())


def test_alerts_are_split_by_a_column_that_their_query_has() -> None:
    """Each alert rule is mailed once per value of a column, which its query gives out."""
    text = (INFRA / "app" / "alerts.bicep").read_text()
    rules = re.findall(r"queries/([\w-]+\.kql)'\).*\n    by: '(\w+)'", text)
    assert len(rules) == 4
    for query, column in rules:
        assert re.search(rf"\b(project|distinct)\b.*\b{column}\b", (INFRA / "queries" / query).read_text())


def test_the_hours_without_success_are_those_of_the_parameter() -> None:
    """The text that the template replaces by its parameter stands in the query exactly once."""
    assert (INFRA / "queries" / "no-success.kql").read_text().count("26h") == 1
    assert "'26h', '${noSuccessHours}h'" in (INFRA / "app" / "alerts.bicep").read_text()


def test_everything_worse_than_information_is_shown_among_the_troubles() -> None:
    """No warning of the app is written without the workbook showing it."""
    serious = {name for name, kind in EVENTS.items() if kind.level > Event.level}
    assert serious <= _events_in((INFRA / "queries" / "troubles.kql").read_text())


def test_the_runbook_has_a_section_for_every_alert() -> None:
    """The mail of an alert names a heading of the runbook, which is there."""
    rules = re.findall(r"^    name: '([\w-]+)'", (INFRA / "app" / "alerts.bicep").read_text(), re.MULTILINE)
    runbook = (INFRA.parent / "docs" / "runbook.md").read_text()
    assert [rule for rule in rules if f"Alert `{rule}`" not in runbook] == []
