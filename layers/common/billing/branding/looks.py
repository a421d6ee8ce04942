"""Makes the look of pages and mails of a stored branding (M-11)."""

from __future__ import annotations

from hashlib import sha256

from billing.branding import colours
from billing.kernel.branding import LOGOS, Branding, Logo, Look
from billing.kernel.objects import ObjectKey

SHOWN_AT = 3
"""Pixels of a stored logo for one of a page's."""


def look(branding: Branding, *, preview: bool = False) -> Look:
    """Returns the look of a branding; an accent that fails by today's rules is left out."""
    light = dark = None
    if branding.accent is not None and colours.passes(branding.accent):
        light, dark = colours.palette(branding.accent)
    logo = branding.logo
    return Look(
        light,
        dark,
        logo,
        "" if logo is None else f"/portal/{branding.merchant}/logo/{logo_file(logo)}",
        tuple(branding.footer.splitlines()),
        branding.sender_name,
        preview,
    )


def logo_file(logo: Logo) -> str:
    """Returns the last part of a logo's address; another picture has another one."""
    return f"{logo.digest}.png"


def logo_key(merchant: str, digest: str) -> ObjectKey:
    """Returns where a logo is in the object store: under its merchant, never another's."""
    return ObjectKey(LOGOS, merchant, f"{digest}.png")


def digest_of(png: bytes) -> str:
    return sha256(png).hexdigest()[:32]


def next_version(before: str | None, change: str) -> str:
    """Returns the version after a change: the same only after the same changes."""
    return sha256(f"{before or ''}\n{change}".encode()).hexdigest()[:16]
