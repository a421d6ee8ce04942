"""Selling: the offer, the submit, and bringing every attempt to an end, once (C-1 .. C-4, C-6)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from billing import invoicing, policy, pricing, purchase, trials
from billing.catalog import PricePoint, Product
from billing.checkouts import Checkout, CheckoutState
from billing.customers import Address, BillTo, Consent
from billing.errors import (
    Conflict,
    Invalid,
    NotFound,
    RateLimited,
    Refused,
    TooMany,
    Unavailable,
    Unreachable,
)
from billing.flows import charging
from billing.gateways import (
    AccountRef,
    ActionRequired,
    Declined,
    Outcome,
    SavedMethod,
    Standing,
    Succeeded,
    Unconfirmed,
    Withdrawn,
)
from billing.merchants import Merchant
from billing.orders import UNDER_WAY, InvoiceState
from billing.ports import Gateway, Ports
from billing.storage import Due
from billing.transactions import Transaction

ATTEMPT_KEY_MOST = 200
SUBMITS_PER_IP = 30
REPEAT_QUESTIONS_PER_EMAIL = 10
LIMIT_WINDOW = timedelta(minutes=15)
Step = tuple[Checkout, Transaction]
"""The attempt as a step leaves it, and what the step writes."""

STEPS_AT_MOST = 12
"""Steps and meetings with another worker before an attempt is left to the sweep."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a checkout page shows: who sells what, for how much, today and after."""

    merchant: Merchant
    product: Product
    price_point: PricePoint
    gateway: str
    account: str
    test: bool
    quote: pricing.Quote

    @property
    def sold_at(self) -> AccountRef:
        """The gateway account that it is sold at."""
        return AccountRef(self.merchant.id, self.gateway, self.account)


