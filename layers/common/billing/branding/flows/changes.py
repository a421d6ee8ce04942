"""Changes a merchant's branding and mail texts, each against what its editor saw (M-11).

An object is named in the branding before it is stored, so whoever erases a merchant finds it.
"""

from __future__ import annotations

from typing import Any

from billing.branding import colours, images, letters, looks, words
from billing.kernel.branding import Branding, Logo, MailText
from billing.kernel.errors import Conflict, Invalid
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Remove, Write
from billing.render import logos

LOGOS_KEPT = 12
"""Earlier logos that stay, for the mails that show them."""

UNSEEN = ""
"""The version of a branding that there is not yet."""


def read(ports: Ports, merchant: Merchant) -> Branding | None:
    """Returns the branding as it is stored now, for who edits it."""
    return None if merchant.branding is None else ports.store.branding(merchant.id)


def checked(accent: str, footer: str, sender_name: str) -> dict[str, Any]:
    """Returns the fields of a branding as they are stored; raises `Invalid` for all that is
    wrong."""
    found: dict[str, Any] = {"accent": None}
    wrong: list[Invalid] = []
    if accent.strip():
        _collect(found, wrong, "accent", lambda: colours.checked(accent))
    _collect(found, wrong, "sender_name", lambda: words.sender_name(sender_name))
    _collect(found, wrong, "footer", lambda: words.footer(footer))
    if wrong:
        raise Wrong(wrong)
    return found


class Wrong(Exception):
    """Several wrong fields of one form."""

    def __init__(self, errors: list[Invalid]) -> None:
        super().__init__(str(errors[0]))
        self.errors = errors


def change(ports: Ports, merchant: Merchant, seen: str, fields: dict[str, Any]) -> Branding:
    """Changes colour, footer and sender name; raises `Conflict` if somebody else changed the
    branding since it was `seen`."""
    before = _seen(ports, merchant, seen)
    return _commit(ports, merchant, before, repr(sorted(fields.items())), **fields)


def drawn(content: bytes) -> tuple[bytes, Logo]:
    """Returns an uploaded logo drawn anew; raises `Invalid` for what is no logo."""
    picture = images.examined(content)
    longest = max(picture.width, picture.height)
    found = logos.drawn(picture.content, picture.kind.value, longest)
    if found is None:
        raise Invalid("image_broken", field="logo")
    png, width, height = found
    return png, Logo(looks.digest_of(png), width, height)


def set_logo(ports: Ports, merchant: Merchant, seen: str, content: bytes) -> Branding:
    """Stores a logo and shows it from now on; raises `Invalid`, `Conflict`."""
    png, logo = drawn(content)
    before = _seen(ports, merchant, seen)
    named = before.logos if before is not None else ()
    if logo.digest not in named:
        named = (*named, logo.digest)
        before = _commit(ports, merchant, before, f"name {logo.digest}", logos=named)
        merchant = replace(merchant, branding=before.version)
    key = looks.logo_key(merchant.id, logo.digest)
    ports.objects.put(key, png, content_type="image/png")
    # The newest stands last, so that the oldest is the first to go.
    kept = (*(each for each in named if each != logo.digest), logo.digest)
    for old in kept[:-LOGOS_KEPT]:
        ports.objects.delete(looks.logo_key(merchant.id, old))
    return _commit(
        ports, merchant, before, f"show {logo.digest}", logo=logo, logos=kept[-LOGOS_KEPT:]
    )


def remove_logo(ports: Ports, merchant: Merchant, seen: str) -> Branding:
    """Shows no logo from now on; mails that were sent still find theirs."""
    before = _seen(ports, merchant, seen)
    return _commit(ports, merchant, before, "no logo", logo=None)


def set_text(ports: Ports, merchant: Merchant, seen: str, text: MailText) -> None:
    """Writes the merchant's own text of a letter; empty ones go back to ours. Raises `Conflict` if
    somebody else changed it since it was `seen`."""
    before = read(ports, merchant)
    (old,) = ports.store.mail_texts(merchant.id, [text.name])
    if text_mark(old) != seen:
        raise Conflict()
    names = before.texts if before is not None else ()
    is_empty = not (text.subject or text.opening or text.closing)
    if is_empty and old is None:
        return
    if is_empty and old is not None:
        write: Write = Remove(old)
        names = tuple(name for name in names if name != text.name)
    else:
        write = Insert(text) if old is None else Change(old, text)
        names = tuple(sorted({*names, text.name}))
    _commit(ports, merchant, before, repr(text), write, texts=names)


def text_mark(text: MailText | None) -> str:
    """Returns a mark of a text as an editor saw it; after any change it is another."""
    if text is None:
        return UNSEEN
    return looks.next_version(None, repr((text.subject, text.opening, text.closing)))


def checked_text(
    merchant: Merchant, letter: str, language: str, subject: str, opening: str, closing: str
) -> MailText:
    """Returns a text of a letter as it is stored; raises `Invalid`."""
    return letters.checked(merchant.id, letter, language, subject, opening, closing)


def _collect(found: dict[str, Any], wrong: list[Invalid], name: str, check: Any) -> None:
    try:
        found[name] = check()
    except Invalid as error:
        wrong.append(error)


def _seen(ports: Ports, merchant: Merchant, seen: str) -> Branding | None:
    before = read(ports, merchant)
    if (UNSEEN if before is None else before.version) != seen:
        raise Conflict()
    return before


def _commit(
    ports: Ports,
    merchant: Merchant,
    before: Branding | None,
    what: str,
    *more: Write,
    **fields: Any,
) -> Branding:
    """Writes a change of a branding and its version on the merchant, in one write."""
    version = looks.next_version(None if before is None else before.version, what)
    was = before or Branding(merchant.id, "")
    after = replace(was, version=version, **fields)
    write: Write = Insert(after) if before is None else Change(before, after)
    ports.store.commit(Change(merchant, replace(merchant, branding=version)), write, *more)
    return after
