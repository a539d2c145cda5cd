"""A scene for each test, by the rules that the test names."""

from collections.abc import Callable
from pathlib import Path

import pytest

from local.activecampaign.variants import Variants
from tests.delivery.scene import Scene, make_scene

MakeScene = Callable[..., Scene]


@pytest.fixture
def make(tmp_path: Path) -> MakeScene:
    """How to make a scene in which ActiveCampaign behaves in a certain way."""

    def make(variants: Variants | None = None) -> Scene:
        return make_scene(tmp_path, variants)

    return make


@pytest.fixture
def scene(make: MakeScene) -> Scene:
    """A scene in which ActiveCampaign behaves in the likelier way."""
    return make()
