"""Tests talk to this machine alone, also where a proxy is set for everything."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def no_proxy() -> Iterator[None]:
    """Keep what is on loopback away from a proxy; to be imported by a conftest."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("NO_PROXY", "no_proxy"):
            patch.setenv(name, "127.0.0.1,localhost")
        yield
