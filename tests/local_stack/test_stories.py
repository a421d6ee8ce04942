"""The stories of tests/scenarios/stories, by HTTP on `make run` with its clock moved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local_stack.laptop import Laptop
from tests.scenarios.stories.owners import Story
from tests.scenarios.stories.played import STORIES
from tests.scenarios.stories.town import OnLaptop

pytestmark = pytest.mark.slow


@pytest.fixture
def town(tmp_path: Path) -> Iterator[OnLaptop]:
    """A laptop for each of them: months pass quickly where few buy."""
    machine = Laptop(tmp_path / "data", SELL_AT="sandbox").start()
    yield OnLaptop(machine)
    machine.stop()


@pytest.mark.parametrize("story", STORIES)
def test_on_a_laptop(story: Story, town: OnLaptop) -> None:
    story(town)
