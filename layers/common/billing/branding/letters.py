"""The letters whose words a merchant may change, and what is checked in them (M-11).

A merchant gives subject, opening and closing. Everything between is ours and stays: amounts and
dates, Order ID, links, how to cancel. Placeholders are names in braces, filled in once; there is no
template language.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from billing.branding import words
from billing.kernel.branding import MailText, OwnText
from billing.kernel.errors import Invalid
from billing.kernel.values import Value

SUBJECT_MOST = 150
OPENING_MOST, OPENING_LINES = 2000, 30
CLOSING_MOST, CLOSING_LINES = 1000, 15


class LetterKind(Value):
    """A letter that can be changed; `texts` is where the catalogs have ours, under `mail`.

    `required` names placeholders that an opening of the merchant's own must have. Where ours says
    what somebody has to be told, such as until when something runs, it stays: `keeps_ours`.
    """

    texts: str
    placeholders: tuple[str, ...]
    required: tuple[str, ...] = ()
    keeps_ours: bool = False


_PAYMENT = ("amount", "product", "merchant")
_SUBSCRIPTION = ("product", "merchant", "email")
_DATED = (*_SUBSCRIPTION, "date")

LETTERS: Mapping[str, LetterKind] = {
    "confirmation": LetterKind("confirmation", ("product", "merchant", "name"), ("product",)),
    "receipt": LetterKind("receipt", _PAYMENT, ("amount",)),
    "nothing_due": LetterKind("nothing_due", ("product", "merchant"), ("product",)),
    "payment_failed": LetterKind("payment_failed", _PAYMENT, keeps_ours=True),
    "action_needed": LetterKind("action_needed", _PAYMENT, ("amount", "product")),
    "renewal_upcoming": LetterKind(
        "renewal_upcoming", ("product", "date", "merchant"), keeps_ours=True
    ),
    "trial_ending": LetterKind("trial_ending", ("product", "date", "merchant"), keeps_ours=True),
    "card_expiring": LetterKind(
        "card_expiring", ("product", "card", "month", "email"), ("card", "month")
    ),
    "new_card_needed": LetterKind("new_card_needed", _SUBSCRIPTION, keeps_ours=True),
    "cancel_requested": LetterKind("cancel_requested", _DATED, keeps_ours=True),
    "cancel_undone": LetterKind("cancel_undone", _SUBSCRIPTION, ("product",)),
    "cancelled": LetterKind("cancelled", _DATED, keeps_ours=True),
    "completed": LetterKind("completed", _SUBSCRIPTION, ("product",)),
    "paused": LetterKind("paused", _SUBSCRIPTION, keeps_ours=True),
    "resumed": LetterKind("resumed", _SUBSCRIPTION, ("product",)),
    "imported": LetterKind("imported", _SUBSCRIPTION, ("product",)),
    "plan_paid": LetterKind("plan_paid", _PAYMENT, ("amount",)),
    "plan_changed": LetterKind("plan_changed", ("product", "merchant"), ("product",)),
    "plan_asked": LetterKind("plan_asked", _SUBSCRIPTION, keeps_ours=True),
    "freeze_asked": LetterKind("freeze_asked", _DATED, keeps_ours=True),
    "freeze_undone": LetterKind("freeze_undone", _SUBSCRIPTION, ("product",)),
    "refunded": LetterKind("refunded", _PAYMENT, ("amount",)),
    "refund_returned": LetterKind(
        "refund_returned", (*_PAYMENT, "email", "number"), keeps_ours=True
    ),
    "request_cancel": LetterKind(
        "request.cancel", ("product", "merchant", "department"), keeps_ours=True
    ),
    "request_refund": LetterKind(
        "request.refund", ("product", "merchant", "department"), keeps_ours=True
    ),
    "request_question": LetterKind("request.question", ("merchant", "department"), keeps_ours=True),
    "entry_link": LetterKind("entry_link", ("merchant",), keeps_ours=True),
    "entry_code": LetterKind("entry_code", ("merchant",), keeps_ours=True),
}
"""The letters by name, in the order of a customer's life. What warns of a change that somebody else
may have made, and what an agent writes, is not among them."""

_PLACE = re.compile(r"\{([a-z_]+)\}")
_TOKEN = re.compile(r"\S+")
_LOOKS_LIKE_LINK = re.compile(r"://|\bwww\.|^[a-z][a-z0-9+.-]*:\S", re.IGNORECASE)
_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_ADDRESS = re.compile(
    rf"https://(?:{_LABEL}\.)+[a-z][a-z0-9-]*[a-z0-9]"  # a name, without a port or a person
    r"(?:[/?#][^\s<>\"'{}\\^`|\[\]]*)?",
    re.IGNORECASE,
)
_AROUND = "().,;:!?\"'«»„“”‚‘’…"


def checked(
    merchant: str, letter: str, language: str, subject: str, opening: str, closing: str
) -> MailText:
    """Returns a merchant's text of a letter; raises `Invalid` for the first thing wrong with it."""
    kind = LETTERS[letter]
    found = MailText(
        merchant,
        letter,
        language,
        words.one_line(subject, SUBJECT_MOST, field="subject"),
        words.lines(opening, OPENING_MOST, OPENING_LINES, field="opening"),
        words.lines(closing, CLOSING_MOST, CLOSING_LINES, field="closing"),
    )
    for name in ("subject", "opening", "closing"):
        _check(kind, getattr(found, name), name)
    if found.opening and not kind.keeps_ours:
        for needed in kind.required:
            if f"{{{needed}}}" not in found.opening:
                raise Invalid("placeholder_missing", field="opening", name=f"{{{needed}}}")
    return found


def usable(text: MailText) -> OwnText | None:
    """Returns a stored text as mails use it; None for one that would not be taken today."""
    if text.letter not in LETTERS:
        return None
    given = (text.subject, text.opening, text.closing)
    try:
        checked(text.merchant, text.letter, text.language, *given)
    except Invalid:
        return None
    return OwnText(*given, keeps_ours=LETTERS[text.letter].keeps_ours)


def _check(kind: LetterKind, text: str, field: str) -> None:
    known = ", ".join(f"{{{name}}}" for name in kind.placeholders)
    for name in _PLACE.findall(text):
        if name not in kind.placeholders:
            raise Invalid("placeholder_unknown", field=field, name=f"{{{name}}}", values=known)
    if any(brace in _PLACE.sub("", text) for brace in "{}"):
        raise Invalid("braces", field=field, values=known)
    for token in _TOKEN.findall(text):
        _check_link(token.strip(_AROUND), field)


def _check_link(token: str, field: str) -> None:
    """Raises `Invalid` for what a mail program may make a link of, unless it is a whole https
    address."""
    if not _LOOKS_LIKE_LINK.search(token):
        return
    if field == "subject" or not _ADDRESS.fullmatch(token) or not token.isascii():
        raise Invalid("link_not_whole", field=field)
