"""The checkout as it is opened, and its errors (C-1); what is sent is in `pages`.

Nothing here loads what buys: most who open a checkout only look.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from billing.checkout.flows import offers
from billing.checkout.web import drafts, hand_offs
from billing.checkout.web.form_pages import COUPON_MOST, unavailable, with_coupon
from billing.kernel.errors import NotFound, Unavailable
from billing.kernel.ports import Ports
from billing.render.messages import text
from billing.web import custom_domains, http, languages
from billing.web.request import Request, plain_id


def offer_page(ports: Ports, request: Request, price_point: str, *, now: datetime) -> http.Answer:
    """Shows the form, with what this browser typed before, and a new attempt key, so that sending
    it twice buys once (C-2)."""
    chosen, handed = request.query().get("gateway") or None, hand_offs.linked(request.query())
    offered = offers.offer(ports, price_point, now=now, gateway=chosen)
    spoken = languages.spoken(offered.merchant, request)
    try:
        form = {**drafts.kept(ports, request, price_point, now=now), **handed}
        if linked := request.query().get("coupon", ""):
            form = {**form, "coupon": linked[:COUPON_MOST]}
        key = ports.new_id("attempt")
        return with_coupon(ports, request, offered, spoken, attempt_key=key, form=form, now=now)
    except Unavailable:
        return unavailable(request, offered, spoken)


def failure(ports: Ports, error: Exception, request: Request) -> http.Answer:
    """Renders an error as the seller's, with the way back to the checkout where there is one."""
    found, spoken = None, languages.of_visitor(request)
    prefix, _, point = request.path.removeprefix("/").partition("/")
    point = point.partition("/")[0]
    if prefix == "checkout" and not request.wants_problem:
        with suppress(Exception):  # The first error is the one to show, in whatever look.
            found = ports.store.merchant(plain_id(point.partition(".")[0]))
    if found is None:
        return http.failure(error, request, language=spoken)
    spoken, way = languages.spoken(found, request), None
    if not isinstance(error, NotFound):
        way = text(spoken, "unavailable.again"), custom_domains.checkout(request, point)
    return http.failure(error, request, language=spoken, merchant=found, way=way)
