"""What the host prints: one line for each record, of the host and of the app, at INFO and above."""

import logging
import sys
from datetime import UTC, datetime

from local.host.worker import running

# Each request to storage and each token would be a line of its own, as it would be in Azure.
_NOISY = ("azure.core.pipeline.policies.http_logging_policy", "azure.identity")


class _Formatter(logging.Formatter):
    """Puts the time in UTC, the level, and the function that a record comes from before the message."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # the name is the base class's
        time = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S.%f")[:-3]
        function = running.get()
        return f"[{time}Z] {record.levelname} {f'{function}: ' if function else ''}{record.message}"


def print_logs() -> None:
    """Send the log of this process to standard output, line by line."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Formatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
