"""What can go wrong in the host, by what happens next.

CannotStart   the app or its settings must be changed: nothing is run
CallFailed    a function did not succeed: its trigger decides about another try; already logged
Stopping      the host is shutting down before the function began: as if it had never been taken
"""

from azure.core.exceptions import AzureError
from pydantic import ValidationError


class CannotStart(Exception):
    """The app cannot be loaded; the message holds every reason found, one to a line."""


class CallFailed(Exception):
    """A function raised, ran too long, returned what it must not, or could not be given its parameters."""


class Stopping(Exception):
    """No more work is taken on."""


def told(error: AzureError) -> str:
    """Name a storage error in a word, for the log: its text holds addresses and time stamps."""
    return str(getattr(error, "error_code", None) or type(error).__name__)


def problems(error: ValidationError) -> str:
    """Name every problem with its place, without the values: settings are secrets.

    A default that follows from a wrong value is no problem of its own.
    """
    found = [item for item in error.errors() if item["type"] != "default_factory_not_called"]
    return "; ".join(f"{'.'.join(map(str, item['loc']))} {item['msg']}".strip() for item in found)
