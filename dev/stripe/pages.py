"""Stripe's pages for buyers: the hosted checkout, and a bank's 3-D Secure page."""

import html
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from dev.exchange import NOT_FOUND, Request, Response
from dev.stripe import attempts, setup_intents
from dev.stripe import checkout_sessions as sessions
from dev.stripe.cards import TEST_CARDS
from dev.stripe.errors import StripeError
from dev.stripe.service import Service
from dev.stripe.work import Object, Work

_CHALLENGE = re.compile(r"/3d_secure_2/hosted/(\w+)/(payment_intent|setup_intent)/(\w+)")
_CHECKOUT = re.compile(r"/c/pay/(\w+)/(cs_test_\w+)")
_AUTHENTICATE: dict[str, Callable[..., Object]] = {
    "payment_intent": attempts.authenticated,
    "setup_intent": setup_intents.authenticated,
}


class Pages:
    """The pages that answer browsers."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def answer(self, request: Request) -> Response:
        form = _form(request)
        try:
            if match := _CHALLENGE.fullmatch(request.path):
                return self._challenge(request, form, *match.groups())
            if match := _CHECKOUT.fullmatch(request.path):
                return self._checkout(request, form, *match.groups())
        except StripeError as error:
            return _page("Test mode", f"<p role=alert>{html.escape(str(error))}</p>", error.status)
        return NOT_FOUND

    def _challenge(
        self, request: Request, form: dict[str, str], account: str, kind: str, identifier: str
    ) -> Response:
        if account not in self._service.accounts:
            return NOT_FOUND
        with self._service.execution:
            work = self._service.working(account)
            intent = work.load(kind, identifier)
            if form.get("secret") != intent["client_secret"]:
                return NOT_FOUND
            if request.method != "POST":
                return _challenge_page(intent)
            back = (intent["next_action"] or {}).get("redirect_to_url", {}).get("return_url")
            intent = _AUTHENTICATE[kind](work, intent, succeeded=form.get("result") == "complete")
            sessions.completed_by(work, intent)
            back = _back(work, intent, kind, back)
            work.commit()
        self._service.wake()
        return _see(back) if back else _page("Test mode", "<p>You may close this page.</p>")

    def _checkout(
        self, request: Request, form: dict[str, str], account: str, identifier: str
    ) -> Response:
        if account not in self._service.accounts:
            return NOT_FOUND
        with self._service.execution:
            work = self._service.working(account)
            session = work.load("checkout.session", identifier)
            if request.method != "POST" or session["status"] != "open":
                return _checkout_page(session, None)
            try:
                card = sessions.method_of(work, form.get("card", ""))
                intent = sessions.submitted(work, session, card, form.get("email"))
                answer = _see(sessions.next_url(session, intent))
            except StripeError as error:
                if not error.keeps:
                    work.discard()
                answer = _checkout_page(session, str(error))
            work.commit()
        self._service.wake()
        return answer


def _back(work: Work, intent: Object, kind: str, return_url: str | None) -> str | None:
    if intent["_session"] is not None:
        return sessions.next_url(work.load("checkout.session", intent["_session"]), intent)
    if return_url is None:
        return None
    parts = urlsplit(return_url)
    added = {
        kind: intent["id"],
        f"{kind}_client_secret": intent["client_secret"],
        "redirect_status": "succeeded" if intent["status"] == "succeeded" else "failed",
    }
    query = "&".join(part for part in (parts.query, urlencode(added)) if part)
    return urlunsplit(parts._replace(query=query))


def _challenge_page(intent: Object) -> Response:
    if intent["status"] != "requires_action":
        return _page("3D Secure", "<p>Nothing waits for you here any more.</p>")
    shown = f" of {_money(intent['amount'], intent['currency'])}" if "amount" in intent else ""
    return _page(
        "3D Secure 2 test page",
        f"<p>Your bank asks whether this payment{shown} is yours.</p>"
        f"<form method=post><input type=hidden name=secret value={intent['client_secret']}>"
        "<button name=result value=complete>Complete</button> "
        "<button name=result value=fail>Fail</button></form>",
    )


def _checkout_page(session: Object, problem: str | None) -> Response:
    if session["status"] != "open":
        return _page("Checkout", f"<p>This session is {session['status']}.</p>")
    options = "".join(
        f'<option value="pm_card_{name}">{name} ({card.brand} {card.last4})</option>'
        for name, card in TEST_CARDS.items()
    )
    what = (
        "Save a card"
        if session["mode"] == "setup"
        else f"Pay {_money(session['amount_total'], session['currency'])}"
    )
    email = ""
    known = session["customer"] or session["customer_email"]
    if session["mode"] == "payment" and not known:
        email = "<p><label>Email <input name=email type=email required></label></p>"
    alert = f"<p role=alert>{html.escape(problem)}</p>" if problem else ""
    cancel = ""
    if session["cancel_url"]:
        cancel = f'<p><a href="{html.escape(session["cancel_url"])}">Cancel</a></p>'
    return _page(
        what,
        f"{alert}<form method=post>{email}<p><label>Test card <select name=card>{options}</select>"
        f"</label></p><button>{html.escape(what)}</button></form>{cancel}",
    )


def _money(amount_minor: int, currency: str) -> str:
    sign = "$" if currency == "usd" else f"{currency.upper()} "
    if currency == "jpy":
        return f"{sign}{amount_minor:,}"
    return f"{sign}{amount_minor // 100:,}.{amount_minor % 100:02}"


def _page(title: str, content: str, status: int = 200) -> Response:
    text = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title)} (loopback Stripe)</title>"
        f"<main><h1>{html.escape(title)}</h1>{content}"
        "<p>This is the loopback Stripe: no money moves.</p></main></html>"
    )
    return Response(status, [("content-type", "text/html; charset=utf-8")], text.encode())


def _see(url: str) -> Response:
    return Response(303, [("location", url)], b"")


def _form(request: Request) -> dict[str, Any]:
    text = request.body.decode("utf-8", "replace") if request.method == "POST" else ""
    return {
        name: values[-1]
        for source in (request.query, text)
        for name, values in parse_qs(source).items()
    }
