"""Reads of a merchant's branding and mail texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from billing.storage import branding_keys
from billing.storage.items import Items

if TYPE_CHECKING:
    from billing.kernel.branding import Branding, MailText


class BrandingReads:
    """The questions of the Store port about one merchant's branding."""

    _items: Items

    def branding(self, merchant: str) -> Branding | None:
        """Get M#<merchant>#BRANDING BRANDING."""
        return self._items.get(branding_keys.branding(merchant))

    def mail_texts(self, merchant: str, names: Sequence[str]) -> list[MailText | None]:
        """Batch get of M#<merchant>#BRANDING TEXT#<language>/<letter>."""
        return self._items.get_many([branding_keys.mail_text(merchant, name) for name in names])
