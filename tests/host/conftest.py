"""Storage for the tests of the host, and apps to run in it."""

import json
import textwrap
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import azure.functions as func
import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueClient, QueueMessage, QueueServiceClient, TextBase64EncodePolicy

from local.azurite import Azurite
from local.host import HostProcess
from local.host.load import Function, read_functions

# What every app of these tests can use: a journal of what was called, which survives the host.
_PREAMBLE = """
import json, logging, os, sys, threading, time, typing
from pathlib import Path
import azure.functions as func
import azurefunctions.extensions.bindings.blob as sdk

app = func.FunctionApp()

def note(**entry):
    with Path(os.environ["JOURNAL"]).open("a") as journal:
        journal.write(json.dumps(entry) + "\\n")
"""


def until[T](condition: Callable[[], T], seconds: float = 15) -> T:
    """Wait for something another process does; returns what became true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return found
