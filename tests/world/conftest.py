"""What the tests of the world on one machine share."""

import pytest

from local.authority import Authority
from tests.loopback import no_proxy

__all__ = ["no_proxy"]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One certificate authority is enough for all tests."""
    return Authority(tmp_path_factory.mktemp("authority"))
