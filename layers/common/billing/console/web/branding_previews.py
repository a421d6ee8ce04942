"""Pages, mails and documents in a branding that is not saved yet (M-11).

They are the real ones, with sample data or the merchant's own. Nothing on them can be sent.
"""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

from billing.branding import looks
from billing.branding.flows import changes, dressing
from billing.branding.flows.changes import Wrong
from billing.branding.mail import samples
from billing.catalog.flows import product_lists
from billing.checkout.web import offer_page
from billing.console.web import branding
from billing.console.web.pages import Desk
from billing.invoices.flows import previews
from billing.kernel.branding import Branding, Dress
from billing.kernel.catalog import Product
from billing.kernel.errors import Invalid, NotFound
from billing.kernel.values import replace
from billing.render.messages import known
from billing.web import dressing as web_dressing
from billing.web import http
from billing.web.request import Request, is_plain_id

SAMPLE_PRODUCT = "Pattern Library"
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; form-action 'none'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
"""A mail's styles are inline; nothing of it can run, be sent or be framed."""

TEXT = "text/plain; charset=utf-8"


def preview(desk: Desk, what: str) -> http.Answer:
    """Shows one of the previews by name; wrong fields come back in the form."""
    show = PREVIEWS.get(what)
    if show is None:
        raise NotFound()
    typed = branding.typed_of(desk)
    try:
        found = _unsaved(desk, changes.checked(**typed))
        return show(desk, found)
    except Wrong as wrong:
        return branding.wrong_preview(desk, typed, wrong)
    except Invalid as error:
        return branding.branding_page(desk, typed=typed, errors={error.field: error})


def mail_answer(mail: EmailMessage, kind: str) -> http.Answer:
    """Answers the HTML or the text of a mail, as its reader sees it."""
    part = mail.get_body((kind,))
    assert part is not None, "a mail has both"
    content = part.get_content()
    if kind == "plain":
        return http.answer(200, TEXT, f"{mail['Subject']}\n\n{content}", {})
    headers = {"Content-Security-Policy": MAIL_POLICY, "X-Frame-Options": "DENY"}
    return http.answer(200, "text/html; charset=utf-8", content, headers)


def first_product(desk: Desk) -> tuple[str, str | None]:
    """Returns the name of a product to show, and its price point; a sample where there is none."""
    found = product_lists.made(desk.ports, desk.session.merchant, _is_sold, limit=1).data
    for product in found:
        return product.name, product.default_price_point
    return SAMPLE_PRODUCT, None


def _is_sold(product: Product) -> bool:
    return product.sells(str(product.default_price_point))


def dress_of(desk: Desk, found: Branding, language: str) -> Dress:
    """Returns a branding as a mail wears it; its logo is at this host, where the page may load
    it."""
    look = looks.look(found, preview=True)
    return Dress(look, look.logo_path, dressing.own_texts(desk.ports, found, language))


def stored(desk: Desk) -> Branding:
    """Returns the merchant's branding, an empty one where there is none."""
    return changes.read(desk.ports, desk.session.merchant) or Branding(desk.merchant, "")


def _unsaved(desk: Desk, fields: dict[str, Any]) -> Branding:
    return replace(stored(desk), **fields)


def _checkout(desk: Desk, found: Branding) -> http.Answer:
    _, price_point = first_product(desk)
    if price_point is None:
        raise Invalid("preview_needs_product", field="")
    here = _as_visitor(desk)
    ports, now = desk.ports, desk.now
    return _dressed(found, lambda: offer_page.offer_page(ports, here, price_point, now=now))


def _portal(desk: Desk, found: Branding) -> http.Answer:
    merchant = desk.session.merchant
    return _dressed(
        found,
        lambda: http.page(
            "portal/login.html",
            known(merchant.settings.language),
            merchant=merchant,
            base="#",
            failed=False,
            done=None,
        ),
    )


def _mail(kind: str) -> Callable[[Desk, Branding], http.Answer]:
    def show(desk: Desk, found: Branding) -> http.Answer:
        product, _ = first_product(desk)
        language = known(desk.session.merchant.settings.language)
        return mail_answer(sample_mail(desk, found, "receipt", language, product), kind)

    return show


def sample_mail(
    desk: Desk, found: Branding, name: str, language: str, product: str, dress: Dress | None = None
) -> EmailMessage:
    """Returns a letter with sample data, to the merchant's own address."""
    merchant = desk.session.merchant
    return samples.mail(
        merchant,
        merchant.email,
        samples.letter(merchant, name, language, product, desk.now),
        language,
        dress or dress_of(desk, found, language),
        sender=desk.ports.operation.sender,
        base_url=f"{desk.ports.operation.public_url}/portal/{merchant.id}",
        event_id=f"preview {merchant.id} {name} {desk.now.isoformat()}",
        now=desk.now,
    )


def _invoice(desk: Desk, found: Branding) -> http.Answer:
    """Answers an invoice: the real one of an order of theirs, if one is named, else a sample."""
    typed = desk.request.form().get("order", "").strip()
    if typed:
        if not is_plain_id(typed):
            raise Invalid("preview_order", field="order")
        try:
            content = previews.in_branding(desk.ports, desk.session.merchant, typed, found)
        except NotFound:
            raise Invalid("preview_order", field="order") from None
    else:
        product, _ = first_product(desk)
        merchant = desk.session.merchant
        content = previews.sample(desk.ports, merchant, found, product, desk.now)
    return http.file(content, "preview.pdf")


def _dressed(found: Branding, show: Callable[[], http.Answer]) -> http.Answer:
    """Returns a page in a branding; its forms lead nowhere."""
    look = looks.look(found, preview=True)
    with web_dressing.by(lambda merchant: look):
        answer = show()
    policy = answer.headers["Content-Security-Policy"]
    answer.headers["Content-Security-Policy"] = policy.replace(
        "form-action 'self'", "form-action 'none'"
    )
    answer.cookies.clear()
    return answer


def _as_visitor(desk: Desk) -> Request:
    """Returns the request as somebody sends it who has no session, and typed nothing."""
    return replace(desk.request, cookies={}, raw_query="", body="", method="GET")


PREVIEWS: dict[str, Callable[[Desk, Branding], http.Answer]] = {
    "checkout": _checkout,
    "portal": _portal,
    "mail": _mail("html"),
    "mail-text": _mail("plain"),
    "invoice": _invoice,
}
