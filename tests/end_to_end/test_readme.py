"""The commands of the README, as a new user would paste them."""

import re
import shlex
from pathlib import Path

import requests

from local.customers import first_day
from local.host import HostProcess
from local.serve import PORT
from tests.end_to_end.conftest import Scene, end_of

README = (Path(__file__).parents[2] / "README.md").read_text()


def _paste(command: str, host: HostProcess) -> requests.Response:
    """Send what that curl command would."""
    words = shlex.split(command)
    method = words[words.index("-X") + 1]
    address = next(word for word in words if word.startswith("http")).replace(f"http://127.0.0.1:{PORT}", host.url)
    body = words[words.index("-d") + 1] if "-d" in words else None
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, address, data=body, timeout=30)


def test_the_three_commands_start_a_run_that_succeeds(scene: Scene) -> None:
    """A connection, an export, a run: each is accepted as written, and the list is filled."""
    commands = re.findall(r"^curl -w .*?(?=^curl|^```)", README, re.MULTILINE | re.DOTALL)
    assert len(commands) == 3
    assert f'"list_id": {scene.stage.list_id}' in commands[1]
    scene.drop(first_day(600))
    with scene.world.start_host() as host:
        stored, exported, started = (_paste(command, host) for command in commands)
        assert (stored.status_code, exported.status_code, started.status_code) == (201, 201, 202)
        run = end_of(scene.caller(host), started.json()["id"])
    assert run["state"] == "succeeded"
    assert len(scene.stage.account.contacts_on(scene.stage.list_id)) == 600
