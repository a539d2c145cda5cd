"""The host as a process: its start, its end, and what it leaves behind."""

import json
import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import requests

from local.host import HostFailed
from tests.host.conftest import Apps, until

HELLO = """
    @app.route("hello")
    def hello(req: func.HttpRequest) -> str:
        logging.info("somebody says hello")
        return os.environ.get("GREETING", "")
    @app.route("wait")
    def wait(req: func.HttpRequest) -> str:
        note(waiting=True)
        time.sleep(1)
        return "waited"
"""


def test_a_process_serves_until_it_is_stopped(apps: Apps) -> None:
    """As a context manager it serves from the first line of the block to the last, and ends with exit code 0."""
    with apps.process(HELLO, settings={"GREETING": "hello"}) as process:
        assert requests.get(f"{process.url}/api/hello", timeout=5).text == "hello"
        assert process.exit_code is None
    assert process.exit_code == 0
    assert "hello: somebody says hello" in apps.log
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{process.url}/api/hello", timeout=5)


def test_a_request_in_hand_is_answered_before_the_end(apps: Apps) -> None:
    """SIGTERM lets a request that is being answered end."""
    with apps.process(HELLO) as process:
        asking = f"import requests; print(requests.get('{process.url}/api/wait', timeout=10).text)"
        client = subprocess.Popen([sys.executable, "-c", asking], stdout=subprocess.PIPE, text=True)
        until(lambda: apps.journal)
        assert process.stop() == 0
        assert client.communicate(timeout=10)[0] == "waited\n"


def test_settings_win_over_the_environment_of_the_caller(apps: Apps, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the settings name cannot be changed by what happens to be set where a test runs."""
    monkeypatch.setenv("GREETING", "from outside")
    with apps.process(HELLO, settings={"GREETING": "from settings"}) as process:
        assert requests.get(f"{process.url}/api/hello", timeout=5).text == "from settings"


def test_a_killed_process_can_be_started_again(apps: Apps) -> None:
    """After SIGKILL the same object starts a new process, and the log of both is kept."""
    with apps.process(HELLO, settings={"GREETING": "again"}) as process:
        first = process.pid
        process.kill()
        assert process.exit_code == -9
        process.start()
        assert process.pid != first
        assert requests.get(f"{process.url}/api/hello", timeout=5).text == "again"
    assert apps.log.count("Functions:") == 2


def test_a_start_that_fails_says_why(apps: Apps) -> None:
    """An app that cannot be loaded raises HostFailed with the end of the log, and leaves no process."""
    process = apps.process("raise RuntimeError('not today')")
    with pytest.raises(HostFailed, match="not today"):
        process.start()
    assert process.exit_code == 1


def test_a_start_that_takes_too_long_is_given_up(apps: Apps) -> None:
    """A host that does not get ready in time is killed."""
    process = apps.process("time.sleep(60)")
    with pytest.raises(HostFailed, match="did not get ready"):
        process.start(seconds=1)
    assert process.exit_code == -9


def test_a_host_does_not_outlive_its_caller(apps: Apps) -> None:
    """A host whose starter is killed ends by itself, and soon: what its functions wait for is likely to be dead too."""
    app = apps.write(HELLO.replace("time.sleep(1)", "time.sleep(60)"))
    starter = textwrap.dedent(f"""
        import time
        from pathlib import Path
        from local.host import HostProcess
        settings = {{"JOURNAL": {str(apps.folder / "journal")!r}}}
        process = HostProcess(Path({str(app)!r}), Path({str(apps.folder)!r}), settings=settings).start()
        print(process.pid, process.url, flush=True)
        time.sleep(60)
    """)
    caller = subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True)
    assert caller.stdout
    pid, url = caller.stdout.readline().split()
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as client:
        client.sendall(b"GET /api/wait HTTP/1.1\r\nHost: h\r\n\r\n")
        until(lambda: apps.journal)
        caller.kill()
        caller.communicate()
        until(lambda: not is_alive(int(pid)), seconds=10)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not yet collected does not."""
    status = Path(f"/proc/{pid}/stat")
    if status.parent.parent.exists() and Path("/proc/self").exists():
        return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_ready_file_says_what_is_served(apps: Apps) -> None:
    """Once written, the ready file has the address, the process and the functions."""
    with apps.process(HELLO) as process:
        ready = json.loads((apps.folder / "host.ready.json").read_text())
        assert ready["url"] == process.url == f"http://127.0.0.1:{ready['port']}"
        assert (ready["pid"], ready["functions"]) == (process.pid, ["hello", "wait"])


def test_the_port_can_be_chosen(apps: Apps) -> None:
    """--port serves at that port; a port that is taken is a start that failed."""
    with apps.process(HELLO) as first:
        port = first.url.rsplit(":", 1)[1]
        process = apps.process(HELLO, arguments=["--port", port])
        with pytest.raises(HostFailed, match=f"port {port} cannot be used"):
            process.start()
