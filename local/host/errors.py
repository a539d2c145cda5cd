"""What can go wrong in the host, by what happens next.

CannotStart   the app or its settings must be changed: nothing is run
CallFailed    a function did not succeed: its trigger decides about another try; already logged
Stopping      the host is shutting down before the function began: as if it had never been taken
"""


class CannotStart(Exception):  # noqa: N818  # named by what it means, like the two below
    """The app cannot be loaded; the message holds every reason found, one to a line."""


class CallFailed(Exception):  # noqa: N818
    """A function raised, ran too long, returned what it must not, or could not be given its parameters."""


class Stopping(Exception):  # noqa: N818
    """No more work is taken on."""
