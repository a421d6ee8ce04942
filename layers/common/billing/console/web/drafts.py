"""Drafts of the product wizard: what was typed, step by step, until the product is created.

A draft has an address of its own and is kept for two weeks, so that a reload, another tab, a
session that ended and a way back lose nothing. It is no business state: a draft that is lost is
typed again, and nobody can buy of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta

from billing.console.web.pages import Desk
from billing.kernel.values import Value, replace
from billing.web.sessions import digest

KIND = "product_draft"
LIFE = timedelta(days=14)
POINTS_MOST = 50


class Point(Value):
    """A price point of a draft, as it was typed; `key` is its name in addresses."""

    key: str
    typed: Mapping[str, str]


class ProductDraft(Value):
    """A product that is being set up; `id` will be the product's, so that it is created once.

    The first of `points` is the default price point. `typed` has the fields of the other steps.
    """

    id: str
    typed: Mapping[str, str]
    points: tuple[Point, ...] = ()
    last: int = 0

    def point(self, key: str) -> Point | None:
        return next((point for point in self.points if point.key == key), None)

    def with_point(self, key: str | None, typed: Mapping[str, str]) -> ProductDraft:
        """Returns the draft with a price point changed, or a new one at the end."""
        if key is None:
            made = Point(f"p{self.last + 1}", typed)
            return replace(self, points=(*self.points, made), last=self.last + 1)
        points = tuple(Point(key, typed) if p.key == key else p for p in self.points)
        return replace(self, points=points)

    def without_point(self, key: str) -> ProductDraft:
        return replace(self, points=tuple(point for point in self.points if point.key != key))

    def with_default(self, key: str) -> ProductDraft:
        """Returns the draft with a price point moved to the front, which makes it the default."""
        ordered = sorted(self.points, key=lambda point: point.key != key)
        return replace(self, points=tuple(ordered))


def find(desk: Desk, draft: str) -> ProductDraft | None:
    """Returns a draft of this merchant; None where there is none, or no longer."""
    kept = desk.ports.ephemeral.get(KIND, _key(desk, draft), now=desk.now)
    if kept is None:
        return None
    read = json.loads(kept)
    points = tuple(Point(point["key"], point["typed"]) for point in read["points"])
    return ProductDraft(draft, read["typed"], points, read["last"])


def save(desk: Desk, draft: ProductDraft) -> None:
    """Keeps a draft for two weeks from now."""
    points = [{"key": point.key, "typed": dict(point.typed)} for point in draft.points]
    document = {"typed": dict(draft.typed), "points": points, "last": draft.last}
    # Not escaped: a letter from far away would take three times its place, and a row is finite.
    kept = json.dumps(document, ensure_ascii=False)
    expires_at = desk.now + LIFE
    desk.ports.ephemeral.replace(KIND, _key(desk, draft.id), kept, expires_at=expires_at)


def drop(desk: Desk, draft: str) -> None:
    """Forgets a draft: the product is there."""
    desk.ports.ephemeral.take(KIND, _key(desk, draft), now=desk.now)


def _key(desk: Desk, draft: str) -> str:
    # With the merchant's id, so that nobody opens the draft of another.
    return digest(f"{desk.merchant}:{draft}")
