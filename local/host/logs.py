"""What the host prints: one line for each record, of the host and of the app, at INFO and above."""

import logging
import sys
import time

from local.host.worker import running

# Each request to storage and each token would be a line of its own, as it would be in Azure.
_NOISY = ("azure.core.pipeline.policies.http_logging_policy", "azure.identity")


class _Formatter(logging.Formatter):
    converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        """Put the time, and the function that a record comes from, before the message."""
        function = running.get()
        record.origin = f"{function}: " if function else ""
        return super().format(record)


def print_logs() -> None:
    """Send the log of this process to standard output, line by line."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        _Formatter("[%(asctime)s.%(msecs)03dZ] %(levelname)s %(origin)s%(message)s", "%Y-%m-%dT%H:%M:%S")
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
