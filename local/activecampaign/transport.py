"""The account without a socket: what a `requests.Session` of production code is given in virtual time."""

from collections.abc import Callable, Mapping
from http.client import responses
from io import BytesIO
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import HTTPResponse
from urllib3.exceptions import ProtocolError

from local.activecampaign.api import Api
from local.activecampaign.exchange import Request, Response

TimeOut = float | tuple[float | None, float | None] | None


class InProcess(BaseAdapter):
    """Mount it on `https://`: `host` is the account, and no other host can be reached, as through a proxy.

    `sleep` is called with the seconds that an answer takes, or that the client waits in vain. Raises what the real
    adapter raises: `requests.ConnectionError` and `requests.ReadTimeout`.
    """

    def __init__(self, api: Api, host: str, sleep: Callable[[float], None]) -> None:
        super().__init__()
        self._api = api
        self._host = host
        self._sleep = sleep
        self._responses = HTTPAdapter()

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002, FBT001, FBT002
        timeout: TimeOut = None,
        verify: bool | str = True,  # noqa: ARG002, FBT001, FBT002
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,  # noqa: ARG002
        proxies: Mapping[str, str] | None = None,  # noqa: ARG002
    ) -> requests.Response:
        """Let the account answer a prepared request."""
        received = _received(request)
        now = self._api.account.clock()
        if urlsplit(request.url or "").netloc != self._host:
            if received.header("Api-Token"):
                self._api.journal.violated(now, "key_sent_elsewhere")
            raise requests.exceptions.ProxyError("the proxy knows no such host", request=request)
        patience = timeout[1] if isinstance(timeout, tuple) else timeout
        if patience is None:
            self._api.journal.violated(now, "time_out_missing")
        return self._responses.build_response(request, self._answer(request, received, patience))

    def _answer(self, request: requests.PreparedRequest, received: Request, patience: float | None) -> HTTPResponse:
        try:
            response = self._api.handle(received)
        except ConnectionResetError as error:
            aborted = ProtocolError("Connection aborted.", error)
            raise requests.ConnectionError(aborted, request=request) from error
        except TimeoutError as error:
            self._sleep(patience or 0.0)
            raise requests.ReadTimeout(error, request=request) from error
        if patience is not None and response.delay > patience:
            self._sleep(patience)
            raise requests.ReadTimeout("the answer is slower than the time-out", request=request)
        self._sleep(response.delay)
        return _sent(response, received.method)

    def close(self) -> None:
        """Nothing is open."""
        self._responses.close()


def _received(request: requests.PreparedRequest) -> Request:
    body = request.body or b""
    return Request(
        request.method or "",
        request.path_url,
        dict(request.headers),
        body.encode() if isinstance(body, str) else bytes(body),
    )


def _sent(response: Response, method: str) -> HTTPResponse:
    return HTTPResponse(
        BytesIO(response.body),
        {**response.headers, "Content-Length": str(len(response.body))},
        response.status,
        reason=responses.get(response.status, ""),
        preload_content=False,
        request_method=method,
    )
