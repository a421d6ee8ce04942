"""The stories, on the functions over a world in memory; `tests/house` tells them on a laptop."""

from __future__ import annotations

import pytest

from tests.stories.owners import Story
from tests.stories.told import TOLD
from tests.stories.town import InMemory


@pytest.mark.parametrize("story", TOLD)
def test_in_memory(story: Story) -> None:
    story(InMemory())
