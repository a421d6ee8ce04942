"""Selling: the offer, the submit, and the return from 3-D Secure (C-1 .. C-4, C-6)."""

from __future__ import annotations

import json
from datetime import datetime
from hashlib import sha256

from billing.checkout import checkout_steps, trials
from billing.checkout.checkouts import Checkout, CheckoutState
from billing.checkout.flows import account_plans, advance, offers, repeats
from billing.checkout.flows.limits import limit
from billing.checkout.flows.offers import Offer
from billing.coupons import coupons
from billing.kernel import invoicing, return_addresses
from billing.kernel.customers import Address, BillTo, Consent, Customer
from billing.kernel.disclosures import Disclosure
from billing.kernel.errors import (
    Conflict,
    Invalid,
    NotFound,
    Refused,
    Uncertain,
    Unfinished,
)
from billing.kernel.hand_off import HandOff
from billing.kernel.invoices import UNDER_WAY
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.storage import History
from billing.kernel.values import Value, plain, replace
from billing.render.messages import text

ATTEMPT_KEY_MOST = 200
SUBMITS_PER_IP = 30


class Submission(Value):
    """A filled-in checkout form, its bounds already checked.

    `attempt_key` was drawn with the page, `gateway` chosen of the product's, None for its first;
    `shown` is the digest of what the page showed, None where none is named. `tax_id` is checked,
    `coupon` is a code as it was typed. `starts_at_once` asks for an immediate start, which a buyer
    who withdraws pays for (X-10). `hand_off` and `return_url` are of the merchant's program.
    """

    attempt_key: str
    email: str
    name: str
    address: Address
    payment_method: str
    confirm_repeat: bool = False
    gateway: str | None = None
    shown: str | None = None
    tax_id: str | None = None
    coupon: str | None = None
    starts_at_once: bool = False
    hand_off: HandOff | None = None
    return_url: str | None = None

    @property
    def bill_to(self) -> BillTo:
        return BillTo(self.name, self.email, self.address, self.tax_id)


class Visitor(Value):
    """The person who submits a checkout, as the request shows them.

    `return_url` is where 3-D Secure sends the buyer back to; `country` is that of their address,
    None where it is not known.
    """

    ip: str
    return_url: str
    language: str = "en"
    country: str | None = None


def refuse_changed(offered: Offer, shown: str | None, visitor: Visitor) -> Disclosure:
    """Returns what the buyer was shown; raises `Refused` (offer_changed) where that is not what is
    offered now (C-6)."""
    language = offered.merchant.settings.language_for(visitor.language)
    agreed = offers.agreed(offered, shown, language)
    if agreed is None:
        raise Refused(offers.CHANGED)
    return agreed


def submit(
    ports: Ports, price_point: str, form: Submission, visitor: Visitor, *, now: datetime
) -> Checkout:
    """Buys by a price point's id, as `buy` does.

    A repeated key gets the same answer though the offer may have ended since. Raises `NotFound`
    for an offer that has ended, or does not exist.
    """
    try:
        offered = offers.offer(ports, price_point, now=now, gateway=form.gateway)
    except NotFound:
        known = attempt(ports, price_point, form.attempt_key)
        if known is None:
            raise
        return _carry_on(ports, known, price_point, form, visitor, now)
    return buy(ports, offered, form, visitor, now=now)


def buy(
    ports: Ports, offered: Offer, form: Submission, visitor: Visitor, *, now: datetime
) -> Checkout:
    """Buys what is offered, at most once per attempt key; a repeated key gets the same answer
    (C-2).

    Raises `Invalid` for a used key with another form and for a plan without an account, `Refused`
    (already_purchased) for a repeat that is not confirmed, (trial_used) for another trial of the
    same person (C-9), (offer_changed) for an offer that is not as it was shown, and as
    `offers.with_coupon`; `TooMany`, and `Unavailable` when nothing was charged: `Unfinished` once
    it is written down.
    """
    point = offered.price_point
    known = ports.store.checkout(point.merchant, form.attempt_key)
    if known is not None:
        return _carry_on(ports, known, point.id, form, visitor, now)
    refuse_to_begin(ports, offered, visitor, now=now)
    if form.coupon is not None and offered.discount is None:
        offered = offers.with_coupon(ports, offered, form.coupon, now=now)
    offered = offers.taxed(ports, offered, form.bill_to, now=now)
    shown = refuse_changed(offered, form.shown, visitor)
    account_plans.refuse_without_account(ports, offered, form.email, now=now)
    history = _history(ports, offered, form.email)
    if history.customer is not None and not form.confirm_repeat:
        repeats.ask(ports, offered, history, form.email, now)
    checkout = _draw(ports, offered, shown, form, visitor, history.customer, now)
    try:
        ports.store.commit(*checkout_steps.begin(checkout))
    except Conflict:
        first = ports.store.checkout(point.merchant, form.attempt_key)
        if first is None:
            raise
        return _carry_on(ports, first, point.id, form, visitor, now)
    except Uncertain as lost:
        message = "Nothing was charged; the same attempt goes on when it is sent again."
        raise Unfinished(message) from lost
    return _carry_on(ports, checkout, point.id, form, visitor, now, history)


