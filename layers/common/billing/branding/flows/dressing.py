"""Reads a merchant's branding for pages, mails and documents (M-11).

A merchant carries the version of its branding, so each process reads every version once. A page is
shown without it rather than not at all; a mail or a document waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from billing.kernel.branding import Branding, Dress, Look, OwnText
    from billing.kernel.merchants import Merchant
    from billing.kernel.ports import Ports

K = TypeVar("K")
V = TypeVar("V")

KEPT_MOST = 200
"""The most brandings that a process keeps, and texts of a language."""

_brandings: dict[tuple[str, str], Branding] = {}
_texts: dict[tuple[str, str, str], dict[str, OwnText]] = {}


def branding_of(ports: Ports, merchant: Merchant) -> Branding | None:
    """Returns a merchant's branding; without a read for one that has none, or whose version this
    process has read."""
    if merchant.branding is None:
        return None
    key = (merchant.id, merchant.branding)
    kept = _brandings.get(key)
    if kept is not None:
        return kept
    found = ports.store.branding(merchant.id)
    if found is not None and found.version == merchant.branding:
        _keep(_brandings, key, found)
    return found


def of_pages(ports: Ports) -> Callable[[Merchant], Look | None]:
    """Returns what finds the look of a page's merchant; one that cannot be read now has none."""

    def look_of(merchant: Merchant) -> Look | None:
        if merchant.branding is None:
            return None
        from billing.branding import looks
        from billing.kernel.errors import Unavailable
        from billing.runtime import telemetry

        try:
            found = branding_of(ports, merchant)
        except Unavailable as outage:
            telemetry.happened("page without branding", merchant=merchant.id, why=outage.note)
            return None
        return None if found is None else looks.look(found)

    return look_of


def of_mail(ports: Ports, merchant: Merchant, language: str) -> Dress | None:
    """Returns everything of the merchant's own in a mail in a language, None where there is
    nothing."""
    found = branding_of(ports, merchant)
    if found is None:
        return None
    from billing.branding import looks
    from billing.kernel import domains
    from billing.kernel.branding import Dress

    look = looks.look(found)
    url = ""
    if found.logo is not None:
        base = domains.portal(ports.operation.public_url, merchant)
        url = f"{base}/logo/{looks.logo_file(found.logo)}"

    def fell_back(letter: str) -> None:
        _count(merchant.id, language, letter)

    return Dress(look, url, own_texts(ports, found, language), fell_back)


def own_texts(ports: Ports, branding: Branding, language: str) -> dict[str, OwnText]:
    """Returns the merchant's own texts in a language, by letter; those that would not be taken any
    more are left out, and counted."""
    names = [name for name in branding.texts if name.startswith(f"{language}/")]
    if not names:
        return {}
    key = (branding.merchant, branding.version, language)
    if key in _texts:
        return _texts[key]
    from billing.branding import letters

    found: dict[str, OwnText] = {}
    for name, text in zip(names, ports.store.mail_texts(branding.merchant, names), strict=True):
        usable = None if text is None else letters.usable(text)
        if usable is None or text is None:
            _count(branding.merchant, language, name.partition("/")[2])
        else:
            found[text.letter] = usable
    _keep(_texts, key, found)
    return found


def _count(merchant: str, language: str, letter: str) -> None:
    from billing.runtime import telemetry

    telemetry.tally({"own_text_left_out": 1}, "mails_")
    telemetry.happened(
        "own mail text left out", merchant=merchant, language=language, letter=letter
    )


def _keep(kept: dict[K, V], key: K, value: V) -> None:
    if len(kept) >= KEPT_MOST:
        kept.pop(next(iter(kept)))
    kept[key] = value
