"""The customer portal: login, purchases, invoices, and their changes (B-1 .. B-10)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from billing.kernel.ports import Ports
from billing.portal.web import cards as portal_cards
from billing.portal.web import change_routes
from billing.portal.web import email as portal_email
from billing.portal.web import mail_link as portal_mail_link
from billing.portal.web import mail_link_cards as portal_mail_link_cards
from billing.portal.web import pages as portal_pages
from billing.portal.web import payment as portal_payment
from billing.portal.web import purchases as portal_purchases
from billing.portal.web.mail_link import Holder
from billing.portal.web.visits import Portal
from billing.runtime import telemetry, wiring
from billing.web import http


def build(ports: Ports) -> http.Resolver:
    """Builds the routes of this function over the given ports."""
    portal = Portal(ports)
    _front(portal)
    _mailed(portal)
    _emails(portal)
    _invoices(portal)
    _payments(portal)
    _subscriptions(portal)
    change_routes.declare(portal)
    _refunds(portal)
    _cards(portal)
    return portal.app


def _front(portal: Portal) -> None:
    app, ports = portal.app, portal.ports

    @app.get("/portal/<merchant>/logo/<file>")
    def logo(merchant: str, file: str) -> http.Answer:
        from billing.branding.web import logo_file

        return logo_file.logo(ports, merchant, file)

    @app.get("/portal/<merchant>")
    def front(merchant: str) -> http.Answer:
        return portal_pages.front(ports, portal.request, merchant, now=ports.clock())

    @app.post("/portal/<merchant>/login")
    def log_in(merchant: str) -> http.Answer:
        return portal_pages.log_in(ports, portal.request, merchant, now=ports.clock())

    @app.post("/portal/<merchant>/login/code")
    def log_in_by_code(merchant: str) -> http.Answer:
        return portal_pages.log_in_by_code(ports, portal.request, merchant, now=ports.clock())

    @app.get("/portal/<merchant>/link")
    def link_form(merchant: str) -> http.Answer:
        return portal_pages.link_form(ports, portal.request, merchant)

    @app.post("/portal/<merchant>/link")
    def ask_for_link(merchant: str) -> http.Answer:
        return portal_pages.ask_for_link(ports, portal.request, merchant, now=ports.clock())

    @app.get("/portal/<merchant>/link/<token>")
    def offer_link(merchant: str, token: str) -> http.Answer:
        request = portal.request
        return portal_pages.offer_link(ports, request, merchant, token, now=ports.clock())

    @app.post("/portal/<merchant>/link/<token>")
    def use_link(merchant: str, token: str) -> http.Answer:
        return portal_pages.use_link(ports, portal.request, merchant, token, now=ports.clock())

    @app.post("/portal/<merchant>/logout")
    def log_out(merchant: str) -> http.Answer:
        return portal_pages.log_out(ports, portal.change(merchant))


def _mailed(portal: Portal) -> None:
    app, ports = portal.app, portal.ports

    def looks(merchant: str, reference: str) -> Holder:
        now = ports.clock()
        return portal_mail_link.holder(ports, portal.request, merchant, reference, now=now)

    def sends(merchant: str, reference: str) -> Holder:
        now = ports.clock()
        return portal_mail_link.sender(ports, portal.request, merchant, reference, now=now)

    @app.get("/portal/<merchant>/mail/<reference>")
    def purchase(merchant: str, reference: str) -> http.Answer:
        return portal_mail_link.page(looks(merchant, reference))

    @app.post("/portal/<merchant>/mail/<reference>/pay")
    def pay(merchant: str, reference: str) -> http.Answer:
        return portal_mail_link.pay(sends(merchant, reference))

    @app.get("/portal/<merchant>/mail/<reference>/card")
    def card_form(merchant: str, reference: str) -> http.Answer:
        return portal_mail_link_cards.card_form(looks(merchant, reference))

    @app.post("/portal/<merchant>/mail/<reference>/card")
    def add_card(merchant: str, reference: str) -> http.Answer:
        return portal_mail_link_cards.add_card(sends(merchant, reference))

    @app.get("/portal/<merchant>/mail/<reference>/code")
    def code_form(merchant: str, reference: str) -> http.Answer:
        return portal_mail_link.code_form(looks(merchant, reference))

    @app.post("/portal/<merchant>/mail/<reference>/code")
    def ask_for_code(merchant: str, reference: str) -> http.Answer:
        return portal_mail_link.ask_for_code(sends(merchant, reference))

    @app.post("/portal/<merchant>/mail/<reference>/enter")
    def enter(merchant: str, reference: str) -> http.Answer:
        return portal_mail_link.enter(sends(merchant, reference))


def _emails(portal: Portal) -> None:
    app, ports = portal.app, portal.ports

    @app.get("/portal/<merchant>/email")
    def email_form(merchant: str) -> http.Answer:
        return portal_email.email_form(portal.visit(merchant))

    @app.post("/portal/<merchant>/email")
    def ask_for_email(merchant: str) -> http.Answer:
        return portal_email.ask(ports, portal.change(merchant))

    @app.get("/portal/<merchant>/email/<token>")
    def confirm_form(merchant: str, token: str) -> http.Answer:
        now = ports.clock()
        return portal_email.confirm_form(ports, portal.request, merchant, token, now=now)

    @app.post("/portal/<merchant>/email/<token>")
    def confirm_email(merchant: str, token: str) -> http.Answer:
        now = ports.clock()
        return portal_email.confirm(ports, portal.request, merchant, token, now=now)


def _invoices(portal: Portal) -> None:
    @portal.app.get("/portal/<merchant>/invoices/<reference>/invoice.pdf")
    def invoice(merchant: str, reference: str) -> http.Answer:
        now = portal.ports.clock()
        return portal_pages.invoice(portal.ports, portal.request, merchant, reference, now=now)

    @portal.app.get("/portal/<merchant>/credit-notes/<reference>/credit-note.pdf")
    def credit_note(merchant: str, reference: str) -> http.Answer:
        now = portal.ports.clock()
        return portal_pages.credit_note(portal.ports, portal.request, merchant, reference, now=now)

    @portal.app.get("/portal/<merchant>/invoices/<reference>/invoice.xml")
    def e_invoice(merchant: str, reference: str) -> http.Answer:
        now = portal.ports.clock()
        return portal_pages.e_invoice(portal.ports, portal.request, merchant, reference, now=now)


def _payments(portal: Portal) -> None:
    app, ports = portal.app, portal.ports

    @app.get("/portal/<merchant>/payments/<reference>")
    def payment(merchant: str, reference: str) -> http.Answer:
        now = ports.clock()
        return portal_payment.page(ports, portal.request, merchant, reference, now=now)

    @app.post("/portal/<merchant>/payments/<reference>")
    def confirm(merchant: str, reference: str) -> http.Answer:
        now = ports.clock()
        return portal_payment.confirm_payment(ports, portal.request, merchant, reference, now=now)


def _subscriptions(portal: Portal) -> None:
    app, ports = portal.app, portal.ports

    @app.get("/portal/<merchant>/subscriptions/<subscription>/cancel")
    def cancel_form(merchant: str, subscription: str) -> http.Answer:
        return portal_purchases.cancel_form(ports, portal.visit(merchant), subscription)

    @app.post("/portal/<merchant>/subscriptions/<subscription>/cancel")
    def cancel(merchant: str, subscription: str) -> http.Answer:
        return portal_purchases.cancel_subscription(ports, portal.change(merchant), subscription)

    @app.post("/portal/<merchant>/subscriptions/<subscription>/offer")
    def take_offer(merchant: str, subscription: str) -> http.Answer:
        from billing.portal.web import offers

        return offers.take(ports, portal.change(merchant), subscription)

    @app.get("/portal/<merchant>/subscriptions/<subscription>/ending")
    def ending(merchant: str, subscription: str) -> http.Answer:
        return portal_purchases.ending_page(ports, portal.visit(merchant), subscription)

    @app.post("/portal/<merchant>/subscriptions/<subscription>/undo-cancel")
    def undo(merchant: str, subscription: str) -> http.Answer:
        return portal_purchases.undo_cancellation(ports, portal.change(merchant), subscription)

    @app.post("/portal/<merchant>/subscriptions/<subscription>/pay")
    def pay(merchant: str, subscription: str) -> http.Answer:
        return portal_purchases.pay_overdue(ports, portal.change(merchant), subscription)

    @app.get("/portal/<merchant>/subscriptions/<subscription>/address")
    def address_form(merchant: str, subscription: str) -> http.Answer:
        return portal_purchases.address_form(ports, portal.visit(merchant), subscription)

    @app.post("/portal/<merchant>/subscriptions/<subscription>/address")
    def change_address(merchant: str, subscription: str) -> http.Answer:
        return portal_purchases.change_address(ports, portal.change(merchant), subscription)


def _refunds(portal: Portal) -> None:
    @portal.app.get("/portal/<merchant>/orders/<order>/refund")
    def refund_form(merchant: str, order: str) -> http.Answer:
        return portal_purchases.refund_form(portal.ports, portal.visit(merchant), order)

    @portal.app.post("/portal/<merchant>/orders/<order>/refund")
    def refund(merchant: str, order: str) -> http.Answer:
        return portal_purchases.refund_order(portal.ports, portal.change(merchant), order)


def _cards(portal: Portal) -> None:
    app, ports = portal.app, portal.ports

    @app.get("/portal/<merchant>/cards")
    def cards(merchant: str) -> http.Answer:
        return portal_cards.card_list(ports, portal.visit(merchant))

    @app.get("/portal/<merchant>/cards/new")
    def new_card_form(merchant: str) -> http.Answer:
        return portal_cards.new_form(ports, portal.visit(merchant))

    @app.post("/portal/<merchant>/cards/new")
    def add_card(merchant: str) -> http.Answer:
        return portal_cards.add_card(ports, portal.change(merchant))

    @app.get("/portal/<merchant>/cards/<card>/use")
    def use_card_form(merchant: str, card: str) -> http.Answer:
        return portal_cards.use_form(ports, portal.visit(merchant), card)

    @app.post("/portal/<merchant>/cards/<card>/use")
    def use_card(merchant: str, card: str) -> http.Answer:
        return portal_cards.use_card(ports, portal.change(merchant), card)

    @app.get("/portal/<merchant>/cards/<card>/remove")
    def remove_card_form(merchant: str, card: str) -> http.Answer:
        return portal_cards.remove_form(ports, portal.visit(merchant), card)

    @app.post("/portal/<merchant>/cards/<card>/remove")
    def remove_card(merchant: str, card: str) -> http.Answer:
        return portal_cards.remove_card(ports, portal.change(merchant), card)


app = cache(lambda: build(wiring.ports()))


@telemetry.observed
@http.guard
def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Handles API Gateway's events for the portal's addresses."""
    return app().resolve(event, context)
