"""Any sequence of calls that merchants and customers may make, by any card: the books agree (R-1).

After every step the gateway's own ledger, the invoices, the entries and the accounts say the same,
nothing was charged after "cancelled" was answered, and what the API shows fits together.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from billing.checkout.checkouts import CheckoutState
from billing.kernel import ledger
from billing.kernel.catalog import Initial, PriceTerms, PriceType
from billing.kernel.invoices import InvoiceState, LineKind
from billing.kernel.merchants import Settings
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Period, Span, Unit
from billing.kernel.storage import History
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from tests.depth import examples
from tests.web.calls import Answer
from tests.web.shop import Shop
from tests.world import MONTHLY

GOLD = replace(MONTHLY, price=Money(4999, Currency.USD))
WEEKLY = PriceTerms(PriceType.RECURRING, Money(999, Currency.USD), Period.WEEKLY)
TRIAL = replace(MONTHLY, initial=Initial(0, Span(14, Unit.DAY)))
THREE = PriceTerms(PriceType.INSTALLMENT, Money(9900, Currency.USD), Period.MONTHLY, 3)
CARDS = (
    *("pm_card_visa", "pm_card_visa", "pm_card_authenticationRequired"),
    *("pm_card_chargeCustomerFail", "pm_card_chargeDeclined"),
)
TAKEN = {"succeeded", "refunded"}
ANSWERS = {200, 201, 202, 402, 409}
"""Done, done, under way, declined, or refused in words; never an error of our own."""


class AnyLife(RuleBasedStateMachine):
    """One customer's subscription at a time, and whatever is asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.shop = Shop()
        self.world = self.shop.world
        self.world.change_merchant(settings=Settings(freeze_price_minor=300))
        self.points = self.world.product(MONTHLY, GOLD, WEEKLY, TRIAL, THREE).price_points
        self.asked_of_bank: set[str] = set()
        self.emails: list[str] = []
        self.subscription: str | None = None
        self.over: dict[str, int] = {}
        """The number of charges of each subscription when it was answered as cancelled."""

    # ---- What happens

    @initialize(plan=st.integers(0, 4))
    def first(self, plan: int) -> None:
        self.buy(plan, "pm_card_visa")

    @rule(plan=st.integers(0, 4), card=st.sampled_from(CARDS))
    @precondition(lambda self: self.shown() is None or self.shown()["ends_at"] is not None)
    def buy(self, plan: int, card: str) -> None:
        email = f"ann{len(self.emails)}@example.com"
        form = self.world.submission(email, payment_method=card)
        bought = self.world.submit(self.points[plan], form)
        if bought.state is CheckoutState.OPEN and bought.invoice.gateway_ref:
            self.asked_of_bank.add(bought.invoice.gateway_ref)
            self.answer_the_bank(succeeded=True)
        customer = self.world.store.customer_by_email("acme", email)
        if customer is not None:
            self.emails.append(email)
            self.subscription = self.world.subscription(email).id

    @rule(days=st.sampled_from([1, 6, 7, 13, 30, 31, 95]))
    def time_passes(self, days: int) -> None:
        self.world.advance(days=days)

    @rule(card=st.sampled_from(CARDS))
    @precondition(lambda self: self.subscription is not None)
    def another_card(self, card: str) -> None:
        subscription = self.world.subscription(self.emails[-1])
        method = replace(self.history().methods[0], id=f"{card}:{self.world.now:%m%d%H%M%S}")
        if subscription.is_live and subscription.open_invoice is None:
            changed = replace(subscription, payment_method=method.id)
            self.world.store.commit(Insert(method), Change(subscription, changed))
        self.moment()

    @rule(succeeded=st.booleans())
    def answer_the_bank(self, *, succeeded: bool) -> None:
        for invoice in self.history().invoices if self.emails else ():
            if invoice.state is InvoiceState.ACTION_REQUIRED and invoice.gateway_ref:
                self.asked_of_bank.add(invoice.gateway_ref)
        for reference in self.asked_of_bank:
            self.world.sandbox.authenticate(reference, succeeded=succeeded)
        self.asked_of_bank.clear()
        self.world.advance(hours=2)

    @rule(when=st.sampled_from(["now", "period_end"]))
    def cancel(self, when: str) -> None:
        answer = self.ask("cancel", {"when": when})
        if answer is not None and answer.status == 200 and answer.json["state"] == "cancelled":
            self.over.setdefault(answer.json["id"], len(self.taken(answer.json["id"])))

    @rule(verb=st.sampled_from(["undo-cancel", "pause", "resume", "retry", "skip", "freeze"]))
    def act(self, verb: str) -> None:
        self.ask(verb)

    @rule(part=st.sampled_from([None, 1, 500]), newest=st.booleans())
    def refund(self, part: int | None, *, newest: bool) -> None:
        paid = [o for o in self.history().orders if o.kind in {"sale", "rebill"} and o.amount]
        if paid:
            order = max(paid, key=lambda o: o.at) if newest else min(paid, key=lambda o: o.at)
            body = {} if part is None else {"amount": part}
            answer = self.shop.api.post(f"/v1/orders/{order.id}/refund", body)
            assert answer.status in {*ANSWERS, 422}, answer.body
            assert answer.status != 422 or answer.json["field"] == "amount"
            self.moment()

    @rule(plan=st.integers(0, 4), when=st.sampled_from(["now", "next_rebill"]))
    def change_plan(self, plan: int, when: str) -> None:
        self.as_quoted("change-plan", {"price_point": self.points[plan], "when": when})

    @rule()
    def unfreeze(self) -> None:
        self.as_quoted("unfreeze", {})

    # ---- How it is asked

    def as_quoted(self, verb: str, body: dict[str, str]) -> None:
        """Asks for a quote and agrees to it: its amount is charged, or nothing is."""
        quoted = self.ask(f"{verb}/quote", body)
        if quoted is None or quoted.status != 200:
            return
        before = self.taken(str(self.subscription))
        answer = self.ask(verb, {**body, "token": quoted.json["token"]})
        assert answer is not None
        charged = self.taken(str(self.subscription))[len(before) :]
        due = quoted.json["due_now"]["amount"]
        assert charged == ([due] if answer.status == 200 and due else []), answer.body

    def ask(self, verb: str, body: dict[str, str] | None = None) -> Answer | None:
        if self.subscription is None:
            return None
        answer = self.shop.api.post(f"/v1/subscriptions/{self.subscription}/{verb}", body or {})
        assert answer.status in ANSWERS, answer.body
        self.moment()
        return answer

    def moment(self) -> None:
        self.world.now += timedelta(seconds=1)

    def history(self) -> History:
        if not self.emails:
            return History()
        return self.world.history(self.emails[-1])

    def shown(self) -> dict[str, Any] | None:
        if self.subscription is None:
            return None
        answer = self.shop.api.get(f"/v1/subscriptions/{self.subscription}")
        assert answer.status == 200
        shown: dict[str, Any] = answer.json
        return shown

    def taken(self, subscription: str) -> list[int]:
        return [
            charge["amount"]["amount"]
            for charge in self.world.charges()
            if charge["status"] in TAKEN and charge["invoice"].startswith(f"{subscription}.")
        ]

    # ---- What always holds

    @invariant()
    def every_book_says_the_same(self) -> None:
        taken, invoices, orders, given = (Counter[str]() for _ in range(4))
        for charge in self.world.charges():
            if charge["status"] in TAKEN:
                taken[charge["invoice"]] += charge["amount"]["amount"]
        balance: Counter[str] = Counter()
        for email in self.emails:
            history = self.world.history(email)
            for invoice in history.invoices:
                if invoice.state is InvoiceState.PAID and invoice.total:
                    invoices[invoice.id] += invoice.total.amount_minor
                if invoice.refunded_minor:
                    given[invoice.id] = invoice.refunded_minor
            for order in history.orders:
                if order.kind in {"sale", "rebill"} and order.amount:
                    orders[str(order.invoice)] += order.amount.amount_minor
            for (account, _), minor in ledger.trial_balance(history.ledger).items():
                balance[account] += minor
        assert taken == invoices == orders
        assert sum(balance.values()) == 0
        at_gateway = sum(minor for a, minor in balance.items() if a.startswith(ledger.RECEIVED))
        assert at_gateway == sum(taken.values()) - sum(given.values())

    @invariant()
    def what_was_answered_as_cancelled_is_never_charged(self) -> None:
        for subscription, times in self.over.items():
            assert len(self.taken(subscription)) == times

    @invariant()
    def what_is_shown_fits_together(self) -> None:
        shown = self.shown()
        if shown is None:
            return
        state, charged_next = shown["state"], shown["next_charge_at"]
        ended = state in {"cancelled", "completed"}
        assert (shown["ends_at"] is not None) is (ended or state == "cancel_pending")
        assert charged_next is None or state in {"trialing", "active", "past_due", "frozen"}
        if state in {"trialing", "active", "frozen"} and shown["dispute"] is None:
            assert charged_next is not None
        if ended or state == "paused":
            assert shown["open_invoice"] is None
        paid = [
            i
            for i in self.history().invoices
            if i.state is InvoiceState.PAID and i.period is not None
        ]
        frozen = [i for i in paid if any(line.kind == LineKind.FREEZE for line in i.lines)]
        assert shown["payments_made"] == len(paid) - len(frozen)
        assert len({i.period for i in paid}) == len(paid), "no period is paid twice"


AnyLife.TestCase.settings = settings(
    max_examples=examples(20), stateful_step_count=20, deadline=None
)


@pytest.mark.spec("R-1", "R-3", "X-6", "X-11", "A-4", "A-5", "R-6")
class TestAnyLife(AnyLife.TestCase):
    """Run by pytest with the invariants after each step."""
