"""The account behind a socket, and a view of its lists for people."""

import re
import socket
import ssl
import struct
from functools import partial
from http.client import responses
from typing import Any

from local.activecampaign.account import Account
from local.activecampaign.api import Api
from local.activecampaign.contacts import Contact, Status
from local.activecampaign.exchange import Request, Response, answer, message
from local.activecampaign.faults import Faults
from local.https import HttpsServer, JsonHandler

MOST_BYTES = 20_000_000
VIEW = re.compile(r"/_stand-in/lists/(\d{1,9})")
SHOWN = 100


class ActiveCampaignServer(HttpsServer):
    """Serves one account on a free port of 127.0.0.1; `api` has its faults and its journal.

    `GET /_stand-in/lists/{id}?offset=0` shows, to whoever asks, who is on a list: 100 contacts at a time.
    Slow answers take real seconds, however fast the account's clock runs.
    """

    def __init__(
        self, account: Account, context: ssl.SSLContext | None = None, *, faults: Faults | None = None
    ) -> None:
        self.api = Api(account, faults=faults)
        super().__init__(partial(_Handler, self.api), context)


class _Handler(JsonHandler):
    def __init__(self, api: Api, *connection: Any) -> None:
        self._api = api
        super().__init__(*connection)

    def _serve(self) -> None:
        if int(self.headers.get("Content-Length") or 0) > MOST_BYTES:
            self.close_connection = True
            self._send(message(413, "The request is too large."))
            return
        request = Request(self.command, self.path, dict(self.headers), self.read_body())
        view = VIEW.fullmatch(request.path)
        try:
            response = self._view(int(view[1]), request) if view else self._api.handle(request)
        except ConnectionResetError:
            self._cut()
        except TimeoutError:
            self._wait(None)
        else:
            if not response.delay or self._wait(response.delay):
                self._send(response)

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815  # names of the base class

    def _send(self, response: Response) -> None:
        self.send_response(response.status, responses.get(response.status, ""))
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)

    def _cut(self) -> None:
        """Leave the client with a reset instead of an orderly end."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def _wait(self, seconds: float | None) -> bool:
        """Say nothing for so long; False once the client, or the end of this server, has closed the connection."""
        self.connection.settimeout(seconds)
        try:
            self.connection.recv(1)
        except TimeoutError:
            self.connection.settimeout(None)
            return True
        except OSError:
            pass
        self.close_connection = True
        return False

    def _view(self, list_id: int, request: Request) -> Response:
        account = self._api.account
        with account.settled():
            shown = account.lists.get(list_id)
            if shown is None:
                return message(404, f"No list has the id {list_id}; there are {sorted(account.lists)}.")
            offset = request.query.get("offset", "0")
            first = int(offset) if offset.isdecimal() else 0
            page = list(shown.standing)[first : first + SHOWN]
            people = [(account.contacts.get(one), shown.standing[one]) for one in page]
            counts = {status.name.lower(): shown.tally[status] for status in Status}
            described = [_described(contact, status) for contact, status in people if contact]
        return answer(200, {"list": shown.name, "counts": counts, "offset": first, "contacts": described})


def _described(contact: Contact, status: Status) -> dict[str, object]:
    return {
        "email": contact.email,
        "status": status.name.lower(),
        "first_name": contact.first_name,
        "last_name": contact.last_name,
        "phone": contact.phone,
        "fields": {str(field_id): value for field_id, value in contact.fields.items()},
        "tags": sorted(contact.tags),
    }
