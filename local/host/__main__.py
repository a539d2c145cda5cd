"""`python -m local.host --app DIR`: runs a function app until SIGTERM or Ctrl-C."""

import argparse
import json
import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path

from local.host import blobs, queues
from local.host.errors import CannotStart
from local.host.host import Host, Options
from local.host.load import load
from local.host.logs import print_logs
from local.host.settings import HostJson, read_settings
from local.host.worker import Kill

DRAIN_SECONDS = 30.0
ORPHAN_DRAIN_SECONDS = 3.0  # whoever started the host is dead, and what its functions wait for is likely to be too


def main(arguments: Sequence[str]) -> int:
    """Run until told to stop; returns the exit code, 1 when the app cannot be loaded."""
    asked = _parse(arguments)
    print_logs()
    stop = _stop_asked(with_input=asked.stop_with_input)
    try:
        host = _start(asked)
    except CannotStart as error:
        print(error, "0 functions found", sep="\n")
        return 1
    except (Exception, SystemExit):  # an app that exits while it is imported is no exit of the host's
        traceback.print_exc(file=sys.stdout)
        print("0 functions found")
        return 1
    if asked.ready_file:
        _say_ready(asked.ready_file, host)
    seconds = stop.wait()
    if not host.stop(seconds):
        print(f"Some functions still ran after {seconds:g} s and were abandoned")
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.host", description="Runs a Python function app.")
    parser.add_argument("--app", type=Path, required=True, help="the folder of function_app.py")
    parser.add_argument("--port", type=int, default=0, help="where to serve HTTP on 127.0.0.1 (default: a free port)")
    parser.add_argument("--settings", type=Path, help="settings (default: local.settings.json of the app, if any)")
    parser.add_argument("--function-key", help="ask for this key where a function is not anonymous")
    parser.add_argument("--ready-file", type=Path, help="written once the app is served: url, port, pid, functions")
    parser.add_argument("--stop-with-input", action="store_true", help="stop also when standard input ends")
    knobs = parser.add_argument_group("for tests")
    knobs.add_argument("--lease-seconds", type=int, default=queues.LEASE_SECONDS, help="of a queue message")
    knobs.add_argument("--poll-seconds", type=float, default=blobs.POLL_SECONDS, help="between two looks for blobs")
    knobs.add_argument("--reorder", action="store_true", help="messages of a queue the wrong way round, one by one")
    knobs.add_argument("--deliver-twice", action="store_true", help="call again after every success from a queue")
    knobs.add_argument("--kill-at", type=_kill, metavar="FUNCTION:N:before|after", help="SIGKILL around that call")
    return parser.parse_args(arguments)


def _kill(text: str) -> Kill:
    found = re.fullmatch(r"([\w-]+):([1-9]\d*):(?:(before)|after)", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not FUNCTION:N:before or FUNCTION:N:after")
    return Kill(found[1], int(found[2]), "before" if found[3] else "after")


def _start(asked: argparse.Namespace) -> Host:
    app = asked.app.resolve()
    settings_file = asked.settings or app / "local.settings.json"
    if asked.settings or settings_file.exists():
        os.environ.update(read_settings(settings_file, os.environ))
    host_json = HostJson.read(app)
    options = Options(
        port=asked.port,
        function_key=asked.function_key,
        lease_seconds=asked.lease_seconds,
        poll_seconds=asked.poll_seconds,
        deliver_twice=asked.deliver_twice,
        reorder=asked.reorder,
        kill=asked.kill_at,
    )
    asked.ready_file = asked.ready_file and asked.ready_file.resolve()
    host = Host(load(app, os.environ), host_json, os.environ, options)
    print("Functions:", *(f"    {line}" for line in host.listing()), sep="\n", flush=True)
    host.start()
    return host


def _say_ready(path: Path, host: Host) -> None:
    """Write the file whole or not at all, since somebody is waiting for it."""
    content = {
        "url": host.url,
        "port": host.port,
        "pid": os.getpid(),
        "functions": [function.name for function in host.functions],
    }
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.write_text(json.dumps(content))
    unfinished.rename(path)


class _Stop:
    """Somebody has asked the host to stop; `wait` returns how many seconds its functions are given to end."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._seconds = DRAIN_SECONDS

    def ask(self, seconds: float) -> None:
        """Ask; the first who asks says how long."""
        if not self._asked.is_set():
            self._seconds = seconds
            self._asked.set()

    def wait(self) -> float:
        """Wait until somebody asks."""
        self._asked.wait()
        return self._seconds


def _stop_asked(*, with_input: bool) -> _Stop:
    """Listen, from now on, to whoever may ask the host to stop."""
    asked = _Stop()

    def stop(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)  # the second one ends the process at once
        asked.ask(DRAIN_SECONDS)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    if with_input:
        threading.Thread(target=_ask_at_end_of_input, args=(asked,), name="input", daemon=True).start()
    return asked


def _ask_at_end_of_input(asked: _Stop) -> None:
    sys.stdin.read()
    asked.ask(ORPHAN_DRAIN_SECONDS)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    # Without waiting for threads: a function that was abandoned may run for long.
    os._exit(code)
