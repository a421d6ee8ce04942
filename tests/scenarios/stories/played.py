"""Every story with the rules that it proves; played in memory, and by HTTP on a laptop."""

from __future__ import annotations

import pytest

from tests.scenarios.stories import domains, owners

STORIES = [
    pytest.param(story, id=story.__name__, marks=pytest.mark.spec(*proves))
    for story, proves in {
        domains.a_domain_hides_the_merchants_name: ("A-9",),
        **owners.STORIES,
    }.items()
]
