"""Every page there is, and the way to it.

A stop is a function that leads somebody to a page. Those who look after all pages, such as the
tests of accessibility and the screenshots, go from stop to stop; a new page gets a stop here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, Page

from tests.browser import chromium
from tests.browser.people import (
    CONFIRMED_CARD,
    DECLINED_CARD,
    DEMO,
    DESK,
    LIBRARY,
    Customer,
    Person,
    Seller,
)
from tests.house.laptop import Laptop

Stop = Callable[["Town"], Page]

STOPS: dict[str, Stop] = {}


def stop(lead: Stop) -> Stop:
    STOPS[lead.__name__.replace("_", "-")] = lead
    return lead


@dataclass(frozen=True)
class Town:
    """A shop with a history, and the people in it, each signed in."""

    laptop: Laptop
    ann: Customer
    """Pays every month, ends one plan and owns a course; has two cards."""
    bob: Customer
    """His card was declined when his trial ended."""
    cleo: Customer
    """Has cancelled, and got her money back."""
    dan: Customer
    """Asks where others do."""
    visitor: Customer
    """Nobody yet."""
    eve: Customer
    """Sells here too: she has an account, and a trial of its plan."""
    seller: Seller

    def set(self, **settings: Any) -> None:
        status, answer = self.laptop.ask("PATCH", "/v1/settings", settings)
        assert status == 200, answer

    @contextmanager
    def setting(self, name: str, value: Any) -> Iterator[None]:
        """Set otherwise until the block ends."""
        before = self.laptop.get("/v1/settings")[name]
        self.set(**{name: value})
        yield
        self.set(**{name: before})

    @contextmanager
    def fault(self, kind: str) -> Iterator[None]:
        """Every call of the gateway fails until the block ends."""
        self.laptop.post("/_dev/faults", {"gateway": kind, "next": 100})
        yield
        self.laptop.post("/_dev/faults", {"gateway": kind, "next": 0})

    def subscription(self, customer: Customer, number: int = 0) -> str:
        """One of their subscriptions, the oldest first."""
        sales = [order for order in self._orders(customer, "sale") if order["subscription"]]
        return str(sales[-1 - number]["subscription"])

    def order(self, customer: Customer, kind: str = "sale") -> str:
        """The newest of a kind."""
        return str(self._orders(customer, kind)[0]["id"])

    def ticket(self, customer: Customer, wish: str) -> dict[str, Any]:
        """Their newest request of a kind."""
        listed = self.laptop.all("/v1/tickets")
        return next(t for t in listed if (t["email"], t["wish"]) == (customer.email, wish))

    def _orders(self, customer: Customer, kind: str) -> list[dict[str, Any]]:
        listed = self.laptop.all(f"/v1/orders?kind={kind}")
        return [order for order in listed if order["email"] == customer.email]


def settle(browser: Browser, laptop: Laptop) -> Town:
    """Some weeks in the life of a shop."""
    people = [
        Customer(chromium.context(browser, laptop).new_page(), laptop, f"{name}@example.com")
        for name in ("ann", "bob", "cleo", "dan", "visitor", "eve")
    ]
    ann, bob, cleo, dan, _, eve = people
    seller = Seller(chromium.context(browser, laptop).new_page(), laptop)
    town = Town(laptop, *people, seller)
    town.set(self_refund="automatic")
    _buy(ann, LIBRARY)
    laptop.post("/_dev/clock", {"advance": "P50D"})
    _buy(ann, "demo.sourdough-1")
    _buy(ann, "demo.library-2", confirm_repeat=True)
    _buy(bob, "demo.studio-1", payment_method="pm_card_chargeCustomerFail")
    _buy(cleo, "demo.bootcamp-1", name="Cleo Example")
    _buy(dan, LIBRARY, name="Dan Example")
    laptop.post(f"/v1/subscriptions/{town.subscription(ann, 1)}/cancel", {"when": "period_end"})
    laptop.post("/_dev/clock", {"advance": "P15D"})
    laptop.post(f"/v1/orders/{town.order(cleo)}/refund", {})
    laptop.post(f"/v1/subscriptions/{town.subscription(cleo)}/cancel", {"when": "now"})
    for customer in (ann, bob, cleo, dan):
        customer.log_in()
    ann.page.goto(f"{DEMO}/cards/new")
    ann.choose("•••• 4444")
    for ticked in ann.page.get_by_role("checkbox").all():
        ticked.uncheck()
    ann.press("Save card")
    seller.sign_in()
    _sign_up(eve)
    # Of a card, too, there is one trial: others here have had that of the usual one.
    _buy(eve, "perennial.starter-1", name="Eve Example", payment_method="pm_card_mastercard")
    _sign_in(eve)
    return town


PASSWORD = "correct horse battery"


def _sign_up(owner: Customer) -> None:
    owner.page.goto("/account/sign-up")
    for label, typed in (("Username", "evesart"), ("Name", "Eve's Art"), ("Email", owner.email)):
        owner.page.get_by_label(label, exact=True).fill(typed)
    owner.page.get_by_label("Password").fill(PASSWORD)
    owner.press("Sign up")


def _sign_in(owner: Customer, password: str = PASSWORD) -> Page:
    owner.page.goto("/account/sign-in")
    owner.page.get_by_label("Email").fill(owner.email)
    owner.page.get_by_label("Password").fill(password)
    owner.press("Sign in")
    return owner.page


def _buy(customer: Customer, price_point: str, **fields: Any) -> None:
    attempt = f"{price_point}-{customer.email}"
    status, answer = customer.laptop.buy(price_point, customer.email, attempt_key=attempt, **fields)
    assert status == 201, answer


def _at(person: Person, address: str) -> Page:
    person.page.goto(address)
    return person.page


def _unchecked_by_the_browser(person: Person) -> None:
    """What is missing is then for the server to say."""
    person.page.locator("main form").evaluate("form => form.noValidate = true")


# Buying


@stop
def directory(town: Town) -> Page:
    return _at(town.visitor, "/directory")


@stop
def checkout_recurring(town: Town) -> Page:
    return _at(town.visitor, f"/checkout/{LIBRARY}")


@stop
def checkout_one_time(town: Town) -> Page:
    return _at(town.visitor, "/checkout/demo.sourdough-1")


@stop
def checkout_trial(town: Town) -> Page:
    return _at(town.visitor, "/checkout/demo.studio-1")


@stop
def checkout_installments(town: Town) -> Page:
    return _at(town.visitor, "/checkout/demo.bootcamp-1")


@stop
def checkout_wrong(town: Town) -> Page:
    page = _at(town.visitor, f"/checkout/{LIBRARY}")
    _unchecked_by_the_browser(town.visitor)
    page.get_by_label("Email").fill("ann@")
    town.visitor.pay()
    return page


@stop
def checkout_again(town: Town) -> Page:
    buyer = Customer(town.visitor.page, town.laptop, town.ann.email)
    buyer.buy()
    assert buyer.says("Buy this again?")
    return buyer.page


@stop
def checkout_confirm(town: Town) -> Page:
    town.visitor.buy(card=CONFIRMED_CARD)
    assert town.visitor.heading() == "Confirm your payment"
    return town.visitor.page


@stop
def bank(town: Town) -> Page:
    page = checkout_confirm(town)
    town.visitor.follow("Continue to your bank")
    return page


@stop
def checkout_done(town: Town) -> Page:
    bank(town)
    town.visitor.press("Complete")
    assert town.visitor.heading().startswith("Thank you")
    return town.visitor.page


@stop
def checkout_declined(town: Town) -> Page:
    town.visitor.buy("demo.bootcamp-1", card=DECLINED_CARD)
    assert town.visitor.heading() == "Your payment was declined"
    return town.visitor.page


@stop
def checkout_unavailable(town: Town) -> Page:
    _at(town.visitor, "/checkout/demo.mentoring-1")
    town.visitor.fill_in()
    with town.fault("unavailable"):
        town.visitor.pay()
        assert town.visitor.heading() == "This checkout is closed for the moment"
    return town.visitor.page


@stop
def not_found(town: Town) -> Page:
    return _at(town.visitor, "/checkout/nothing.here")


# The portal's door


@stop
def portal_login(town: Town) -> Page:
    return _at(town.visitor, DEMO)


@stop
def portal_login_failed(town: Town) -> Page:
    town.visitor.log_in("AAAAA-BBBBB-CCCCC")
    assert town.visitor.says("These do not belong together")
    return town.visitor.page


@stop
def portal_link(town: Town) -> Page:
    return _at(town.visitor, f"{DEMO}/link")


@stop
def portal_link_sent(town: Town) -> Page:
    page = portal_link(town)
    page.get_by_label("Email").fill(town.ann.email)
    town.visitor.press("Send the link")
    return page


@stop
def portal_link_enter(town: Town) -> Page:
    portal_link_sent(town)
    return _at(town.visitor, town.ann.portal_link())


@stop
def portal_link_over(town: Town) -> Page:
    return _at(town.visitor, f"{DEMO}/link/used-before")


@stop
def portal_signed_out(town: Town) -> Page:
    return _at(town.visitor, f"{DEMO}/cards")


@stop
def portal_closed(town: Town) -> Page:
    with town.setting("portal", None):
        return _at(town.visitor, DEMO)


# In the portal


@stop
def portal_purchases(town: Town) -> Page:
    return _at(town.ann, DEMO)


@stop
def portal_history(town: Town) -> Page:
    page = portal_purchases(town)
    for folded in page.get_by_text("Show details").all():
        folded.click()
    return page


@stop
def portal_past_due(town: Town) -> Page:
    page = _at(town.bob, DEMO)
    assert town.bob.says("is past due")
    return page


@stop
def portal_ended(town: Town) -> Page:
    return _at(town.cleo, DEMO)


@stop
def portal_cancel(town: Town) -> Page:
    return _at(town.ann, f"{DEMO}/subscriptions/{town.subscription(town.ann)}/cancel")


@stop
def portal_cancel_wrong(town: Town) -> Page:
    page = portal_cancel(town)
    page.get_by_label("Anything else?").evaluate("field => field.removeAttribute('maxlength')")
    page.get_by_label("Anything else?").fill("Too long. " * 60)
    town.ann.press("Confirm cancellation")
    assert page.title().startswith("Error:")
    return page


@stop
def portal_cancel_now(town: Town) -> Page:
    return _at(town.bob, f"{DEMO}/subscriptions/{town.subscription(town.bob)}/cancel")


@stop
def portal_cancel_pending(town: Town) -> Page:
    return _at(town.ann, f"{DEMO}/subscriptions/{town.subscription(town.ann, 1)}/ending")


@stop
def portal_cancel_done(town: Town) -> Page:
    return _at(town.cleo, f"{DEMO}/subscriptions/{town.subscription(town.cleo)}/ending")


@stop
def portal_cancel_ask(town: Town) -> Page:
    with town.setting("self_cancel", "manual"):
        return _at(town.dan, f"{DEMO}/subscriptions/{town.subscription(town.dan)}/cancel")


@stop
def portal_cancel_asked(town: Town) -> Page:
    address = f"{DEMO}/subscriptions/{town.subscription(town.dan)}/cancel"
    with town.setting("self_cancel", "manual"):
        page = _at(town.dan, address)
        if town.dan.heading().startswith("Cancel"):
            town.dan.press("Send the request")
        return page


@stop
def portal_refund(town: Town) -> Page:
    return _at(town.ann, f"{DEMO}/orders/{town.order(town.ann, 'rebill')}/refund")


@stop
def portal_refunded(town: Town) -> Page:
    return _at(town.cleo, f"{DEMO}/orders/{town.order(town.cleo)}/refund")


@stop
def portal_refund_ask(town: Town) -> Page:
    with town.setting("self_refund", "manual"):
        return _at(town.ann, f"{DEMO}/orders/{town.order(town.ann, 'rebill')}/refund")


@stop
def portal_refund_asked(town: Town) -> Page:
    with town.setting("self_refund", "manual"):
        page = _at(town.dan, f"{DEMO}/orders/{town.order(town.dan)}/refund")
        if town.dan.heading() == "Refund this payment":
            town.dan.press("Ask for $29.99 back")
        return page


@stop
def portal_refund_refused(town: Town) -> Page:
    with town.setting("self_refund", "off"):
        return _at(town.ann, f"{DEMO}/orders/{town.order(town.ann)}/refund")


@stop
def portal_address(town: Town) -> Page:
    return _at(town.ann, f"{DEMO}/subscriptions/{town.subscription(town.ann)}/address")


@stop
def portal_address_wrong(town: Town) -> Page:
    page = portal_address(town)
    _unchecked_by_the_browser(town.ann)
    page.get_by_label("City").fill("")
    town.ann.press("Save address")
    assert page.title().startswith("Error:")
    return page


@stop
def portal_cards(town: Town) -> Page:
    return _at(town.ann, f"{DEMO}/cards?done=card_added")


@stop
def portal_cards_one(town: Town) -> Page:
    return _at(town.dan, f"{DEMO}/cards")


@stop
def portal_card_new(town: Town) -> Page:
    return _at(town.ann, f"{DEMO}/cards/new")


@stop
def portal_card_declined(town: Town) -> Page:
    page = portal_card_new(town)
    town.ann.choose(DECLINED_CARD)
    town.ann.press("Save card")
    assert town.ann.says("This card was not accepted")
    return page


@stop
def portal_card_use(town: Town) -> Page:
    portal_cards(town)
    row = town.ann.page.get_by_role("listitem").filter(has_text="4444")
    town.ann.go(row.get_by_role("link", name="Make default"))
    return town.ann.page


@stop
def portal_card_remove(town: Town) -> Page:
    portal_cards(town)
    row = town.ann.page.get_by_role("listitem").filter(has_text="4444")
    town.ann.go(row.get_by_role("link", name="Remove"))
    return town.ann.page


@stop
def portal_problem(town: Town) -> Page:
    return _at(town.dan, f"{DEMO}/subscriptions/sub_nothing/cancel")


# The helpdesk


@stop
def helpdesk_front(town: Town) -> Page:
    with town.setting("portal", "helpdesk"):
        return _at(town.visitor, DESK)


@stop
def helpdesk_seller(town: Town) -> Page:
    return _at(town.visitor, "/helpdesk/perennial/seller?product=Pattern+Library")


@stop
def helpdesk_form(town: Town) -> Page:
    return _at(town.visitor, f"{DESK}/new/technical-support")


@stop
def helpdesk_form_signed_in(town: Town) -> Page:
    with town.setting("portal", "helpdesk"):
        return _at(town.ann, f"{DESK}/new/billing")


@stop
def helpdesk_form_wrong(town: Town) -> Page:
    page = _at(town.visitor, f"{DESK}/new/billing")
    _unchecked_by_the_browser(town.visitor)
    page.get_by_label("Email").fill("ann@")
    town.visitor.press("Send")
    assert page.title().startswith("Error:")
    return page


@stop
def helpdesk_sent(town: Town) -> Page:
    town.visitor.write("ask-before-buying", "Before I buy", "Is there a plan for two?")
    town.visitor.press("Send")
    assert town.visitor.heading() == "Look in your mailbox"
    return town.visitor.page


@stop
def helpdesk_confirm(town: Town) -> Page:
    """Too late by the notice, which is said before it is sent (X-8)."""
    town.set(notice_days=60)
    ann = Customer(town.visitor.page, town.laptop, town.ann.email)
    ann.write(
        "billing", "Please cancel", "I do not need it any more.", What_is_it="Cancel a subscription"
    )
    ann.page.get_by_label("Order ID").fill(town._orders(town.ann, "sale")[-1]["id"])
    ann.press("Send")
    page = _at(ann, ann.helpdesk_link())
    assert ann.says("It is too late to stop the payment")
    town.set(notice_days=0)
    return page


@stop
def helpdesk_confirm_mismatch(town: Town) -> Page:
    eve = Customer(town.visitor.page, town.laptop, "eve@example.com")
    eve.write("billing", "My money", "4242 4242 4242 4242", What_is_it="A refund")
    eve.page.get_by_label("Order ID").fill(town.order(town.dan))
    eve.press("Send")
    page = _at(eve, eve.helpdesk_link())
    assert eve.says("do not belong together") and eve.says("card number")
    return page


@stop
def helpdesk_thread_by_mail(town: Town) -> Page:
    helpdesk_confirm_mismatch(town)
    town.visitor.press("Send it now")
    return town.visitor.page


@stop
def helpdesk_requests(town: Town) -> Page:
    with town.setting("portal", "helpdesk"):
        return _at(town.dan, f"{DESK}/tickets")


@stop
def helpdesk_requests_none(town: Town) -> Page:
    return _at(town.cleo, f"{DESK}/tickets")


@stop
def helpdesk_thread(town: Town) -> Page:
    portal_cancel_asked(town)
    ticket = town.ticket(town.dan, "cancel")
    if ticket["state"] == "open":
        town.laptop.post(f"/v1/tickets/{ticket['id']}/reply", {"text": "Is it the price?"})
    with town.setting("portal", "helpdesk"):
        return _at(town.dan, f"{DESK}/tickets/{ticket['id']}")


@stop
def helpdesk_thread_wrong(town: Town) -> Page:
    page = helpdesk_thread(town)
    _unchecked_by_the_browser(town.dan)
    town.dan.press("Send")
    assert page.title().startswith("Error:")
    return page


@stop
def helpdesk_my_orders(town: Town) -> Page:
    with town.setting("portal", "helpdesk"):
        return _at(town.ann, DEMO)


@stop
def helpdesk_link_over(town: Town) -> Page:
    return _at(town.visitor, f"{DESK}/confirm/used-before")


@stop
def helpdesk_signed_out(town: Town) -> Page:
    return _at(town.visitor, f"{DESK}/tickets")


@stop
def helpdesk_closed(town: Town) -> Page:
    with town.setting("portal", None):
        return _at(town.visitor, DESK)


# The console


@stop
def console_tickets(town: Town) -> Page:
    portal_cancel_asked(town)
    portal_refund_asked(town)
    return _at(town.seller, "/console/tickets")


@stop
def console_tickets_none(town: Town) -> Page:
    return _at(town.seller, "/console/tickets?department=technical-support&state=declined")


@stop
def console_ticket_cancel(town: Town) -> Page:
    helpdesk_thread(town)
    return _at(town.seller, f"/console/tickets/{town.ticket(town.dan, 'cancel')['id']}")


@stop
def console_ticket_refund(town: Town) -> Page:
    portal_refund_asked(town)
    return _at(town.seller, f"/console/tickets/{town.ticket(town.dan, 'refund')['id']}")


@stop
def console_ticket_wrong(town: Town) -> Page:
    page = console_ticket_refund(town)
    page.get_by_label("Your words").evaluate("field => field.required = false")
    town.seller.press("Decline with these words")
    assert page.title().startswith("Error:")
    return page


@stop
def console_ticket_unverified(town: Town) -> Page:
    helpdesk_thread_by_mail(town)
    listed = town.laptop.get("/v1/tickets?state=open")["data"]
    ticket = next(each for each in listed if each["email"] == "eve@example.com")
    return _at(town.seller, f"/console/tickets/{ticket['id']}")


@stop
def console_sign_in(town: Town) -> Page:
    return _at(Seller(town.visitor.page, town.laptop), "/_dev/console")


@stop
def console_signed_out(town: Town) -> Page:
    console_sign_in(town)
    town.visitor.press("Sign in")
    town.visitor.press("Sign out")
    return town.visitor.page


@stop
def console_link_over(town: Town) -> Page:
    return _at(town.visitor, "/console/sign-in/used-before")


@stop
def console_transactions(town: Town) -> Page:
    return _at(town.seller, "/console")


@stop
def console_no_match(town: Town) -> Page:
    return _at(town.seller, "/console?q=nobody@example.com")


@stop
def console_wrong_filter(town: Town) -> Page:
    return _at(town.seller, "/console?from=yesterday")


@stop
def console_customer(town: Town) -> Page:
    page = _at(town.seller, f"/console?q={town.ann.email}")
    town.seller.go(page.get_by_role("link", name=re.compile("^ann@")).first)
    return page


@stop
def console_cancel(town: Town) -> Page:
    return _at(town.seller, f"/console/subscriptions/{town.subscription(town.ann)}/cancel")


@stop
def console_refund(town: Town) -> Page:
    return _at(town.seller, f"/console/orders/{town.order(town.ann)}/refund")


@stop
def console_refund_wrong(town: Town) -> Page:
    page = console_refund(town)
    page.get_by_label("Amount in USD").fill("a lot")
    town.seller.press("Refund")
    return page


@stop
def console_not_found(town: Town) -> Page:
    return _at(town.seller, "/console/customers/cus_nobody")


# Accounts


@stop
def account_sign_up(town: Town) -> Page:
    return _at(town.visitor, "/account/sign-up")


@stop
def account_sign_up_wrong(town: Town) -> Page:
    account_sign_up(town)
    _unchecked_by_the_browser(town.visitor)
    town.visitor.press("Sign up")
    return town.visitor.page


@stop
def account_plans(town: Town) -> Page:
    return _at(town.visitor, "/account/plans")


@stop
def account_sign_in_failed(town: Town) -> Page:
    return _sign_in(town.visitor, "not the password")


@stop
def account_forgot(town: Town) -> Page:
    return _at(town.visitor, "/account/forgot")


@stop
def account_asked(town: Town) -> Page:
    account_forgot(town)
    town.visitor.page.get_by_label("Email").fill("nobody@example.com")
    town.visitor.press("Send the link")
    return town.visitor.page


@stop
def account_profile(town: Town) -> Page:
    return _at(town.eve, "/account")


@stop
def account_billing(town: Town) -> Page:
    return _at(town.eve, "/account/billing")


@stop
def account_plan(town: Town) -> Page:
    return _at(town.eve, "/account/billing/plan/perennial.pro-2")


@stop
def account_freeze(town: Town) -> Page:
    return _at(town.eve, "/account/billing/freeze")


@stop
def account_cancel(town: Town) -> Page:
    return _at(town.eve, "/account/billing/cancel")


@stop
def account_cancel_wrong(town: Town) -> Page:
    account_cancel(town)
    _unchecked_by_the_browser(town.eve)
    town.eve.press("Cancel My Account")
    return town.eve.page


@stop
def portal_freeze(town: Town) -> Page:
    with town.setting("self_freeze", True):
        subscription = town.subscription(town.ann)
        return _at(town.ann, f"{DEMO}/subscriptions/{subscription}/freeze")