def _carry_on(
    ports: Ports,
    known: Checkout,
    price_point: str,
    form: Submission,
    visitor: Visitor,
    now: datetime,
    history: History | None = None,
) -> Checkout:
    """Takes an attempt as far as it goes, if this is its form; `history` is its buyer's, where it
    was read for this."""
    if known.fingerprint != _fingerprint(price_point, form):
        raise Invalid("attempt_key_reused", field="attempt_key", code="attempt_key_reused")
    reached = advance.advance(ports, known, now=now, return_url=visitor.return_url, history=history)
    over = reached.state is CheckoutState.ABANDONED
    if over and reached.decline_code == trials.CODE:
        raise Refused(trials.CODE)
    if over and reached.decline_code == coupons.OVER:
        raise Refused(coupons.OVER)
    return reached


def attempt(ports: Ports, price_point: str, key: str) -> Checkout | None:
    """Finds the attempt submitted under this key to a price point's merchant, at any price."""
    point = ports.store.price_point(price_point) if len(key) <= ATTEMPT_KEY_MOST else None
    return None if point is None else ports.store.checkout(point.merchant, key)


def resume(ports: Ports, price_point: str, key: str, *, now: datetime, return_url: str) -> Checkout:
    """Returns an attempt's status when its buyer comes back from authenticating (C-4).

    A charge under way is settled; an attempt that was not submitted to its end is not begun by
    looking.
    """
    checkout = attempt(ports, price_point, key)
    if checkout is None or checkout.price_point != price_point:
        raise NotFound("purchase_unknown")
    if checkout.invoice.state not in UNDER_WAY:
        return checkout
    return advance.advance(ports, checkout, now=now, return_url=return_url)


def refuse_to_begin(ports: Ports, offered: Offer, visitor: Visitor, *, now: datetime) -> None:
    """Raises `Refused` while nothing is sold here, `TooMany` for an address that asks too often."""
    advance.refuse_stopped(offered.stopped)
    limit(ports, "checkout_ip", visitor.ip, SUBMITS_PER_IP, now)


def _history(ports: Ports, offered: Offer, email: str) -> History:
    """Returns what the owner of an email holds at the seller; nothing for a stranger."""
    existing = ports.store.customer_by_email(offered.merchant.id, email)
    if existing is None:
        return History(customer=None)
    return ports.store.holdings(offered.merchant.id, existing)


def _draw(
    ports: Ports,
    offered: Offer,
    shown: Disclosure,
    form: Submission,
    visitor: Visitor,
    existing: Customer | None,
    now: datetime,
) -> Checkout:
    """Builds the attempt with every id that it will need, so that no later step draws one."""
    point, product, merchant = offered.price_point, offered.product, offered.merchant
    bill_to = offered.buyer or form.bill_to
    rebills = point.terms.rebills
    bought = ports.new_id("sub" if rebills else "pur")
    customer = existing.id if existing else ports.new_id("cus")
    invoice = invoicing.first(
        point,
        product,
        offered.quote,
        customer=customer,
        purchase=bought,
        bill_to=bill_to,
        gateway=offered.gateway,
        gateway_account=offered.account,
        order_id=ports.new_id("order"),
        download_key=ports.new_id("key"),
        language=merchant.settings.language_for(visitor.language),
        test=offered.test,
        now=now,
        hand_off=form.hand_off,
    )
    assert shown.total == invoice.total, "what is shown is what is charged"
    return Checkout(
        key=form.attempt_key,
        merchant=merchant.id,
        fingerprint=_fingerprint(point.id, form),
        created_at=now,
        shard=ports.shard_of(bought),
        product=product.id,
        product_name=product.name,
        price_point=point.id,
        price_version=point.version,
        terms=point.terms,
        grants=product.grants,
        anchor=offered.quote.anchor,
        bill_to=bill_to,
        consent=Consent(
            merchant=merchant.id,
            customer=customer,
            purchase=bought,
            terms_version=shown.terms_version,
            agreed_at=now,
            ip=visitor.ip,
            language=invoice.language,
            price_shown=shown.terms,
            terms_hash=shown.digest,
            shown=shown,
            ip_country=visitor.country,
            starts_at_once=_asked_to_start(form, invoice.language),
        ),
        customer=customer,
        purchase=bought,
        payment_token=form.payment_method,
        invoice=invoice,
        language=merchant.settings.language_for(visitor.language),
        due_at=now + advance.patience(ports),
        known=existing is not None,
        discount=offered.discount,
        return_url=_listed(merchant, form.return_url),
    )


def _listed(merchant: Merchant, asked: str | None) -> str | None:
    """Returns the address to come back to, None for one that the merchant has not listed."""
    is_listed = asked and return_addresses.allowed(asked, merchant.settings.return_urls)
    return asked if is_listed else None


def _asked_to_start(form: Submission, language: str) -> str | None:
    """Returns the exact words of the box that was ticked."""
    return text(language, "declaration.starts_at_once") if form.starts_at_once else None


def _fingerprint(price_point: str, form: Submission) -> str:
    """Hashes the fields that must be the same when a key is used again.

    The answer to "again?" may differ, and what was shown is agreed to with the first.
    """
    details = {**plain(replace(form, confirm_repeat=False)), "price_point": price_point}
    del details["shown"]
    if form.tax_id is None:
        del details["tax_id"]  # so that attempts of before it was asked for keep their fingerprint
    if form.coupon is None:
        del details["coupon"]
    if not form.starts_at_once:
        del details["starts_at_once"]
    for name in ("hand_off", "return_url"):
        if details[name] is None:
            del details[name]
    return sha256(json.dumps(details, sort_keys=True).encode()).hexdigest()
