"""A scene for each test, by the rules that the test names."""

from collections.abc import Callable
from pathlib import Path

import pytest

from local.activecampaign.variants import Variants
from shared.steps import planning
from tests.delivery.scene import Scene, make_scene
from tests.planned_once import PlannedOnce

MakeScene = Callable[..., Scene]


@pytest.fixture(scope="session")
def planned_once(tmp_path_factory: pytest.TempPathFactory) -> PlannedOnce:
    """The plans that were made so far: hundreds of runs here begin with the same one."""
    return PlannedOnce(tmp_path_factory.mktemp("plans"))


@pytest.fixture(autouse=True)
def _plans_are_made_once(planned_once: PlannedOnce, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planning has its own tests; these are about what comes after it."""
    monkeypatch.setattr(planning, "drafted", planned_once)


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
