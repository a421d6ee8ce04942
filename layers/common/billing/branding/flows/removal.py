"""Erases a merchant's branding: its logos first, for only the branding names them (M-11, A-6)."""

from __future__ import annotations

from billing.branding import looks
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.writes import Remove, Write


def erase(ports: Ports, seller: Merchant) -> list[list[Write]]:
    """Deletes a merchant's logos; returns the writes that remove texts and branding, in their
    order.

    The merchant keeps its version, which names nothing any more: pages of an erased merchant have
    our look.
    """
    found = ports.store.branding(seller.id)
    if found is None:
        return []
    for digest in found.logos:
        ports.objects.delete(looks.logo_key(seller.id, digest))
    texts = ports.store.mail_texts(seller.id, found.texts) if found.texts else []
    gone: list[list[Write]] = [[Remove(text)] for text in texts if text is not None]
    return [*gone, [Remove(found)]]
