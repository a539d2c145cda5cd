"""The HTTP trigger, and the admin API's way of firing any other function by hand."""

import hmac
import json
import logging
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from azure.functions.meta import Datum

from local.host.bindings import HttpTrigger
from local.host.errors import CallFailed, Stopping
from local.host.load import Function
from local.host.work import Work
from local.host.worker import Call, Worker

LOOPBACK = "127.0.0.1"
LARGEST_BODY = 104_857_600  # https://learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger
_ADMIN = "/admin/functions/"
_DISCARD_BYTES = 65_536
_DISCARD_SECONDS = 5.0
_BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
_REASON = "This function was programmatically called via the host APIs."

_log = logging.getLogger(__name__)

Fire = Callable[[str, str], bool]
"""Starts a function by name with an input; False if there is no such function."""


class Refused(Exception):  # noqa: N818
    """A request that is answered with a bare status and reaches no function."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class Request:
    """What a handler has read of a request."""
