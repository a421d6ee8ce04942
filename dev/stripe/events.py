"""Events."""

LISTENED: frozenset[str] = frozenset()
