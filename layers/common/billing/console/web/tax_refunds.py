"""Refund of a payment's tax alone in the console, on proof that none was owed (C-7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import StringConstraints

from billing.console.web import pages
from billing.console.web.pages import Desk
from billing.kernel.errors import Invalid
from billing.kernel.subscription import Source
from billing.kernel.values import replace
from billing.portal.web.forms import COMMENT_MOST, TEXT, form
from billing.refunds import value
from billing.refunds.flows import refund
from billing.web import http
from billing.web.inputs import Input, Key
from billing.web.problems import errors_of


class TaxRefundForm(Input):
    """The proof that was seen; `attempt` was drawn with the page and makes it one refund."""

    proof: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True, min_length=1, max_length=COMMENT_MOST, pattern=TEXT
        ),
    ]
    attempt: Key


def tax_refund_page(
    desk: Desk,
    order: str,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, Invalid] | None = None,
) -> http.Answer:
    """Shows the tax that would go back, and asks for the proof; raises `Refused` where none is
    left."""
    paid = refund.payment(desk.ports, desk.merchant, order)
    tax = value.tax_left(paid.invoice)
    lines = zip(paid.invoice.tax_lines, paid.invoice.taxes_left, strict=True)
    return pages.page(
        desk,
        "console/tax_refund.html",
        status=422 if errors else 200,
        order=paid.order,
        tax=tax,
        lines=[(line.text, replace(tax, amount_minor=left)) for line, left in lines],
        attempt=(typed or {}).get("attempt") or desk.ports.new_id("attempt"),
        form=typed or {},
        errors=errors or {},
    )


def refund_tax(desk: Desk, order: str) -> http.Answer:
    """Refunds the tax, or leaves it under way; sent twice it is one refund."""
    typed = desk.request.form()
    paid = refund.payment(desk.ports, desk.merchant, order)
    try:
        given = form(TaxRefundForm, typed)
    except Invalid as error:
        return tax_refund_page(desk, order, typed=typed, errors=errors_of(error))
    made = refund.request(
        desk.ports,
        paid,
        amount_minor=None,
        source=Source.MERCHANT,
        reason=given.proof,
        name=f"console:{given.attempt}",
        now=desk.now,
        takes=refund.Takes.NONE,
    )
    under_way = isinstance(made, refund.UnderWay)
    return pages.done(paid.invoice.customer, "refund_under_way" if under_way else "refunded")
