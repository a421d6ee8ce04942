"""The stories, on the functions over a world in memory; `tests/local_stack` tells them on a
laptop."""

from __future__ import annotations

import pytest

from tests.scenarios.stories.owners import Story
from tests.scenarios.stories.played import STORIES
from tests.scenarios.stories.town import InMemory


@pytest.mark.parametrize("story", STORIES)
def test_in_memory(story: Story) -> None:
    story(InMemory())
