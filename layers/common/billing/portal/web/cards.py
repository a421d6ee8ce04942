"""Card pages of the portal: list, add, choose a default, remove (B-9, B-10)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from billing.cards import cards as rules
from billing.cards.cards import Wallet
from billing.cards.flows import cards
from billing.checkout.flows import card_setup
from billing.customers.web.portal_session import Visit, done, show
from billing.kernel.customers import PaymentMethod
from billing.kernel.errors import Invalid, NotFound, Refused
from billing.kernel.gateways import SANDBOX, AccountRef, TestCards
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.portal.web.pages import DONE
from billing.web import custom_domains, http, redirects
from billing.web.card_fields import GIVEN_THERE
from billing.web.problems import errors_of

CARDS = "/cards"


def card_list(ports: Ports, visit: Visit) -> http.Answer:
    """Lists every card, the default first, with its subscriptions and the reason why it stays."""
    wallet = _wallet(ports, visit)
    default = wallet.customer.default_method
    newest_first = wallet.methods[::-1]
    ordered = sorted(newest_first, key=lambda method: method.id != default)
    paid_with = {m.id: [s for s in wallet.payable if s.payment_method == m.id] for m in ordered}
    what = visit.request.query().get("done")
    return show(
        visit,
        "cards",
        methods=ordered,
        default=default,
        payable=wallet.payable,
        paid_with=paid_with,
        stays={method.id: rules.why_it_stays(wallet, method.id) for method in ordered},
        elsewhere=wallet.elsewhere,
        can_add=_can_add(ports, visit),
        done=what if what in DONE else None,
    )


def new_form(ports: Ports, visit: Visit) -> http.Answer:
    """Shows an empty form, with the key that makes it one card however often it is sent.

    A customer who comes back from giving a card adds it as they had chosen; a choice that was made
    too long ago, or by nobody, is asked again.
    """
    query = visit.request.query()
    if (given := redirects.given(query)) is not None:
        subject, key = _subject(visit), query.get("attempt", "")
        kept = card_setup.kept(ports, subject=subject, key=key, now=visit.now)
        if kept is not None:
            return _add(ports, visit, {**kept, "payment_method": given})
    return _new_form(ports, visit, {}, ports.new_id("attempt"))


def add_card(ports: Ports, visit: Visit) -> http.Answer:
    """Adds a card, or sends the customer on to the gateway's page to give it."""
    typed = visit.request.form()
    account = _account(ports, visit)
    if "payment_method" in typed or isinstance(ports.gateway(account).collection(), TestCards):
        return _add(ports, visit, typed)
    return _redirect_to_gateway(ports, visit, account, typed)


def _redirect_to_gateway(
    ports: Ports, visit: Visit, account: AccountRef, typed: Mapping[str, str]
) -> http.Answer:
    from billing.portal.web.forms import CardForm, form

    key = typed.get("attempt_key", "")
    try:
        given = form(CardForm, {**typed, "payment_method": GIVEN_THERE})
    except Invalid as error:
        return _new_form(ports, visit, typed, key, errors=errors_of(error))
    base = f"{custom_domains.origin(ports, visit.request)}{visit.base}{CARDS}"
    page = card_setup.begin(
        ports,
        account,
        subject=_subject(visit),
        key=given.attempt_key,
        form=typed,
        return_url=f"{base}/new?attempt={quote(given.attempt_key)}",
        cancel_url=base,
        now=visit.now,
    )
    customer = visit.account.customer
    return redirects.to(
        page,
        redirects.Why.CARD,
        account.gateway,
        customer.language,
        merchant=visit.merchant,
        test=customer.test,
    )


def _subject(visit: Visit) -> str:
    return f"{visit.merchant.id}:{visit.customer}"


def _add(ports: Ports, visit: Visit, typed: Mapping[str, str]) -> http.Answer:
    """Adds a card; a refusal of its bank comes back with words to act on."""
    from billing.portal.web.forms import CardForm, covered, form

    key = typed.get("attempt_key", "")
    try:
        given = form(CardForm, typed)
        declined = cards.add(
            ports,
            visit.merchant.id,
            visit.customer,
            account=_account(ports, visit),
            token=given.payment_method,
            attempt_key=given.attempt_key,
            covered=covered(typed),
            default=given.default is not None or "chosen" not in typed,
            now=visit.now,
        )
    except Invalid as error:
        return _new_form(ports, visit, typed, key, errors=errors_of(error))
    if declined is not None:
        fresh = ports.new_id("attempt")
        return _new_form(ports, visit, typed, fresh, status=402, declined=declined.code)
    return done(visit, "card_added", CARDS)


