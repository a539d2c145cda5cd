"""Azurite, the storage emulator: installed once beside the code, started on free ports, never left behind."""

import os
import re
import subprocess
import time
from pathlib import Path
from typing import Self

from local.authority import Certificate
from local.npm import FOLLOW_PARENT, NODE, Npm, install_package, run_npm

VERSION = "3.37.0"
PACKAGES = Path(__file__).parent.parent / ".azurite-package"
# The emulator's account and key are public: https://learn.microsoft.com/azure/storage/common/storage-connect-azurite
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

START_SECONDS = 60.0
STOP_SECONDS = 10.0

_LISTENING = re.compile(r"(Blob|Queue) service is successfully listening at (\S+)\n")


class Azurite:
    """Blob and queue storage on 127.0.0.1, as a context manager.

    Data is kept in `folder`, or nowhere with `in_memory`. With a certificate the addresses are https and take
    bearer tokens of any `DefaultAzureCredential` (signatures are not checked), besides the account's key.
    Raises RuntimeError with what Azurite printed when it does not start within START_SECONDS.
    """

    def __init__(self, folder: Path, *, in_memory: bool = False, certificate: Certificate | None = None) -> None:
        self._folder = folder.resolve()
        self._log = self._folder / "azurite.log"
        self._arguments = _arguments(self._folder, certificate, in_memory=in_memory)
        self._urls: dict[str, str] = {}
        self._serves = False

    @property
    def blob_url(self) -> str:
        """The account's blob endpoint, without a slash at the end."""
        return self._urls["Blob"]

    @property
    def queue_url(self) -> str:
        """The account's queue endpoint, without a slash at the end."""
        return self._urls["Queue"]

    @property
    def connection_string(self) -> str:
        """What AzureWebJobsStorage takes."""
        return (
            f"DefaultEndpointsProtocol={self.blob_url.partition(':')[0]};AccountName={ACCOUNT};AccountKey={KEY};"
            f"BlobEndpoint={self.blob_url};QueueEndpoint={self.queue_url};"
        )

    @property
    def pid(self) -> int:
        """The process, while it runs."""
        return self._process.pid

    @property
    def is_lost(self) -> bool:
        """Whether it has ended though nobody asked it to."""
        return self._serves and self._process.poll() is not None

    def __enter__(self) -> Self:
        program = install() / "dist" / "src" / "azurite.js"
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [NODE, "--import", FOLLOW_PARENT, program, *self._arguments],
                cwd=self._folder,
                env={**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches us alone, and we stop it when nobody needs it any more
            )
        try:
            self._urls = self._wait_until_listening()
        except BaseException:
            self._stop()
            raise
        self._serves = True
        return self

    def __exit__(self, *error: object) -> None:
        self._stop()

    def _wait_until_listening(self) -> dict[str, str]:
        deadline = time.monotonic() + START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            found = dict(_LISTENING.findall(self._log.read_text()))
            if len(found) == 2:
                return {service: f"{address}/{ACCOUNT}" for service, address in found.items()}
            time.sleep(0.05)
        raise RuntimeError(f"Azurite did not start:\n{self._log.read_text()}")

    def _stop(self) -> None:
        self._serves = False
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        finally:
            self._process.communicate()


def install(packages: Path = PACKAGES, npm: Npm = run_npm) -> Path:
    """Return the folder of the Azurite package, after installing it there if it is not yet: see ``install_package``."""
    return install_package("azurite", VERSION, packages, npm)


def _arguments(folder: Path, certificate: Certificate | None, *, in_memory: bool) -> list[str]:
    arguments = ["--silent", "--skipApiVersionCheck", "--disableTelemetry"]
    arguments += ["--blobPort", "0", "--queuePort", "0", "--tablePort", "0"]
    arguments += ["--inMemoryPersistence"] if in_memory else ["--location", str(folder)]
    if certificate:
        files = ["--cert", str(certificate.chain.resolve()), "--key", str(certificate.key.resolve())]
        arguments += ["--oauth", "basic", *files]
    return arguments