@dataclass(frozen=True, slots=True)
class Submission:
    """A filled-in checkout form, its bounds already checked; `attempt_key` was drawn with the
    page, `gateway` chosen of the product's, None for its first."""

    attempt_key: str
    email: str
    name: str
    address: Address
    payment_method: str
    confirm_repeat: bool = False
    gateway: str | None = None


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who submits, as seen from here; `return_url` is where 3-D Secure sends the buyer back to."""

    ip: str
    return_url: str
    language: str = "en"


def offer(ports: Ports, price_point: str, *, now: datetime, gateway: str | None = None) -> Offer:
    """What a price point sells now, through one of its product's gateways or the first; raises
    `NotFound`."""
    point = ports.store.price_point(price_point)
    if point is None:
        raise NotFound("This offer does not exist.")
    product = ports.store.product(point.merchant, point.product)
    merchant = ports.store.merchant(point.merchant)
    assert product is not None and merchant is not None, "written before its price points"
    merchant = merchant.as_of(now)
    if point.id not in product.price_points:
        raise NotFound("This offer has ended.")
    if gateway is not None and gateway not in product.gateways:
        raise NotFound("This is not sold that way.")
    at = ports.gateway(merchant.account_at(gateway or product.gateways[0]))
    quote = pricing.quote(point.terms, product.name, now, merchant.settings.time_zone)
    return Offer(merchant, product, point, at.name, at.account, at.capabilities.test, quote)


def submit(
    ports: Ports, price_point: str, form: Submission, visitor: Visitor, *, now: datetime
) -> Checkout:
    """Buy, at most once per attempt key; the same key answers as it did (C-2).

    Raises `Invalid` for a used key with another form, `Refused` (already_purchased) for a repeat
    that is not confirmed and (trial_used) for another trial of the same person (C-9), `TooMany`,
    `NotFound`, and `Unavailable` when nothing was charged.
    """
    offered = offer(ports, price_point, now=now, gateway=form.gateway)
    known = ports.store.checkout(offered.merchant.id, form.attempt_key)
    if known is None:
        known = _begin(ports, offered, form, visitor, now)
    if known.fingerprint != _fingerprint(price_point, form):
        raise Invalid(
            "This attempt key was used with another form; reload the page.",
            field="attempt_key",
            code="attempt_key_reused",
        )
    reached = advance(ports, known, now=now, return_url=visitor.return_url)
    if reached.state is CheckoutState.ABANDONED and reached.decline_code == trials.CODE:
        raise _trial_used()
    return reached


def resume(ports: Ports, price_point: str, key: str, *, now: datetime, return_url: str) -> Checkout:
    """Where an attempt stands when its buyer comes back from authenticating (C-4).

    A charge under way is settled; nothing that was not submitted to its end is begun by looking.
    """
    point = ports.store.price_point(price_point) if len(key) <= ATTEMPT_KEY_MOST else None
    checkout = ports.store.checkout(point.merchant, key) if point else None
    if checkout is None or checkout.price_point != price_point:
        raise NotFound("This purchase does not exist.")
    if checkout.invoice.state not in UNDER_WAY:
        return checkout
    return advance(ports, checkout, now=now, return_url=return_url)


def advance(ports: Ports, checkout: Checkout, *, now: datetime, return_url: str | None) -> Checkout:
    """Take an attempt as far as it goes: paid, declined, waiting for its buyer, or not known
    yet."""
    for _ in range(STEPS_AT_MOST):
        if checkout.state is not CheckoutState.OPEN:
            return checkout
        try:
            after = _step(ports, checkout, now, return_url)
        except Conflict:
            again = ports.store.checkout(checkout.merchant, checkout.key)
            if again is None:  # The other worker found its payment method unreadable.
                raise
            checkout = again
            continue
        if after is checkout:
            return checkout
        checkout = after
    return checkout


def finish_left_alone(ports: Ports, leases: Sequence[Due], *, now: datetime) -> Counter[str]:
    """Bring attempts whose buyer or process went away to their end; nothing new is charged.

    A charge under way is settled as the gateway says. What is not paid after an hour is withdrawn
    at the gateway first and abandoned after.
    """
    tally: Counter[str] = Counter()
    for lease in leases:
        merchant, key = lease.owner
        checkout = ports.store.checkout(merchant, key)
        if checkout is None or checkout.due_at != lease.due_at:
            tally["stale"] += 1
            continue
        try:
            tally[f"checkout_{_finish(ports, checkout, now).state}"] += 1
        except Conflict:
            tally["conflict"] += 1
        except Unavailable:
            tally["unknown"] += 1
    return tally


def _begin(
    ports: Ports, offered: Offer, form: Submission, visitor: Visitor, now: datetime
) -> Checkout:
    """Write the attempt down before the first gateway call; whoever comes second reads the
    first."""
    refuse_to_begin(ports, offered, visitor, now=now)
    existing = ports.store.customer_by_email(offered.merchant.id, form.email)
    if existing and not form.confirm_repeat:
        _ask_about_repeat(ports, offered, existing, form.email, now)
    checkout = _draw(ports, offered, form, visitor, existing, now)
    try:
        ports.store.commit(*purchase.begun(checkout))
    except Conflict:
        first = ports.store.checkout(offered.merchant.id, form.attempt_key)
        if first is None:
            raise
        return first
    return checkout


def refuse_to_begin(ports: Ports, offered: Offer, visitor: Visitor, *, now: datetime) -> None:
    """Raises `Refused` while nothing is sold here, `TooMany` for an address that asks too often."""
    _refuse_if_stopped(ports, offered.merchant)
    _limit(ports, "checkout_ip", visitor.ip, SUBMITS_PER_IP, now)


def _ask_about_repeat(
    ports: Ports, offered: Offer, customer: str, email: str, now: datetime
) -> None:
    history = ports.store.history(offered.merchant.id, customer)
    if policy.is_repeat(offered.product.id, history.subscriptions, history.orders, now):
        subject = f"{offered.merchant.id}\n{email}"
        _limit(ports, "repeat_question", subject, REPEAT_QUESTIONS_PER_EMAIL, now)
        raise Refused(
            "You have bought this already. Confirm that you want to buy it again.",
            code="already_purchased",
        )


def _limit(ports: Ports, kind: str, subject: str, most: int, now: datetime) -> None:
    if not ports.operation.limits:
        return
    digest = sha256(subject.encode()).hexdigest()
    if ports.ephemeral.hit(kind, digest, window=LIMIT_WINDOW, now=now) > most:
        raise TooMany("Too many attempts. Wait a quarter of an hour and try again.")


def _draw(
    ports: Ports,
    offered: Offer,
    form: Submission,
    visitor: Visitor,
    existing: str | None,
    now: datetime,
) -> Checkout:
    """The attempt with every id that it will need, so that no later step draws one."""
    point, product, merchant = offered.price_point, offered.product, offered.merchant
    bill_to = BillTo(form.name, form.email, form.address)
    rebills = point.terms.rebills
    bought = ports.new_id("sub" if rebills else "pur")
    customer = existing or ports.new_id("cus")
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
    )
    price_shown = f"{invoice.total.amount_minor} {invoice.total.currency}"
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
            terms_version=merchant.terms_version,
            agreed_at=now,
            ip=visitor.ip,
            language=merchant.settings.language_for(visitor.language),
            price_shown=price_shown,
        ),
        customer=customer,
        purchase=bought,
        payment_token=form.payment_method,
        invoice=invoice,
        language=merchant.settings.language_for(visitor.language),
        due_at=now + _patience(ports),
    )


def _step(ports: Ports, checkout: Checkout, now: datetime, return_url: str | None) -> Checkout:
    """One step of the protocol; the same attempt again when nothing more can be known now."""
    gateway = ports.gateway_of(checkout.invoice)
    state = checkout.invoice.state
    if checkout.method is None:
        return _save_method(ports, gateway, checkout, now)
    untaken = state not in UNDER_WAY or not checkout.invoice.total
    if untaken and _trial_is_used(ports, checkout):
        return _without_trial(ports, gateway, checkout)
    if not checkout.invoice.total:
        return _write(ports, _paid(ports, checkout, None, now))
    if state is InvoiceState.PENDING:
        reference = charging.prepare(ports, checkout.invoice)
        return _write(ports, purchase.prepared(checkout, reference))
    if state is InvoiceState.READY:
        _refuse_if_stopped(ports, _merchant(ports, checkout, now))
        return _write(ports, purchase.point_of_no_return(checkout, ports.new_id("order"), now))
    return _settle_under_way(ports, checkout, now, return_url)


def _trial_is_used(ports: Ports, checkout: Checkout) -> bool:
    """Whether this person has had the trial by another purchase (C-9)."""
    if not checkout.terms.trial_guard:
        return False
    known = trials.subjects(checkout.merchant, checkout.bill_to.email, checkout.method)
    uses = (ports.store.trial_use(checkout.merchant, subject) for subject in known)
    return any(use is not None and use.purchase != checkout.purchase for use in uses)


def _without_trial(ports: Ports, gateway: Gateway, checkout: Checkout) -> Checkout:
    """Refused before anything is charged; a payment that was prepared is withdrawn first."""
    prepared = checkout.invoice.gateway_ref
    if prepared is not None and not isinstance(gateway.cancel(prepared), Withdrawn):
        raise Unreachable("The gateway did not withdraw the payment.")
    return _write(ports, purchase.abandoned(checkout, trials.CODE))


def _trial_used() -> Refused:
    return Refused(
        "There is one trial per person, and this email or card has had it. Nothing was charged. "
        "Choose a price without a trial, or write to the seller.",
        code=trials.CODE,
    )


def _settle_under_way(
    ports: Ports, checkout: Checkout, now: datetime, return_url: str | None
) -> Checkout:
    """How the charge ended, if that can be known; while billing is stopped none is confirmed."""
    invoice = checkout.invoice
    try:
        if _stopped(ports, _merchant(ports, checkout, now)):
            outcome: Standing = charging.lookup(ports, invoice)
        else:
            outcome = charging.resolve(ports, invoice, return_url=return_url)
    except (Unreachable, RateLimited):
        return checkout
    if isinstance(outcome, Unconfirmed):
        return checkout
    return _settle(ports, checkout, outcome, now)


def _refuse_if_stopped(ports: Ports, merchant: Merchant) -> None:
    if reason := _stopped(ports, merchant):
        raise Refused("Nothing is sold here at the moment; nothing was charged.", code=reason)


def _stopped(ports: Ports, merchant: Merchant) -> policy.Hold | None:
    return ports.as_switched().stopped(merchant)


def _merchant(ports: Ports, checkout: Checkout, now: datetime) -> Merchant:
    merchant = ports.store.merchant(checkout.merchant)
    assert merchant is not None, "a merchant is never removed"
    return merchant.as_of(now)


def _save_method(ports: Ports, gateway: Gateway, checkout: Checkout, now: datetime) -> Checkout:
    try:
        answer = gateway.save_method(
            checkout.payment_token,
            owner=checkout.customer,
            key=f"{checkout.purchase}:method",
            verify=not checkout.invoice.total,
            beside=_kept_already(ports, checkout),
        )
    except Invalid:
        ports.store.commit(*purchase.unbegun(checkout))
        raise
    if isinstance(answer, SavedMethod):
        return _write(ports, purchase.saved(checkout, answer, now))
    return _write(ports, _declined(ports, checkout, answer, now))


def _kept_already(ports: Ports, checkout: Checkout) -> str | None:
    """The default card of a known buyer, where it is kept at the same account."""
    customer = ports.store.customer(checkout.merchant, checkout.customer)
    if customer is None or customer.default_method is None:
        return None
    card = ports.store.payment_method(checkout.merchant, customer.id, customer.default_method)
    at = (checkout.invoice.gateway, checkout.invoice.gateway_account)
    return card.id if card and (card.gateway, card.gateway_account) == at else None


def _settle(ports: Ports, checkout: Checkout, outcome: Outcome, now: datetime) -> Checkout:
    step = settlement(ports, checkout, outcome, now=now)
    return checkout if step is None else _write(ports, step)


def settlement(ports: Ports, checkout: Checkout, outcome: Outcome, *, now: datetime) -> Step | None:
    """What an outcome makes of an attempt under way, whoever learnt it; None if nothing new."""
    match outcome:
        case Succeeded():
            return _paid(ports, checkout, outcome, now)
        case Declined():
            return _declined(ports, checkout, outcome, now)
        case ActionRequired() if checkout.invoice.state is InvoiceState.ACTION_REQUIRED:
            return None
        case ActionRequired():
            return purchase.needs_buyer(checkout, outcome)
        case _:
            return purchase.abandoned(checkout)


def _paid(ports: Ports, checkout: Checkout, outcome: Succeeded | None, now: datetime) -> Step:
    existing = ports.store.customer_by_email(checkout.merchant, checkout.bill_to.email)
    shard = ports.shard_of(checkout.invoice.id)
    return purchase.paid(checkout, outcome, now, customer=existing, shard=shard)


def _declined(ports: Ports, checkout: Checkout, outcome: Declined, now: datetime) -> Step:
    existing = ports.store.customer_by_email(checkout.merchant, checkout.bill_to.email)
    order_id = checkout.invoice.failed_order_id or ports.new_id("order")
    return purchase.declined(checkout, outcome, now, failed_order_id=order_id, customer=existing)


def _finish(ports: Ports, checkout: Checkout, now: datetime) -> Checkout:
    if checkout.state is not CheckoutState.OPEN:
        return checkout
    invoice, expired = checkout.invoice, now - checkout.created_at >= _patience(ports)
    if invoice.state in UNDER_WAY:
        standing = charging.lookup(ports, invoice)
        if not isinstance(standing, Unconfirmed | ActionRequired):
            return _settle(ports, checkout, standing, now)
    if not expired:
        return _write(ports, purchase.looked_at(checkout, checkout.created_at + _patience(ports)))
    if invoice.gateway_ref is None:
        return _write(ports, purchase.abandoned(checkout))
    withdrawn = charging.withdraw(ports, invoice)
    if isinstance(withdrawn, Unconfirmed | ActionRequired):
        raise Unreachable("The gateway did not withdraw the payment.")
    return _settle(ports, checkout, withdrawn, now)


def _write(ports: Ports, step: Step) -> Checkout:
    after, transaction = step
    ports.store.commit(*transaction)
    return after


def _patience(ports: Ports) -> timedelta:
    return timedelta(hours=ports.operation.checkout_hours)


def _fingerprint(price_point: str, form: Submission) -> str:
    """What must be the same when a key is used again; the answer to "again?" may differ."""
    told = {**asdict(replace(form, confirm_repeat=False)), "price_point": price_point}
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
