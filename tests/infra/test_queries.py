"""The queries of alerts and workbook: understood by Microsoft's own parser, and asking for what the app writes."""

import dataclasses
import re
from pathlib import Path

import pytest

from shared.documents import RunState
from shared.telemetry import Event, name_of
from tests.infra.environments import ROOT
from tests.infra.kusto import Parsed, parse
from tests.infra.templates import INFRA, templates

QUERIES = sorted((INFRA / "queries").glob("*.kql"))
PRELUDE = INFRA / "queries" / "events.kql"
WHOLE = {path.stem: f"{PRELUDE.read_text()}{path.read_text()}" for path in QUERIES if path != PRELUDE}
"""Every query as the templates put it together."""

DOCUMENTS = {path.stem: path.read_text() for path in (INFRA / "README.md", ROOT / "docs" / "runbook.md")}
SNIPPETS = {
    f"{name}-{number}": snippet
    for name, text in DOCUMENTS.items()
    for number, snippet in enumerate(re.findall(r"^```kusto\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
}
ALERTS = (INFRA / "app" / "alerts.bicep").read_text()
RULES = re.findall(r"queries/([\w-]+)\.kql'\).*\n    by: '(\w+)'\n    every: '\w+'\n    window: '(\w+)'", ALERTS)
"""Query, column and window of each alert rule."""

EVENTS = {name_of(kind): kind for kind in Event.__subclasses__()}
FIELDS = {name: {field.name for field in dataclasses.fields(kind)} for name, kind in EVENTS.items()}
IDS = {"event", "run", "export", "batch", "invocation"}

by_path = pytest.mark.parametrize("path", QUERIES, ids=[path.stem for path in QUERIES])


@pytest.fixture(scope="module")
def parsed() -> dict[str, Parsed]:
    """What the parser makes of every query and of every snippet that people are given to paste."""
    return parse(WHOLE | SNIPPETS)


def _events_in(query: str) -> set[str]:
    chosen = "".join(re.findall(r"\bevent (?:==|in) *(\([^)]*\)|'\w+')", query))
    return {*re.findall(r"'(\w+)'", chosen), *re.findall(r"""'{"event":"(\w+)""", query)}


@pytest.mark.parametrize("name", [*WHOLE, *SNIPPETS])
def test_the_parser_of_the_language_understands_every_query(name: str, parsed: dict[str, Parsed]) -> None:
    """Neither grammar nor functions, columns or types are objected to."""
    assert parsed[name].objections == []


def test_the_templates_put_queries_together_as_they_are_parsed() -> None:
    """The first query names the events, and each of the others follows it."""
    assert "query: '${events}${rule.query}'" in ALERTS
    assert "query: '${events}${panel.query}'" in (INFRA / "app" / "workbook.bicep").read_text()


@pytest.mark.parametrize("query", [query for query, _, _ in RULES])
def test_an_alert_reads_one_table(query: str) -> None:
    """Alert rules take neither ``union`` nor ``search``.

    https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-log-query
    """
    code = re.sub(r"//.*", "", WHOLE[query])
    assert re.findall(r"\b(union|search)\b", code) == []


@by_path
def test_a_query_asks_for_events_that_exist(path: Path) -> None:
    """Every event that a query chooses is one that the app can write, and every query but the first chooses some."""
    chosen = _events_in(path.read_text())
    assert chosen <= EVENTS.keys()
    assert chosen or path == PRELUDE


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


def test_alerts_are_split_by_a_column_that_their_query_has(parsed: dict[str, Parsed]) -> None:
    """Each alert rule is mailed once per value of a column, which its query gives out."""
    assert len(RULES) == 4
    assert [query for query, column, _ in RULES if column not in parsed[query].columns] == []


def test_alerts_on_what_has_become_of_something_look_back_as_far_as_they_may() -> None:
    """A last word and a missing success are events of hours ago; two days are the most that an alert rule sees."""
    backward = [query for query, _, _ in RULES if re.search(r"\barg_max\(|\bago\(", WHOLE[query])]
    assert [query for query, _, window in RULES if window == "P2D"] == backward
    assert backward


def test_the_chart_of_imports_has_a_line_for_the_limit(parsed: dict[str, Parsed]) -> None:
    """What is reached is seen against what is allowed, minute by minute and run by run."""
    assert {"timestamp", "imports", "allowed"} <= set(parsed["imports"].columns)
    assert {"timestamp", "reached", "allowed"} <= set(parsed["throughput"].columns)


def test_the_hours_without_success_are_those_of_the_parameter() -> None:
    """The text that the template replaces by its parameter stands in the query exactly once."""
    assert (INFRA / "queries" / "no-success.kql").read_text().count("26h") == 1
    assert "'26h', '${noSuccessHours}h'" in ALERTS


def test_everything_worse_than_information_is_shown_among_the_troubles() -> None:
    """No warning of the app is written without the workbook showing it."""
    serious = {name for name, kind in EVENTS.items() if kind.level > Event.level}
    assert serious <= _events_in((INFRA / "queries" / "troubles.kql").read_text())


def test_the_runbook_has_a_section_for_every_alert() -> None:
    """The mail of an alert names a heading of the runbook, which is there."""
    rules = re.findall(r"^    name: '([\w-]+)'", ALERTS, re.MULTILINE)
    assert [rule for rule in rules if f"Alert `{rule}`" not in DOCUMENTS["runbook"]] == []
