"""The stories of tests/scenarios/stories, by HTTP on `make run` with its clock moved."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local_stack.laptop import Laptop
from tests.scenarios.stories.owners import Story
from tests.scenarios.stories.played import STORIES
from tests.scenarios.stories.town import OnLaptop

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnLaptop]:
    """One laptop for all of them: its clock goes on, and everybody in a story is new."""
    machine = Laptop(tmp_path_factory.mktemp("stories") / "data", SELL_AT="sandbox").start()
    yield OnLaptop(machine)
    machine.stop()


@pytest.mark.parametrize("story", STORIES)
def test_on_a_laptop(story: Story, town: OnLaptop) -> None:
    story(town)
