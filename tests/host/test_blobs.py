"""The blob trigger: each version of each blob reaches its function once, as a reference."""

import json
import time
from pathlib import Path

import pytest
from azure.storage.blob import ContainerClient
from azure.storage.queue import TextBase64DecodePolicy

from local.host.blobs import POISON_QUEUE, PathPattern
from tests.host.conftest import Apps, Storage, runs_until_killed, until

FAST_RETRIES = {"extensions": {"blobs": {"poisonBlobThreshold": 3}}}


def app(container: ContainerClient, name: str, *, body: str = "pass", source: str = "LogsAndContainerScan") -> str:
    """An app with one function that notes each blob, then does what `body` says."""
    path = f"{container.container_name}/{{name}}"
    return f"""
        @app.blob_trigger(arg_name="client", path="{path}", connection="SegmentStorage", source="{source}")
        def {name}(client: sdk.BlobClient) -> None:
            properties = client.get_blob_properties()
            note(name=client.blob_name, etag=properties.etag.strip('"'), size=properties.size)
            {body}
    """


@pytest.fixture
def drops(apps: Apps, emulator: Storage) -> dict[str, str]:
    """The setting of the connection that the apps of these tests use for blobs."""
    return {"SegmentStorage": emulator.connection_string}


def etag(container: ContainerClient, name: str) -> str:
    """The ETag of a blob."""
    return container.get_blob_client(name).get_blob_properties().etag.strip('"')


@pytest.mark.parametrize("source", ["LogsAndContainerScan", "EventGrid"])
def test_new_and_changed_blobs_are_seen_once_each(
    apps: Apps, emulator: Storage, drops: dict[str, str], source: str
) -> None:
    """Every version calls the function once, with a client of the SDK for it; {name} matches slashes."""
    container = emulator.container()
    container.upload_blob("before.csv", b"1")
    versions = [("before.csv", etag(container, "before.csv"))]
    with apps.process(app(container, "seen_once", source=source), settings=drops):
        until(lambda: len(apps.journal) == 1)
        for content in (b"1,2", b"1,2,3"):
            container.upload_blob("a/b c/d.csv", content, overwrite=True)
            versions.append(("a/b c/d.csv", etag(container, "a/b c/d.csv")))
            until(lambda: len(apps.journal) == len(versions))
        time.sleep(0.7)  # a few more looks
    assert [(entry["name"], entry["etag"]) for entry in apps.journal] == versions


def test_blobs_seen_before_a_restart_are_not_seen_again(apps: Apps, emulator: Storage, drops: dict[str, str]) -> None:
    """Receipts outlast the host: after a restart only what came or changed meanwhile is seen."""
    container = emulator.container()
    for name in ("old.csv", "changed.csv"):
        container.upload_blob(name, b"1")
    process = apps.process(app(container, "restarted"), settings=drops)
    with process:
        until(lambda: len(apps.journal) == 2)
    container.upload_blob("changed.csv", b"2", overwrite=True)
    container.upload_blob("new.csv", b"1")
    with process.start():
        until(lambda: len(apps.journal) == 4)
        time.sleep(0.7)
    assert [entry["name"] for entry in apps.journal] == ["changed.csv", "old.csv", "changed.csv", "new.csv"]


def test_a_host_killed_before_the_call_leaves_the_blob_to_the_next(
    apps: Apps, emulator: Storage, drops: dict[str, str]
) -> None:
    """A blob that was found but not handled when the host was killed is handled by the next one."""
    container = emulator.container()
    container.upload_blob("a.csv", b"1")
    source, arguments = app(container, "killed_before"), ["--lease-seconds", "2"]
    killed = apps.process(source, settings=drops, arguments=[*arguments, "--kill-at", "killed_before:1:before"])
    assert runs_until_killed(killed)
    with apps.process(source, settings=drops, arguments=arguments):
        until(lambda: apps.journal)
    assert [entry["name"] for entry in apps.journal] == ["a.csv"]


def test_a_blob_that_keeps_failing_becomes_a_poison_message(
    apps: Apps, emulator: Storage, drops: dict[str, str]
) -> None:
    """After as many failures as allowed, a message names the blob, and nothing is tried any more."""
    container = emulator.container()
    container.upload_blob("bad.csv", b"1")
    source = app(container, "failing", body='raise RuntimeError("bad drop")')
    with apps.process(source, settings=drops, host_json=FAST_RETRIES):
        until(lambda: len(apps.journal) == 3)
        until(lambda: f"moves to {POISON_QUEUE}" in apps.log)
        time.sleep(0.7)
    assert len(apps.journal) == 3
    poison = emulator.queues.get_queue_client(POISON_QUEUE, message_decode_policy=TextBase64DecodePolicy())
    messages = [json.loads(message.content) for message in poison.peek_messages(32)]
    assert [
        (message["FunctionId"], message["BlobName"], message["ETag"])
        for message in messages
        if message["ContainerName"] == container.container_name
    ] == [("failing", "bad.csv", etag(container, "bad.csv"))]


def test_a_container_that_does_not_exist_is_polled(apps: Apps, emulator: Storage, drops: dict[str, str]) -> None:
    """A container created later is found; until then the host says once that it is missing."""
    container = emulator.container(create=False)
    with apps.process(app(container, "patient"), settings=drops):
        until(lambda: "does not exist yet" in apps.log)
        time.sleep(0.7)  # a few more looks
        container.create_container()
        container.upload_blob("a.csv", b"1")
        until(lambda: apps.journal)
    assert apps.log.count(f"container {container.container_name} does not exist yet") == 1


def test_a_blob_can_be_handed_to_its_function_by_hand(apps: Apps, emulator: Storage, drops: dict[str, str]) -> None:
    """Fired by hand, the input is the path of the blob."""
    watched, other = emulator.container(), emulator.container()
    other.upload_blob("x/y.csv", b"123")
    with apps.process(app(watched, "by_hand"), settings=drops) as process:
        process.fire("by_hand", f"{other.container_name}/x/y.csv")
        until(lambda: apps.journal)
    assert [(entry["name"], entry["size"]) for entry in apps.journal] == [("x/y.csv", 3)]


def peak_memory(pid: int) -> int:
    """The most memory a process has held so far, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_the_content_of_a_large_blob_is_never_read(apps: Apps, emulator: Storage, drops: dict[str, str]) -> None:
    """A blob of 500 MB reaches its function without the host's memory growing by more than a few MB."""
    container = emulator.container()
    container.upload_blob("small.csv", b"1")
    with apps.process(app(container, "large"), settings=drops) as process:
        until(lambda: len(apps.journal) == 1)
        before = peak_memory(process.pid)
        container.get_blob_client("large.csv").create_page_blob(500 * 1024 * 1024)
        until(lambda: len(apps.journal) == 2)
        grown = peak_memory(process.pid) - before
    assert apps.journal[-1]["size"] == 500 * 1024 * 1024
    assert grown < 8 * 1024 * 1024


@pytest.mark.parametrize(
    ("path", "name", "fits"),
    [
        ("drops/{name}", "a/b.csv", True),
        ("drops", "a/b.csv", True),
        ("drops/in/{name}.csv", "in/a/b.csv", True),
        ("drops/in/{name}.csv", "in/a/b.txt", False),
        ("drops/in/{name}.csv", "out/a.csv", False),
        ("drops/{day}/{name}", "a", False),
    ],
)
def test_a_path_says_which_blobs_are_meant(path: str, name: str, *, fits: bool) -> None:
    """The container is fixed, and the rest a pattern whose parameters match anything."""
    assert PathPattern(path).container == "drops"
    assert PathPattern(path).fits(name) is fits
