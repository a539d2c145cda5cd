"""``make serve``: what it prints can be pasted, and it ends when it is of no use any more."""

import json
import os
import re
import shlex
import signal
import socket
from pathlib import Path
from typing import Any

import pytest
import requests

from local import serve
from local.scene import EXPORT
from tests.world.commands import processes_of, read_until, started

KEY = "function key"
README = (Path(__file__).parents[2] / "README.md").read_text()
DROPPED_CSV = "EMail,FirstName\nada@example.com,Ada\n"


def paste(command: str, folder: Path) -> tuple[int, Any]:
    """Do what that curl command would: the status, and the answer."""
    words = shlex.split(command)
    given = {
        option: [words[at + 1] for at, word in enumerate(words) if word == option] for option in ("-X", "-H", "-d")
    }
    uploaded = (folder / words[words.index("-T") + 1]).read_bytes() if "-T" in words else None
    address = next(word for word in words if word.startswith("http"))
    headers = dict(header.split(": ", 1) for header in given["-H"])
    answer = requests.request(
        (given["-X"] or ["GET"])[0],
        address,
        data=uploaded or "".join(given["-d"]),
        headers=headers,
        timeout=30,
        verify="-k" not in words,
    )
    return answer.status_code, json.loads(answer.content) if answer.content else None


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_what_is_printed_can_be_pasted_until_the_host_dies(tmp_path: Path) -> None:
    """Each command works as printed and carries the key; a host that was killed ends all of it with exit code 1."""
    (tmp_path / "my.csv").write_text(DROPPED_CSV)
    with started("local.serve", "--port", "0", "--key", KEY, temporary=tmp_path) as process:
        said = read_until(process, "Ctrl-C")
        assert said.startswith("Starting")
        commands = re.findall(r"curl .*", said)
        view, connection, export, run, follow, drop = commands
        assert [paste(command, tmp_path)[0] for command in (connection, export, run)] == [201, 201, 202]
        assert paste(follow, tmp_path)[1]["runs"]
        assert paste(view, tmp_path)[0] == 200
        assert paste(drop, tmp_path) == (201, None)
        url = re.findall(r"http://127\.0\.0\.1:\d+(?=/api)", said)[0]
        assert requests.get(f"{url}/api/exports/{EXPORT}", timeout=10).status_code == 401
        answer = requests.get(f"{url}/api/segments", headers={"x-functions-key": KEY}, timeout=30)
        assert "Mine" in answer.text
        log = Path(re.findall(r"^  log +(.*)$", said, re.MULTILINE)[0])
        os.kill(json.loads((log.parent / "host.ready.json").read_text())["pid"], signal.SIGKILL)
        rest = process.communicate(timeout=30)[0]
    assert process.returncode == 1
    assert "The Functions host has ended with exit code -9." in rest
    assert "Traceback" not in rest
    assert list(tmp_path.glob("segment-courier-*-*")) == []
    assert processes_of(tmp_path) == []


def test_a_port_that_is_taken_is_said_before_anything_starts(tmp_path: Path) -> None:
    """One sentence with the way out, and exit code 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with started("local.serve", "--port", str(port), temporary=tmp_path) as process:
            assert process.communicate(timeout=30)[0] == f"Port {port} is taken: make serve PORT={serve.PORT}\n"
    assert process.returncode == 1


def test_the_commands_of_the_readme_are_those_that_are_printed() -> None:
    """Word for word, as a shell reads them."""
    written = re.findall(r"^curl .*?(?=^curl|^```)", README.partition("## ")[0], re.MULTILINE | re.DOTALL)
    printed = serve.Api(f"http://127.0.0.1:{serve.PORT}").commands(34)
    assert [_words(command) for command in written] == [_words(command) for command in printed]


def _words(command: str) -> list[Any]:
    return [json.loads(word) if word.startswith("{") else word for word in shlex.split(command)]
