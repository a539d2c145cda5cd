"""``make serve``: the world on this machine, left running until Ctrl-C, for trying the app by hand."""

import json
import sys
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from local.customers import SEGMENT, drop_day, first_day
from local.scene import API_KEY, EXPORT, prepare
from local.world import ACTIVECAMPAIGN_HOST, World

PORT = 7071
CUSTOMERS = 2_000

GUIDE = """
The app answers on [bold]{url}/api[/bold]
  drops      container "segments": a Customer Insights export of {customers:,} customers is there
  documents  container "courier"
  list       {view}
  storage    {storage}

Three commands to try, in this order:

  curl -X PUT {url}/api/connections/acme -H 'Content-Type: application/json' -d '{connection}'

  curl -X PUT {url}/api/exports/{export} -H 'Content-Type: application/json' -d '{document}'

  curl -X POST {url}/api/exports/{export}/runs

Then follow the run:  curl {url}/api/runs?export={export}

Ctrl-C ends all of it.
"""

CONNECTION = {
    "host": "acme.api-us1.com",
    "api_key_secret": "activecampaign-acme",
    "api_key": API_KEY,
    "consent": {"accepted_by": "ada@example.com", "accepted_at": "2026-08-24T09:00:00Z"},
}


def export(list_id: int) -> dict[str, object]:
    """The smallest export that makes sense of the customers."""
    mapping = {"email": "EMail", "first_name": "FirstName", "customer_id": "CustomerId"}
    return {"connection": "acme", "list_id": list_id, "segments": [SEGMENT], "mapping": mapping}


def main() -> int:
    """Run until somebody ends it."""
    console = Console(soft_wrap=True, highlight=False)
    with tempfile.TemporaryDirectory(prefix="segment-courier-") as folder, World(Path(folder)) as world:
        stage = prepare(world.activecampaign)
        drop_day(
            lambda name, data: world.drops.upload_blob(name, data, overwrite=True),
            first_day(CUSTOMERS),
            datetime(2026, 8, 24, 2, 14, tzinfo=UTC),
        )
        with world.start_host(port=PORT) as host:
            console.print(
                GUIDE.format(
                    url=host.url,
                    customers=CUSTOMERS,
                    view=f"curl -k https://127.0.0.1:{world.stand_ins[ACTIVECAMPAIGN_HOST].port}"
                    f"/_stand-in/lists/{stage.list_id}",
                    storage=world.azurite.connection_string,
                    connection=json.dumps(CONNECTION),
                    export=EXPORT,
                    document=json.dumps(export(stage.list_id)),
                )
            )
            threading.Event().wait()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(0)
