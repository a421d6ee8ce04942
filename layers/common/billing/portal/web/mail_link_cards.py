"""The form on which the holder of a mail's link adds a card for its purchase (R-8, B-10)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from billing.cards.flows import cards
from billing.checkout.flows import card_setup
from billing.customers.flows import mail_link
from billing.kernel.errors import Invalid, NotFound, Refused
from billing.kernel.gateways import AccountRef, TestCards
from billing.portal.web.mail_link import Holder
from billing.web import custom_domains, http, redirects
from billing.web.card_fields import GIVEN_THERE
from billing.web.problems import errors_of


def card_form(who: Holder) -> http.Answer:
    """Shows an empty form; for a customer who comes back from giving a card, adds it."""
    query = who.request.query()
    if (given := redirects.given(query)) is not None:
        key = query.get("attempt", "")
        kept = card_setup.kept(who.ports, subject=_subject(who), key=key, now=who.now)
        if kept is not None:
            return _add(who, {**kept, "payment_method": given})
    return _form(who, {}, who.ports.new_id("attempt"))


def add_card(who: Holder) -> http.Answer:
    """Adds a card, or sends its holder on to the gateway's page to give it."""
    from billing.portal.web.forms import CardForm, form

    typed, account = who.request.form(), _account(who)
    if "payment_method" in typed or _test_cards(who, account):
        return _add(who, typed)
    key = typed.get("attempt_key", "")
    try:
        given = form(CardForm, {**typed, "payment_method": GIVEN_THERE})
    except Invalid as error:
        return _form(who, typed, key, errors=errors_of(error))
    here = f"{custom_domains.origin(who.ports, who.request)}{who.here}"
    page = card_setup.begin(
        who.ports,
        account,
        subject=_subject(who),
        key=given.attempt_key,
        form=typed,
        return_url=f"{here}/card?attempt={quote(given.attempt_key)}",
        cancel_url=here,
        now=who.now,
    )
    reason, customer = redirects.Why.CARD, who.held.account.customer
    return redirects.to(
        page,
        reason,
        account.gateway,
        customer.language,
        merchant=who.merchant,
        test=customer.test,
    )


def _add(who: Holder, typed: Mapping[str, str]) -> http.Answer:
    """Adds a card for this purchase alone: other purchases and the customer's default card stay."""
    from billing.portal.web.forms import CardForm, form

    key = typed.get("attempt_key", "")
    account = _account(who)
    try:
        given = form(CardForm, typed)
        mail_link.count(who.ports, who.held, "card", now=who.now)
        declined = cards.add(
            who.ports,
            who.merchant.id,
            who.held.account.customer.id,
            account=account,
            token=given.payment_method,
            attempt_key=given.attempt_key,
            covered=[who.held.subscription.id],
            default=False,
            now=who.now,
        )
    except Invalid as error:
        return _form(who, typed, key, errors=errors_of(error))
    if declined is not None:
        fresh = who.ports.new_id("attempt")
        return _form(who, typed, fresh, status=402, declined=declined.code)
    return http.redirect(f"{who.here}?done=card_added")


def _account(who: Holder) -> AccountRef:
    """Returns the account at which the card is kept: an active one of the purchase's gateway.

    Raises `NotFound` where nothing is to be charged, `Refused` where cards are not ours.
    """
    subscription = who.held.subscription
    if not subscription.is_live:
        raise NotFound("subscription_unknown")
    account = who.merchant.account_at(subscription.gateway)
    if not who.ports.gateway(account).capabilities.manages_cards:
        raise Refused("card_elsewhere", gateway=subscription.gateway)
    return account


def _subject(who: Holder) -> str:
    customer = who.held.account.customer
    return f"{customer.merchant}:{customer.id}:{who.held.purchase.id}"


def _test_cards(who: Holder, account: AccountRef) -> bool:
    return isinstance(who.ports.gateway(account).collection(), TestCards)


def _form(
    who: Holder,
    typed: Mapping[str, str],
    attempt_key: str,
    *,
    status: int = 422,
    errors: Mapping[str, Invalid] | None = None,
    declined: str | None = None,
) -> http.Answer:
    collection = who.ports.gateway(_account(who)).collection()
    return who.show(
        "mailed_card",
        status=status if errors or declined else 200,
        payment_methods=collection.tokens if isinstance(collection, TestCards) else (),
        attempt_key=attempt_key,
        form=typed,
        errors=errors or {},
        declined=declined,
    )
