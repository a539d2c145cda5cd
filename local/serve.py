"""``make serve``: the world on this machine, left running until Ctrl-C, for trying the app by hand."""

import argparse
import errno
import json
import shlex
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.storage.blob import ContainerSasPermissions, generate_container_sas
from rich.console import Console

from local.azurite import ACCOUNT, KEY
from local.customers import SEGMENT, drop_day, first_day
from local.host import HostProcess
from local.https import LOOPBACK
from local.running import fail, run
from local.scene import API_KEY, CONNECTION, EXPORT, Stage, prepare
from local.terminal import terminal
from local.world import ACTIVECAMPAIGN_HOST, SEGMENTS, SETTLE_SECONDS, World

PORT = 7071
CUSTOMERS = 2_000

GUIDE = """
The app answers on {url}/api{key_note}
  drops      container "segments": a Customer Insights export of {customers:,} customers is there
  documents  container "courier"
  list       {view}
  storage    {storage}
  log        {log}

Three commands to try, in this order:

{commands}

Then follow the run:

{follow}

Drop a file of your own; it counts as whole when it has stood still for {settle} s (120 s in Azure, unless set):

{drop}

Ctrl-C ends all of it.
"""


@dataclass(frozen=True)
class Api:
    """The app's HTTP API as commands to paste; with a function key, each of them carries it."""

    url: str
    key: str = ""

    def command(self, method: str, path: str, document: object = None) -> str:
        """A call with curl, whose answer ends its line."""
        words = ["curl", "-w", r"\n", "-X", method, f"{self.url}/api{path}"]
        words += ["-H", f"x-functions-key: {self.key}"] if self.key else []
        words += ["-d", json.dumps(document)] if document else []
        return shlex.join(words)

    def commands(self, list_id: int) -> list[str]:
        """A connection, an export and a run."""
        return [
            self.command("PUT", f"/connections/{CONNECTION}", _CONNECTION),
            self.command("PUT", f"/exports/{EXPORT}", _export(list_id)),
            self.command("POST", f"/exports/{EXPORT}/runs"),
        ]


_CONNECTION = {
    "host": ACTIVECAMPAIGN_HOST,
    "api_key_secret": "activecampaign-acme",
    "api_key": API_KEY,
    "consent": {"accepted_by": "ada@example.com", "accepted_at": "2026-08-24T09:00:00Z"},
}


def _export(list_id: int) -> dict[str, object]:
    """The smallest export that makes sense of the customers."""
    mapping = {"email": "EMail", "first_name": "FirstName", "customer_id": "CustomerId"}
    return {"connection": CONNECTION, "list_id": list_id, "segments": [SEGMENT], "mapping": mapping}


def main(arguments: Sequence[str]) -> int:
    """Serve until somebody ends it; 1 when it cannot, or can no longer."""
    asked = _parse(arguments)
    console = terminal()
    if obstacle := _obstacle(asked.port):
        fail(console, obstacle)
        return 1
    console.print("Starting the world on this machine (the first time takes long)...")
    return run(lambda world: serve(world, console, asked.port, asked.key), console)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.serve", description="Runs the world until Ctrl-C.")
    parser.add_argument("--port", type=int, default=PORT, help=f"of the app on {LOOPBACK} (default: {PORT})")
    parser.add_argument("--key", default="", help="a function key that every call has to carry (default: none)")
    return parser.parse_args(arguments)


def _obstacle(port: int) -> str | None:
    """Why nothing can listen there, found before anything is started."""
    try:
        with socket.create_server((LOOPBACK, port)):
            return None
    except (OSError, OverflowError) as error:
        is_taken = getattr(error, "errno", None) == errno.EADDRINUSE
        why = "is taken" if is_taken else f"cannot be used ({getattr(error, 'strerror', None) or error})"
        return f"Port {port} {why}: make serve PORT={PORT + 1 if port == PORT else PORT}"


def serve(world: World, console: Console, port: int, key: str) -> int:
    """Print how to use the world, then leave it running; ends by a signal, or by an error."""
    stage = prepare(world.activecampaign)
    drop_day(
        lambda name, data: world.drops.upload_blob(name, data, overwrite=True),
        first_day(CUSTOMERS),
        datetime(2026, 8, 24, 2, 14, tzinfo=UTC),
    )
    options: dict[str, Any] = {"port": port} | ({"function_key": key} if key else {})
    with world.start_host(**options) as host:
        console.print(_guide(world, stage, host, Api(host.url, key)), markup=False, soft_wrap=True)
        while True:
            time.sleep(3600)


def _guide(world: World, stage: Stage, host: HostProcess, api: Api) -> str:
    viewed = f"https://{LOOPBACK}:{world.stand_ins[ACTIVECAMPAIGN_HOST].port}/_stand-in/lists/{stage.list_id}"
    return GUIDE.format(
        url=api.url,
        key_note=f", to calls with the header x-functions-key: {api.key}" if api.key else "",
        customers=CUSTOMERS,
        view=shlex.join(["curl", "-k", "-w", r"\n", viewed]),
        storage=world.azurite.connection_string,
        log=host.log,
        commands="\n\n".join(api.commands(stage.list_id)),
        follow=api.command("GET", f"/runs?export={EXPORT}"),
        settle=SETTLE_SECONDS,
        drop=_drop_command(world),
    )


def _drop_command(world: World) -> str:
    """How to upload my.csv as a plain drop of the segment Mine, good for a day."""
    signature = generate_container_sas(
        ACCOUNT,
        SEGMENTS,
        account_key=KEY,
        permission=ContainerSasPermissions(read=True, write=True, create=True, list=True),
        expiry=datetime.now(UTC) + timedelta(days=1),
    )
    address = f"{world.drops.url}/Mine.csv?{signature}"
    return shlex.join(["curl", "-X", "PUT", "-H", "x-ms-blob-type: BlockBlob", "-T", "my.csv", address])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
