"""The storage emulator: installed once, reached by the real SDKs, never left behind."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local.authority import Authority, Certificate
from local.azurite import VERSION, Azurite, install
from local.identity import Identity


def blobs(azurite: Azurite) -> BlobServiceClient:
    """The real blob client, as an app makes it."""
    return BlobServiceClient.from_connection_string(azurite.connection_string)


def queues(azurite: Azurite) -> QueueServiceClient:
    """The real queue client, as an app makes it."""
    return QueueServiceClient.from_connection_string(azurite.connection_string)


def answers(url: str) -> bool:
    """Say whether anything listens at an address."""
    try:
        requests.get(url, timeout=5)
    except requests.ConnectionError:
        return False
    return True


def test_blobs_and_queues_keep_what_they_are_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both services take the real SDKs, need no Node of the system, keep their data, and end with the block."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.chdir(tmp_path)
    with Azurite(Path("storage")) as azurite:
        with blobs(azurite) as blob_client, queues(azurite) as queue_client:
            blob_client.create_container("courier").upload_blob("a/b.json", b"{}")
            queue_client.create_queue("export-runs").send_message("run")
        addresses = [azurite.blob_url, azurite.queue_url]
    assert [answers(address) for address in addresses] == [False, False]
    with Azurite(tmp_path / "storage") as azurite, blobs(azurite) as blob_client, queues(azurite) as queue_client:
        assert blob_client.get_blob_client("courier", "a/b.json").download_blob().readall() == b"{}"
        message = queue_client.get_queue_client("export-runs").receive_message()
        assert message is not None
        assert message.content == "run"


def test_in_memory_nothing_is_written_down(tmp_path: Path) -> None:
    """Without persistence the folder holds a log and no data."""
    with Azurite(tmp_path, in_memory=True) as azurite, blobs(azurite) as client:
        client.create_container("courier").upload_blob("document", b"secret")
        assert client.get_blob_client("courier", "document").download_blob().readall() == b"secret"
    assert {path.name for path in tmp_path.iterdir()} == {"azurite.log"}


def test_the_default_credential_is_taken_over_https(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a certificate, an identity's token opens both services, and the account's key still does."""
    with Azurite(tmp_path, in_memory=True, certificate=authority.certificate) as azurite, Identity() as identity:
        environment = identity.environment | {"REQUESTS_CA_BUNDLE": str(authority.bundle)}
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with (
            DefaultAzureCredential() as credential,
            BlobServiceClient(azurite.blob_url, credential=credential) as blob_client,
            QueueServiceClient(azurite.queue_url, credential=credential) as queue_client,
            blobs(azurite) as with_key,
        ):
            blob_client.create_container("courier")
            queue_client.create_queue("export-runs")
            assert [container.name for container in with_key.list_containers()] == ["courier"]
            assert azurite.blob_url.startswith("https://")


def test_a_failed_start_says_what_azurite_said(tmp_path: Path) -> None:
    """A start that fails raises with Azurite's own words."""
    missing = Certificate(tmp_path / "no.pem", tmp_path / "no-key.pem")
    with pytest.raises(RuntimeError, match=r"did not start(.|\n)*no.pem"), Azurite(tmp_path, certificate=missing):
        raise AssertionError("it started without its certificate")


def test_azurite_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    """When the process that started it is killed outright, Azurite ends by itself."""
    program = (
        "import pathlib, sys, time\n"
        "from local.azurite import Azurite\n"
        "with Azurite(pathlib.Path(sys.argv[1])) as azurite:\n"
        "    print(azurite.blob_url, azurite.queue_url, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, tmp_path], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        addresses = parent.stdout.readline().split()
        assert [answers(address) for address in addresses] == [True, True]
        parent.kill()
    deadline = time.monotonic() + 10
    while any(answers(address) for address in addresses):
        assert time.monotonic() < deadline, "Azurite is still there"
        time.sleep(0.05)


def test_only_one_of_many_installs(tmp_path: Path) -> None:
    """However many ask at the same time, npm runs once and all see the whole package."""
    calls: list[list[str]] = []

    def npm(arguments: list[str], cache: Path) -> None:
        calls.append(arguments)
        package = Path(arguments[arguments.index("--prefix") + 1]) / "node_modules" / "azurite"
        package.mkdir(parents=True)
        time.sleep(0.2)
        (package / "package.json").write_text("{}")

    def find(_: int) -> bool:
        return (install(tmp_path, npm) / "package.json").exists()

    with ThreadPoolExecutor(8) as callers:
        assert all(callers.map(find, range(8)))
    assert len(calls) == 1
    assert f"azurite@{VERSION}" in calls[0]


def test_an_install_that_failed_is_tried_again(tmp_path: Path) -> None:
    """What a broken installation left behind is neither taken for the package nor in the way of the next."""

    def broken(arguments: list[str], cache: Path) -> None:
        (Path(arguments[arguments.index("--prefix") + 1]) / "node_modules").mkdir(parents=True)
        raise RuntimeError("the registry is not there")

    def npm(arguments: list[str], cache: Path) -> None:
        (Path(arguments[arguments.index("--prefix") + 1]) / "node_modules" / "azurite").mkdir(parents=True)

    with pytest.raises(RuntimeError, match=f"azurite {VERSION} could not be installed: the registry is not there"):
        install(tmp_path, broken)
    assert install(tmp_path, npm).is_dir()
