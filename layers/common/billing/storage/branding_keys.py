"""Keys of a merchant's branding and mail texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.storage.addresses import Key

if TYPE_CHECKING:
    from billing.kernel.branding import Branding, MailText


def branding(merchant: str) -> Key[Branding]:
    return Key(f"M#{merchant}#BRANDING", "BRANDING")


def mail_text(merchant: str, name: str) -> Key[MailText]:
    return Key(f"M#{merchant}#BRANDING", f"TEXT#{name}")


def of_branding(e: Branding) -> Key[Branding]:
    return branding(e.merchant)


def of_mail_text(e: MailText) -> Key[MailText]:
    return mail_text(e.merchant, e.name)
