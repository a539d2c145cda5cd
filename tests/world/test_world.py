"""The world as a whole: complete for the app, closed to everything else, gone when it is over."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from local.activecampaign.account import DEFAULT_KEY, Account
from local.world import ACTIVECAMPAIGN_HOST, World

SECRET = "activecampaign-acme"
APP = '''
import os
import azure.functions as func

app = func.FunctionApp()

@app.route("vault")
def vault(req: func.HttpRequest) -> str:
    return os.environ["KEY_VAULT_URL"]

@app.timer_trigger(arg_name="timer", schedule="%REFRESH_SCHEDULE%")
def refresh(timer: func.TimerRequest) -> None:
    """Makes the host use its storage."""
'''
QUEUES = ["contact-batches", "export-runs", "run-watch", "segment-drops"]


def probe(world: World) -> dict[str, object]:
    """Run the probe as the app would be run, and return what it found."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.world.probe", SECRET],
        env=os.environ | world.environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def is_gone(url: str) -> bool:
    """Say whether nothing listens at an address any more."""
    try:
        requests.get(url, timeout=5)
    except requests.ConnectionError:
        return True
    return False


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """Whatever a test does with its worlds, none of their threads outlives it."""
    before = set(threading.enumerate())
    yield
    assert not set(threading.enumerate()) - before


@pytest.mark.parametrize("identity_storage", [False, True])
def test_a_process_with_the_environment_has_all_it_needs(tmp_path: Path, *, identity_storage: bool) -> None:
    """Storage by key or by identity, the vault and ActiveCampaign are there; another name is refused and noted."""
    with World(tmp_path, in_memory=True, identity_storage=identity_storage) as world:
        world.vault.set(SECRET, DEFAULT_KEY)
        assert probe(world) == {
            "containers": ["courier", "segments"],
            "queues": QUEUES,
            "acme": 200,
            "other": 0,
            "example": 0,
        }
        assert world.proxy.refused == ["other.api-us1.com:443", "example.com:443"]


def test_every_account_is_reached_under_its_own_host(tmp_path: Path) -> None:
    """Two accounts live side by side, each with its keys."""
    accounts = {ACTIVECAMPAIGN_HOST: Account(api_key="one"), "other.api-us1.com": Account(api_key="two")}
    with World(tmp_path, accounts=accounts, in_memory=True) as world:
        world.vault.set(SECRET, "two")
        found = probe(world)
    assert (found["acme"], found["other"]) == (403, 200)
    assert world.activecampaign is accounts[ACTIVECAMPAIGN_HOST]


def test_settings_are_laid_over_the_ordinary_ones(tmp_path: Path) -> None:
    """A test can choose any app setting, and the others stay."""
    with World(tmp_path, settings={"DROP_SETTLE_SECONDS": "7"}, in_memory=True) as world:
        assert world.environment["DROP_SETTLE_SECONDS"] == "7"
        assert world.environment["RUN_RETENTION_DAYS"] == "30"


def test_a_folder_can_be_entered_again(tmp_path: Path) -> None:
    """What was stored is there the next time."""
    with World(tmp_path) as world:
        world.state.upload_blob("connections/acme.json", b"{}")
        world.drops.upload_blob("segment.csv", b"email\n")
    with World(tmp_path) as world:
        assert world.state.download_blob("connections/acme.json").readall() == b"{}"
        assert [blob.name for blob in world.drops.list_blobs()] == ["segment.csv"]


def test_an_exception_tears_the_world_down(tmp_path: Path) -> None:
    """A failing test or demo leaves no Azurite behind."""
    with pytest.raises(LookupError), World(tmp_path, in_memory=True) as world:
        url = world.azurite.blob_url
        raise LookupError
    assert is_gone(url)


@pytest.mark.parametrize("identity_storage", [False, True])
def test_hosts_run_in_the_world_and_end_with_it(tmp_path: Path, *, identity_storage: bool) -> None:
    """A host starts with the world's settings and storage, can be killed and started again, and is not left behind."""
    app = tmp_path / "app"
    app.mkdir()
    (app / "function_app.py").write_text(APP)
    with World(tmp_path / "world", in_memory=True, identity_storage=identity_storage) as world:
        with world.start_host(app=app) as short_lived:
            assert requests.get(f"{short_lived.url}/api/vault", timeout=10).text == "https://courier.vault.azure.net"
        assert is_gone(short_lived.url)
        host = world.start_host(app=app, function_key="key")
        assert requests.get(f"{host.url}/api/vault", timeout=10).status_code == 401
        host.kill()
        host.start()
        answer = requests.get(f"{host.url}/api/vault", params={"code": "key"}, timeout=10)
        assert answer.text == "https://courier.vault.azure.net"
        assert world.proxy.refused == []
    assert is_gone(host.url)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_tears_the_world_down(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """Ctrl-C, a polite kill and a closed terminal end the world in order, and the exit code tells which it was."""
    command = [sys.executable, "-m", "tests.world.stay", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        addresses = process.stdout.readline().split()
        assert len(addresses) == 2
        process.send_signal(number)
        assert process.stdout.read() == "torn down\n"
        assert process.wait(10) == code
    assert all(map(is_gone, addresses))
