"""The mailbox as a page: who opens it in a browser reads the mails, and follows their links."""

import html
import re
from collections.abc import Sequence
from typing import Any

_LINK = re.compile(r"https?://[^\s<]+")
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem}"
    "summary{cursor:pointer;padding:.5rem 0}pre{white-space:pre-wrap;overflow-wrap:anywhere}"
    "small{opacity:.8}:root{color-scheme:light dark}"
)


def page(mails: Sequence[dict[str, Any]]) -> bytes:
    """Writes the mails, the newest first and open, as HTML."""
    shown = "".join(_mail(each, first=number == 0) for number, each in enumerate(mails))
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Mailbox</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style><h1>Mailbox</h1>"
        f"{shown or '<p>No mail has gone out yet.</p>'}</html>"
    ).encode()


def _mail(mail: dict[str, Any], *, first: bool) -> str:
    to, subject, at, raw = (html.escape(str(mail[name])) for name in ("to", "subject", "at", "raw"))
    text = html.escape(mail["text"] or "")
    linked = _LINK.sub(lambda found: f'<a href="{found[0]}">{found[0]}</a>', text)
    files = ", ".join(html.escape(str(name)) for name in mail["attachments"])
    return (
        f"<details{' open' if first else ''}><summary><strong>{subject}</strong><br>"
        f"<small>{to}, {at}</small></summary><pre>{linked}</pre>"
        f'<p><small><a href="{raw}">As it was sent</a>{f", with {files}" if files else ""}</small>'
        "</p></details>"
    )
