"""Holds for every test: nothing that the app logs meanwhile says who somebody is."""

import logging
from collections.abc import Iterator

import pytest

from tests.privacy import personal_data


class _Keeper(logging.Handler):
    """Keeps every line, with its traceback, as a log would show it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one record."""
        self.lines.append(self.format(record))


@pytest.fixture(autouse=True)
def logs_without_personal_data() -> Iterator[None]:
    """Fail the test that made the app log an address, a phone number, a name or a key of the test data."""
    keeper, root = _Keeper(), logging.getLogger()
    root.addHandler(keeper)
    yield
    root.removeHandler(keeper)
    assert personal_data("\n".join(keeper.lines)) == []
