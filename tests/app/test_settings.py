"""App settings: all problems at once, by name."""

import json
import re
from pathlib import Path

import pytest

from shared.errors import SettingsInvalid
from shared.settings import blob_trigger_source, read_settings
from tests.fakes import ENVIRONMENT

SAMPLE = Path(__file__).parents[2] / "local.settings.sample.json"


def test_defaults_are_those_of_the_readme() -> None:
    """What is not set takes its documented default."""
    settings = read_settings(ENVIRONMENT)
    assert (settings.state_container, settings.blob_trigger_source) == ("courier", "LogsAndContainerScan")
    assert (settings.drop_settle_seconds, settings.run_retention_days) == (120, 30)


def test_what_the_host_reads_for_a_trigger_has_to_be_set() -> None:
    """Every ``%SETTING%`` of a binding: the host would not load the trigger, and the app would not notice."""
    bound = set(re.findall(r"%(\w+)%", (SAMPLE.parent / "function_app.py").read_text()))
    with pytest.raises(SettingsInvalid) as refused:
        read_settings({name: value for name, value in ENVIRONMENT.items() if name not in bound})
    assert {line.split(":")[0] for line in refused.value.details} == bound


def test_the_sample_settings_are_in_order() -> None:
    """Copying the sample and naming a vault is enough."""
    values = json.loads(SAMPLE.read_text())["Values"]
    read_settings(values | {"KEY_VAULT_URL": "https://contoso.vault.azure.net"})


def test_every_problem_is_named_at_once() -> None:
    """One message names all settings that need attention."""
    with pytest.raises(SettingsInvalid) as refused:
        read_settings(
            {"DROP_SETTLE_SECONDS": "soon", "SEGMENTS_CONTAINER": "No Spaces", "KEY_VAULT_URL": "http://vault"}
        )
    named = {line.split(":")[0] for line in refused.value.details}
    assert named == {
        "AzureWebJobsStorage",
        "SegmentStorage",
        "SEGMENTS_CONTAINER",
        "KEY_VAULT_URL",
        "REFRESH_SCHEDULE",
        "DROP_SETTLE_SECONDS",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KEY_VAULT_URL", ""),
        ("KEY_VAULT_URL", "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/x)"),
        ("REFRESH_SCHEDULE", "0 3 * * *"),
        ("BLOB_TRIGGER_SOURCE", "Polling"),
        ("DROP_SETTLE_SECONDS", "-1"),
        ("RUN_RETENTION_DAYS", "0"),
        ("STATE_CONTAINER", "segments"),
        ("STATE_CONTAINER", "a"),
    ],
)
def test_a_malformed_setting_is_named(name: str, value: str) -> None:
    """Each setting that cannot be used is refused under its own name."""
    with pytest.raises(SettingsInvalid) as refused:
        read_settings(ENVIRONMENT | {name: value})
    assert [line.split(":")[0] for line in refused.value.details] == [name]


@pytest.mark.parametrize("storage", ["AzureWebJobsStorage", "SegmentStorage"])
def test_an_identity_needs_both_services_of_an_account(storage: str) -> None:
    """Blobs and queues: the Functions host keeps what it gave up on in a queue beside the drops."""
    account = {storage: "", f"{storage}__blobServiceUri": "https://a.blob.core.windows.net"}
    with pytest.raises(SettingsInvalid, match=f"{storage}__queueServiceUri"):
        read_settings(ENVIRONMENT | account)


def test_an_account_name_stands_for_its_addresses() -> None:
    """One setting names both services of an account in the public cloud."""
    named = {"AzureWebJobsStorage": "", "AzureWebJobsStorage__accountName": "contoso"}
    storage = read_settings(ENVIRONMENT | named).host_storage
    assert storage.queue_service_uri == "https://contoso.queue.core.windows.net"


@pytest.mark.parametrize(
    ("value", "source"),
    [
        ("LogsAndContainerScan", "LogsAndContainerScan"),
        ("EventGrid", "EventGrid"),
        ("", "EventGrid"),
        ("?", "EventGrid"),
    ],
)
def test_the_blob_trigger_registers_whatever_the_setting_says(value: str, source: str) -> None:
    """A wrong value must not keep the whole app from loading; reading the settings reports it."""
    assert blob_trigger_source({"BLOB_TRIGGER_SOURCE": value}) == source