def use_form(ports: Ports, visit: Visit, method: str) -> http.Answer:
    """Shows what a new default card covers: everything, unless the customer chooses (B-10)."""
    wallet = _wallet(ports, visit)
    found = _one(wallet, method)
    if method in wallet.elsewhere:
        raise Refused("card_elsewhere", gateway=found.gateway)
    payable = wallet.coverable(test=cards.is_test(ports, found))
    return show(visit, "card_use", method=found, payable=payable)


def use_card(ports: Ports, visit: Visit, method: str) -> http.Answer:
    """Makes another card the default."""
    from billing.portal.web.forms import covered

    chosen = covered(visit.request.form())
    cards.use(ports, visit.merchant.id, visit.customer, method, covered=chosen, now=visit.now)
    return done(visit, "card_default", CARDS)


def remove_form(ports: Ports, visit: Visit, method: str) -> http.Answer:
    """Shows the effect of removing a card; raises `Refused` for one that has to stay."""
    wallet = _wallet(ports, visit)
    found = _one(wallet, method)
    if reason := rules.why_it_stays(wallet, method):
        raise Refused(reason, gateway=found.gateway)
    return show(
        visit,
        "card_remove",
        method=found,
        heir=rules.taker(wallet, method) or rules.heir(wallet, method),
        is_last=len(wallet.methods) == 1,
    )


def remove_card(ports: Ports, visit: Visit, method: str) -> http.Answer:
    """Removes a card; sent twice it is removed once."""
    if _wallet(ports, visit).method(method) is not None:
        cards.remove(ports, visit.merchant.id, visit.customer, method, now=visit.now)
    return done(visit, "card_removed", CARDS)


def _wallet(ports: Ports, visit: Visit) -> Wallet:
    return cards.held_by(ports, visit.account.customer, visit.account.history)


def _one(wallet: Wallet, method: str) -> PaymentMethod:
    found = wallet.method(method)
    if found is None:
        raise NotFound("card_unknown")
    return found


def _account(ports: Ports, visit: Visit) -> AccountRef:
    """Returns the account at which a new card is kept: that of the newest one that is no test's,
    if there is one (W-3).

    Raises `Refused` where cards are not ours.
    """
    wallet = _wallet(ports, visit)
    here = [method for method in wallet.methods if method.id not in wallet.elsewhere]
    if wallet.elsewhere and not here:
        raise Refused("card_elsewhere", gateway=wallet.methods[-1].gateway)
    if not here:
        return _first_account(ports, visit.merchant)
    real = [method for method in here if not cards.is_test(ports, method)]
    return visit.merchant.account_at((real or here)[-1].gateway)


def _first_account(ports: Ports, merchant: Merchant) -> AccountRef:
    """Returns the account at which a customer without any keeps a card: the sandbox only until
    keys are given (W-3)."""
    active = [each.gateway for each in merchant.gateway_accounts if each.active]
    accounts = [merchant.account_at(gateway) for gateway in active or (SANDBOX,)]
    ours = (each for each in accounts if ports.gateway(each).capabilities.manages_cards)
    if (account := next(ours, None)) is None:
        raise Refused("card_elsewhere", gateway=active[0])
    return account


def _can_add(ports: Ports, visit: Visit) -> bool:
    try:
        _account(ports, visit)
    except (NotFound, Refused):
        return False
    return True


def _new_form(
    ports: Ports,
    visit: Visit,
    typed: Mapping[str, str],
    attempt_key: str,
    *,
    status: int = 422,
    errors: Mapping[str, Invalid] | None = None,
    declined: str | None = None,
) -> http.Answer:
    gateway = ports.gateway(_account(ports, visit))
    collection = gateway.collection()
    return show(
        visit,
        "card_new",
        status=status if errors or declined else 200,
        # Else the gateway's page asks, never its frame: with no charge to come, only there the bank
        # can answer.
        payment_methods=collection.tokens if isinstance(collection, TestCards) else (),
        payable=_wallet(ports, visit).coverable(test=gateway.capabilities.test),
        attempt_key=attempt_key,
        form=typed,
        errors=errors or {},
        declined=declined,
    )
