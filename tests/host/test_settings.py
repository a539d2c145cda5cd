"""host.json, app settings and connections."""

import json
import os
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from local.host.connections import Connections
from local.host.errors import CannotStart
from local.host.settings import HostJson, Substitution, read_settings, seconds, write_settings
from tests.host.conftest import BUNDLE

KEY = "c2VjcmV0"
ACCOUNT = f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={KEY};BlobEndpoint=https://a.example/a"


@pytest.mark.parametrize(
    ("span", "value"),
    [("00:00:30", 30), ("00:00:00.250", 0.25), ("01:02:03", 3723), ("1.00:00:00", 86_400), ("-1", None)],
)
def test_time_spans_are_read_as_dotnet_writes_them(span: str, value: float | None) -> None:
    """Time spans of host.json may have days and fractions; -1 is no limit."""
    assert seconds(span) == value


@pytest.mark.parametrize("span", ["30", 30, "0:0:1", "PT30S", "", None])
def test_other_spans_are_refused(span: object) -> None:
    """What is not hh:mm:ss is refused."""
    with pytest.raises(ValueError, match="time span"):
        seconds(span)


def test_a_missing_host_json_is_all_defaults(tmp_path: Path) -> None:
    """Without host.json the real host's defaults hold."""
    read = HostJson.read(tmp_path)
    queues = read.extensions.queues
    assert read.extensions.http.route_prefix == "api"
    assert read.function_timeout == 1800
    assert read.extension_bundle is None
    assert (queues.batch_size, queues.max_dequeue_count, queues.visibility_timeout) == (16, 5, 0)
    assert queues.max_polling_interval == 60
    assert queues.new_batch_threshold == 8 * (os.cpu_count() or 1)


def test_host_json_is_read_and_what_it_says_beyond_this_host_is_ignored(tmp_path: Path) -> None:
    """Settings of host.json are taken; members that only the real host knows do no harm."""
    host_json = {
        "version": "2.0",
        "functionTimeout": "00:30:00",
        "extensionBundle": BUNDLE,
        "telemetryMode": "OpenTelemetry",
        "extensions": {
            "http": {"routePrefix": ""},
            "queues": {"batchSize": 4, "newBatchThreshold": 0, "visibilityTimeout": "00:00:30", "x": 1},
            "blobs": {"maxDegreeOfParallelism": 3, "poisonBlobThreshold": 2},
        },
    }
    (tmp_path / "host.json").write_text(json.dumps(host_json))
    read = HostJson.read(tmp_path)
    blobs = read.extensions.blobs.as_queue()
    assert read.function_timeout == 1800
    assert read.extensions.http.route_prefix == ""
    assert (read.extensions.queues.batch_size, read.extensions.queues.new_batch_threshold) == (4, 0)
    assert (blobs.batch_size, blobs.new_batch_threshold, blobs.max_dequeue_count) == (2, 1, 2)


def test_every_problem_of_host_json_is_named(tmp_path: Path) -> None:
    """A host.json with several mistakes is refused once, naming each member."""
    queues = {"batchSize": 33, "maxDequeueCount": 0, "visibilityTimeout": "30"}
    bundle = {"id": "Some.Bundle", "version": "4"}
    content = {"version": "2.0", "extensionBundle": bundle, "extensions": {"queues": queues}}
    (tmp_path / "host.json").write_text(json.dumps(content))
    with pytest.raises(CannotStart) as refused:
        HostJson.read(tmp_path)
    places = [*(f"extensions.queues.{name}" for name in queues), *(f"extensionBundle.{name}" for name in bundle)]
    assert all(place in str(refused.value) for place in places)
    assert "default factory" not in str(refused.value)


def test_the_environment_wins_over_the_settings_file(tmp_path: Path) -> None:
    """As with Core Tools, a setting of the file is used unless the environment has it."""
    path = tmp_path / "settings.json"
    write_settings(path, {"A": "file", "B": "file"})
    assert read_settings(path, {"A": "environment", "C": "environment"}) == {
        "A": "environment",
        "B": "file",
        "C": "environment",
    }


def test_a_settings_file_is_for_its_owner_only(tmp_path: Path) -> None:
    """Connection strings are secrets: the file that HostProcess writes cannot be read by others."""
    path = tmp_path / "settings.json"
    write_settings(path, {"A": "x"})
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [{"IsEncrypted": True, "Values": {"A": KEY}}, {"Values": {"A": [KEY]}}, "x"])
def test_a_broken_settings_file_is_refused_without_its_secrets(tmp_path: Path, content: object) -> None:
    """The message names the file and not what it holds."""
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(content))
    with pytest.raises(CannotStart, match=r"settings\.json") as refused:
        read_settings(path, {})
    assert KEY not in str(refused.value)


def test_missing_settings_of_bindings_are_collected() -> None:
    """%NAME% is replaced wherever there is such a setting, and the others are remembered."""
    substitution = Substitution({"A": "x"})
    assert substitution("%A%/{name}") == "x/{name}"
    substitution("%B%-%C%")
    assert substitution.missing == {"B", "C"}


@pytest.mark.parametrize(
    ("settings", "connection", "url"),
    [
        ({"Drops": ACCOUNT}, "Drops", "https://a.example/a"),
        ({"AzureWebJobsDrops": ACCOUNT}, "Drops", "https://a.example/a"),
        ({"AzureWebJobsStorage": ACCOUNT}, "AzureWebJobsStorage", "https://a.example/a"),
        ({"AzureWebJobsStorage": ACCOUNT}, "Storage", "https://a.example/a"),
        ({"Drops__blobServiceUri": "https://b.example"}, "Drops", "https://b.example/"),
        ({"Drops__serviceUri": "https://b.example"}, "Drops", "https://b.example/"),
        ({"Drops__accountName": "acct"}, "Drops", "https://acct.blob.core.windows.net/"),
    ],
)
def test_a_connection_is_found_in_every_form(settings: dict[str, str], connection: str, url: str) -> None:
    """A connection string, with or without the AzureWebJobs prefix, or addresses for an identity."""
    client = Connections(settings).blobs(connection)
    assert isinstance(client, BlobServiceClient)
    assert client.url.rstrip("/") == url.rstrip("/")


@pytest.mark.parametrize("service", ["blobs", "queues"])
def test_a_connection_that_is_not_there_is_named(service: str) -> None:
    """The message says which settings would do."""
    make = getattr(Connections({"Other": ACCOUNT}), service)
    with pytest.raises(CannotStart, match=rf"Drops.*Drops__{service.removesuffix('s')}ServiceUri"):
        make("Drops")
