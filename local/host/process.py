"""The host as a process of its own, for whoever starts one."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import requests

from local.host.settings import write_settings

START_SECONDS = 30.0
STOP_SECONDS = 40.0  # longer than the host lets its functions end
_LOG_TAIL = 40  # lines

_REPOSITORY = Path(__file__).parents[2]


class HostFailed(RuntimeError):
    """The host ended, or did not get ready in time; the message holds the end of its log."""


class HostProcess:
    """Runs the function app of a folder; as a context manager it leaves nothing running.

    `folder` takes the settings file and the log, which every start adds to. What `settings` names wins over the
    environment of this process, and `environment` over both. `arguments` are those of `python -m local.host`.
    It can be started again after `stop`, `kill` or its own end.
    """

    def __init__(
        self,
        app: Path,
        folder: Path,
        *,
        settings: Mapping[str, str],
        environment: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "host.log"
        self._ready = folder / "host.ready.json"
        self._settings_file = folder / "host.settings.json"
        self._app = app
        self._settings = settings
        self._environment = environment or {}
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None
        self._url = ""
        self._serves = False

    @property
    def url(self) -> str:
        """Where HTTP is served, without a slash at the end."""
        return self._url

    @property
    def pid(self) -> int:
        """The process, while it runs."""
        return self._running().pid

    @property
    def exit_code(self) -> int | None:
        """How it ended (negative: the signal), or None while it runs or before it was started."""
        return self._process.poll() if self._process else None

    @property
    def is_lost(self) -> bool:
        """Whether it served, and has ended though nobody here asked it to."""
        return self._serves and self.exit_code is not None

    def start(self, seconds: float = START_SECONDS) -> Self:
        """Start it and wait until it serves. Raises HostFailed."""
        if self._runs():
            raise RuntimeError("the host already runs")
        self.close()
        self._ready.unlink(missing_ok=True)
        write_settings(self._settings_file, self._settings)
        inherited = {name: value for name, value in os.environ.items() if name not in self._settings}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "local.host", *self._own_arguments(), *self._arguments],
                cwd=_REPOSITORY,
                env={**inherited, **self._environment},
                stdin=subprocess.PIPE,  # ends when we do, and the host with it
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches us alone
            )
        try:
            self._url = self._wait_until_ready(time.monotonic() + seconds)
        except BaseException:
            self.close()
            raise
        self._serves = True
        return self

    def wait(self, seconds: float) -> int:
        """Wait for its own end; returns the exit code. Raises subprocess.TimeoutExpired."""
        return self._running().wait(seconds)

    def stop(self) -> int:
        """Ask it to end, and wait for what runs; returns the exit code. Raises HostFailed if it does not end."""
        process = self._running()
        self._serves = False
        process.terminate()
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise HostFailed(f"the host did not end in {STOP_SECONDS:g} s:\n{self._tail()}") from None

    def kill(self) -> None:
        """End it as a power cut would."""
        process = self._running()
        self._serves = False
        process.kill()
        process.wait()

    def fire(self, function: str, given: str = "") -> None:
        """Call a function that is not HTTP by hand, in the background."""
        with requests.Session() as session:
            session.trust_env = False  # a proxy of this machine cannot reach the host
            url = f"{self.url}/admin/functions/{function}"
            session.post(url, json={"input": given}, timeout=10).raise_for_status()

    def close(self) -> None:
        """Leave nothing behind: a host that still runs is killed."""
        if self._process is None:
            return
        if self._runs():
            self.kill()
        self._process.communicate()

    def __enter__(self) -> Self:
        return self.start() if self._process is None else self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._runs() and error is None:
                self.stop()
        finally:
            self.close()

    def _own_arguments(self) -> list[str]:
        own = {"--app": self._app.resolve(), "--settings": self._settings_file, "--ready-file": self._ready}
        return [*(str(text) for item in own.items() for text in item), "--stop-with-input"]

    def _runs(self) -> bool:
        return self._process is not None and self.exit_code is None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the host was not started")
        return self._process

    def _wait_until_ready(self, deadline: float) -> str:
        while not self._ready.exists():
            if self.exit_code is not None:
                raise HostFailed(f"the host ended at its start with exit code {self.exit_code}:\n{self._tail()}")
            if time.monotonic() > deadline:
                raise HostFailed(f"the host did not get ready in time:\n{self._tail()}")
            time.sleep(0.02)
        return str(json.loads(self._ready.read_text())["url"])

    def _tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-_LOG_TAIL:])
