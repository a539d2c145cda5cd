"""App settings: what the code reads, what the templates set, what the sample and the README show."""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from shared import names
from shared.settings import read_settings
from tests.fakes import ENVIRONMENT
from tests.infra.environments import ROOT
from tests.infra.functions import Function, functions_in
from tests.infra.templates import template

SET = set(template("app/function-app.bicep").variables["settings"])
HOST: dict[str, Any] = json.loads((ROOT / "host.json").read_text())
SAMPLE: dict[str, str] = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
DESIGN = {
    "AzureWebJobsStorage",
    "SegmentStorage",
    "SEGMENTS_CONTAINER",
    "STATE_CONTAINER",
    "KEY_VAULT_URL",
    "REFRESH_SCHEDULE",
    "BLOB_TRIGGER_SOURCE",
    "DROP_SETTLE_SECONDS",
    "RUN_RETENTION_DAYS",
}
OTHER_WAYS = {
    "AzureWebJobsStorage",  # a connection string, for one machine
    "AzureWebJobsStorage__accountName",  # instead of the two addresses
    "SegmentStorage",
    "SegmentStorage__accountName",
}
PLATFORM = {
    "AZURE_CLIENT_ID",  # azure-identity
    "AzureWebJobsStorage__credential",  # the Functions host
    "AzureWebJobsStorage__clientId",
    "SegmentStorage__credential",  # the Functions host and the blob binding
    "SegmentStorage__clientId",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",  # the Functions host
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
    "PYTHON_THREADPOOL_THREAD_COUNT",  # the Python worker
}
GIVEN_BY_AZURE = {"WEBSITE_AUTH_ENABLED"}
"""Set by App Service itself, never by us."""


class Recorder(Mapping[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


@pytest.fixture(scope="module")
def functions() -> list[Function]:
    """The functions of this folder."""
    return functions_in(ROOT, Path(sys.executable))


@pytest.fixture(scope="module")
def read() -> set[str]:
    """The settings that the code asks for."""
    environment = Recorder(ENVIRONMENT)
    read_settings(environment)
    return environment.asked


def test_every_setting_that_is_read_is_set(read: set[str]) -> None:
    """The templates set what the code reads, save for other ways to say the same."""
    assert read - OTHER_WAYS <= SET


def test_no_setting_is_set_that_nobody_reads(read: set[str]) -> None:
    """Whatever else is set is for the platform, and listed here with who reads it."""
    assert SET - read - PLATFORM == set()
    assert SET >= PLATFORM


def test_nothing_reads_the_environment_behind_the_settings() -> None:
    """Only ``settings.py`` names settings; the one other name that is read comes from Azure itself."""
    named = {
        name
        for path in [*ROOT.glob("shared/**/*.py"), ROOT / "function_app.py"]
        for name in re.findall(r"environ(?:ment)?(?:\.get\(|\[)\"(\w+)\"", path.read_text())
    }
    assert named <= SET | GIVEN_BY_AZURE


def test_triggers_name_settings_and_connections_that_are_set(functions: list[Function]) -> None:
    """Every ``%NAME%`` and every connection of a trigger is among the settings."""
    triggers = [function.trigger for function in functions]
    named = set(re.findall(r"%(\w+)%", json.dumps(triggers)))
    connections = {str(trigger["connection"]) for trigger in triggers if "connection" in trigger}
    assert named <= SET
    assert connections == {"AzureWebJobsStorage", "SegmentStorage"}


def test_every_queue_has_its_function_and_every_function_its_queue(functions: list[Function]) -> None:
    """Queue triggers and queues match one to one; poisoned drops are looked for where the host puts them."""
    queues = {t["queueName"]: t["connection"] for t in (f.trigger for f in functions) if t["type"] == "queueTrigger"}
    ours = dict.fromkeys([*names.QUEUES, *map(names.poison, names.QUEUES)], "AzureWebJobsStorage")
    assert queues == ours | {names.BLOB_TRIGGER_POISON: "SegmentStorage"}


def test_the_blob_function_is_the_one_that_event_grid_calls(functions: list[Function]) -> None:
    """There is one blob trigger, it takes events, and its name is the one in the webhook."""
    (blob,) = (function for function in functions if function.trigger["type"] == "blobTrigger")
    assert f"Host.Functions.{blob.name}&" in template("app/drop-events.bicep").text
    assert blob.trigger["source"] == "EventGrid"


def test_the_sample_holds_exactly_the_settings_of_the_app() -> None:
    """``local.settings.sample.json`` is complete, and has nothing more than the language besides."""
    assert set(SAMPLE) == DESIGN | {"FUNCTIONS_WORKER_RUNTIME"}


def test_the_readme_describes_every_setting() -> None:
    """Each setting of the app stands in the README."""
    readme = (ROOT / "README.md").read_text()
    assert [name for name in sorted(DESIGN) if f"`{name}`" not in readme] == []


def test_an_instance_has_a_thread_for_every_message_it_may_hold() -> None:
    """A message without a thread would miss its appointment: the worker sleeps in its thread until then."""
    queues = HOST["extensions"]["queues"]
    threads = re.search(r"PYTHON_THREADPOOL_THREAD_COUNT: '(\d+)'", template("app/function-app.bicep").text)
    assert threads is not None
    assert int(threads[1]) >= queues["batchSize"] + queues["newBatchThreshold"]


def test_the_host_sends_its_telemetry_by_opentelemetry() -> None:
    """host.json chooses the mode, and holds nothing of the older way, which that mode would ignore in silence."""
    assert HOST["telemetryMode"] == "OpenTelemetry"
    assert "applicationInsights" not in HOST.get("logging", {})
