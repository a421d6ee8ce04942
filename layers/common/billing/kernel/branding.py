"""A merchant's branding as it is stored, and as pages, mails and documents are given it (M-11).

It is no part of the merchant, which every request reads: that only carries the branding's version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from billing.kernel.values import Value, field
from billing.kernel.writes import Entity

LOGOS = "logos"
"""The area of logos in the object store."""


class Logo(Value):
    """A logo in the object store, by the digest of its bytes; its size is in pixels."""

    digest: str
    width: int
    height: int


class Branding(Entity):
    """A merchant's branding; `version` is another one after each change.

    `accent` is a colour as `#rrggbb`. `texts` names the mail texts of its own, as
    `<language>/<letter>`. `logos` are the digests of all logos that are still stored, oldest
    first: mails that were sent show earlier ones.
    """

    merchant: str
    version: str
    logo: Logo | None = None
    accent: str | None = None
    footer: str = ""
    sender_name: str = ""
    texts: tuple[str, ...] = ()
    logos: tuple[str, ...] = ()


class MailText(Entity):
    """A merchant's own subject, opening and closing of one letter in one language.

    An empty one of them is ours.
    """

    merchant: str
    letter: str
    language: str
    subject: str = ""
    opening: str = ""
    closing: str = ""

    @property
    def name(self) -> str:
        """Its name in the branding's list of texts."""
        return f"{self.language}/{self.letter}"


class OwnText(Value):
    """A merchant's own words of a letter, checked; what is empty is ours.

    With `keeps_ours` our opening stays behind theirs: it says what somebody has to be told.
    """

    subject: str = ""
    opening: str = ""
    closing: str = ""
    keeps_ours: bool = False


class Palette(Value):
    """An accent colour with those that go with it, for light and for dark pages."""

    accent: str
    deep: str
    tint: str
    on_accent: str


class Look(Value):
    """A merchant's branding, ready to be shown.

    `logo_path` is an address at the host of the page. With `preview` it is not saved yet.
    """

    light: Palette | None = None
    dark: Palette | None = None
    logo: Logo | None = None
    logo_path: str = ""
    footer: tuple[str, ...] = ()
    sender_name: str = ""
    preview: bool = False


class Dress(Value):
    """Everything of a merchant's own in one mail.

    `logo_url` is absolute, empty without a logo. `texts` are by letter, in the mail's language.
    `fell_back` is told of a letter whose own text could not be used.
    """

    look: Look
    logo_url: str = ""
    texts: Mapping[str, OwnText] = field(default_factory=dict)
    fell_back: Callable[[str], None] = lambda letter: None
