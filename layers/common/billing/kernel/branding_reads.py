"""The part of the storage port about a merchant's branding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from billing.kernel.branding import Branding, MailText


class BrandingParts(Protocol):
    """The questions about branding and mail texts; `Store` has them too."""

    def branding(self, merchant: str) -> Branding | None: ...
    def mail_texts(self, merchant: str, names: Sequence[str]) -> list[MailText | None]:
        """A merchant's own texts, each by `<language>/<letter>`."""
        ...
