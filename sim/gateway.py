"""The simulated gateway: the sandbox, whose ledger is the truth, reached over a bad line.

Cards decline now and then, banks ask for 3-D Secure, keys are forgotten after a day, two requests
under one key at once are refused (409), and a request that timed out may be carried out later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from billing.gateways.sandbox.events import events_of
from billing.gateways.sandbox.gateway import SandboxGateway
from billing.gateways.sandbox.ledger import MemoryLedger, Row
from billing.kernel.errors import BillingError, Unreachable
from billing.kernel.gateways import (
    ChargeOrder,
    Declined,
    Dispute,
    GatewayEvent,
    GatewayRefund,
    Outcome,
    PaymentStatus,
    RefundFailed,
    RefundSucceeded,
    SavedMethod,
    TestCards,
)
from billing.kernel.money import Money
from sim.chance import Chance, stretched
from sim.virtual_clock import DAY, MINUTE, SECOND, Clockwork, instant
from sim.wire import Wire

R = TypeVar("R")

KEYS_LIVE_US = DAY
LATER_US = (SECOND, 30 * MINUTE)

TEMPERS: dict[str, dict[str, float]] = {
    "steady": {},
    "flaky": {"pm_card_chargeDeclinedInsufficientFunds": 0.3},
    "cautious": {"pm_card_authenticationRequired": 0.3},
    "fading": {
        "pm_card_chargeDeclinedInsufficientFunds": 0.2,
        "pm_card_chargeDeclinedExpiredCard": 0.1,
        "pm_card_authenticationRequired": 0.1,
    },
}
"""A card's behaviour: the test card that it acts as, and how often, charge by charge."""

Asked = Callable[[str, str, str], None]


class Books(MemoryLedger):
    """The gateway's ledger, which reports each charge that it books."""

    def __init__(self) -> None:
        super().__init__()
        self.booked: Callable[[Row, dict[str, Any]], None] = lambda payment, charge: None
        self.refunded: Callable[[Row], None] = lambda payment: None
        self.told: Callable[[Row, GatewayEvent], None] = lambda payment, event: None

    def write(self, key: str, row: Row, *, revision: int) -> bool:
        known = self.read(key)
        before = len(known[0].get("charges", ())) if known else 0
        refunds = len(known[0].get("refunds", ())) if known else 0
        events = len(known[0].get("events", ())) if known else 0
        written = super().write(key, row, revision=revision)
        if written:
            for charge in row.get("charges", [])[before:]:
                self.booked(row, charge)
            if len(row.get("refunds", ())) > refunds:
                self.refunded(row)
            new = row.get("events", ())[events:]
            for event in events_of({"id": row["id"], "events": new}):
                self.told(row, event)
        return written

    def forget_attempt(self, reference: str, key: str) -> None:
        """Forgets an expired key: the same one again is a new request."""
        row, revision = self.read(reference) or ({}, 0)
        attempts = {k: v for k, v in row["attempts"].items() if k != key}
        super().write(reference, {**row, "attempts": attempts}, revision=revision)


class SimGateway:
    """`ports.Gateway` over the wire."""

    name = SandboxGateway.name
    account = SandboxGateway.account
    capabilities = SandboxGateway.capabilities
    sandbox_class = SandboxGateway
    later_us = LATER_US

    def __init__(self, seed: int, wire: Wire) -> None:
        self.books = Books()
        self.asked: Asked = lambda call, key, parameters: None
        self.moves: Callable[[str], None] = lambda invoice: None
        self.charges: Callable[[str, str], None] = lambda invoice, method: None
        self.let_go: Callable[[str], None] = lambda method: None
        self._seed = seed
        self._wire = wire
        self._clockwork: Clockwork = wire.clockwork
        self.sandbox = self.sandbox_class(
            self.books, lambda: instant(self._clockwork.now_us), draw=lambda: f"secret of {seed}"
        )
        self._first_used_us: dict[str, int] = {}
        self._generation: dict[str, int] = {}
        self._busy: set[str] = set()

    def collection(self) -> TestCards:
        return self.sandbox.collection()

    def collect(self, *, key: str, return_url: str, cancel_url: str) -> str:
        return self.sandbox.collect(key=key, return_url=return_url, cancel_url=cancel_url)

    def save_method(
        self, token: str, *, owner: str, key: str, verify: bool, beside: str | None = None
    ) -> SavedMethod | Declined:
        def effect() -> SavedMethod | Declined:
            return self.sandbox.save_method(token, owner=owner, key=key, verify=verify)

        return self._request("save_method", key, token, effect)

    def find_method(self, method: str) -> SavedMethod | None:
        return self._wire.call(
            "gateway", "find_method", partial(self.sandbox.find_method, method), method
        )

    def forget(self, method: str) -> None:
        self._wire.call("gateway", "forget", partial(self.let_go, method), method)

    def prepare(self, order: ChargeOrder, *, key: str) -> str:
        def effect() -> str:
            # After a day the key says nothing any more, and the same request is a second payment.
            generation = self._generation_of(key)
            return self.sandbox.prepare(order, key=f"{key}#{generation}" if generation else key)

        amount = f"{order.amount.amount_minor} {order.amount.currency}"
        parameters = f"{order.invoice} {amount} {order.description} {order.payment_method}"
        return self._request("prepare", key, parameters, effect)

    def confirm(
        self, reference: str, method: str, *, key: str, off_session: bool, return_url: str | None
    ) -> Outcome:
        def effect() -> Outcome:
            before = self._generation.get(key, 0)
            generation = self._generation_of(key)
            if generation > before:
                self.books.forget_attempt(reference, key)
            self._note_charge(reference, method, key)
            card = self._acting(method, f"{key}#{generation}")
            return self.sandbox.confirm(
                reference, card, key=key, off_session=off_session, return_url=return_url
            )

        return self._request("confirm", key, f"{reference} {method}", effect)

    def _note_charge(self, reference: str, method: str, key: str) -> None:
        payment, _ = self.books.read(reference) or ({}, 0)
        over = payment.get("state") in {"succeeded", "cancelled"}
        if payment and not over and key not in payment["attempts"]:
            self.charges(payment["invoice"], method)

    def lookup(self, reference: str, *, attempt_key: str) -> PaymentStatus:
        def look() -> PaymentStatus:
            return self.sandbox.lookup(reference, attempt_key=attempt_key)

        return self._wire.call("gateway", "lookup", look, reference)

    def cancel(self, reference: str) -> PaymentStatus:
        def cancel() -> PaymentStatus:
            self._note_move(reference)
            return self.sandbox.cancel(reference)

        return self._wire.call("gateway", "cancel", cancel, reference, self._later(cancel))

    def refund(self, reference: str, amount: Money, *, key: str) -> RefundSucceeded | RefundFailed:
        def effect() -> RefundSucceeded | RefundFailed:
            self._note_move(reference)
            # A key that is over makes a second refund: only looking first tells that there is one.
            generation = self._generation_of(key)
            name = f"{key}#{generation}" if generation else key
            return self.sandbox.refund(reference, amount, key=name)

        return self._request("refund", key, f"{reference} {amount.amount_minor}", effect)

    def _note_move(self, reference: str) -> None:
        found = self.books.read(reference)
        if found is not None:
            self.moves(found[0]["invoice"])

    def find_refund(self, reference: str, *, key: str) -> RefundSucceeded | RefundFailed | None:
        def find() -> RefundSucceeded | RefundFailed | None:
            return self.sandbox.find_refund(reference, key=key)

        return self._wire.call("gateway", "find_refund", find, f"{reference} {key}")

    def refunds(self, reference: str, *, ours: Sequence[str]) -> Sequence[GatewayRefund]:
        look = partial(self.sandbox.refunds, reference, ours=ours)
        return self._wire.call("gateway", "refunds", look, reference)

    def parse_event(
        self, body: bytes, headers: Mapping[str, str], *, now: datetime
    ) -> GatewayEvent:
        return self.sandbox.parse_event(body, headers, now=now)

    def events_since(self, since: datetime) -> Sequence[GatewayEvent]:
        look = partial(self.sandbox.events_since, since)
        return self._wire.call("gateway", "events_since", look, since.isoformat())

    def disputes(self, reference: str) -> Sequence[Dispute]:
        look = partial(self.sandbox.disputes, reference)
        return self._wire.call("gateway", "disputes", look, reference)

    def _request(self, call: str, key: str, parameters: str, effect: Callable[[], R]) -> R:
        self.asked(call, key, parameters)
        if key in self._busy:
            raise Unreachable("simulated: 409, a request with this key is under way")
        self._busy.add(key)
        try:
            about = f"key {key}: {parameters}"
            return self._wire.call("gateway", call, effect, about, self._later(effect))
        finally:
            self._busy.discard(key)

    def _later(self, effect: Callable[[], R]) -> dict[str, Callable[[float], R]]:
        def timed_out(length: float) -> R:
            later_us = self._clockwork.now_us + int(stretched(*self.later_us, length))
            self._clockwork.at(later_us, partial(_carried_out, effect))
            raise Unreachable("simulated: timed out, and carried out later")

        return {"effect_later": timed_out}

    def _generation_of(self, key: str) -> int:
        now_us = self._clockwork.now_us
        if now_us - self._first_used_us.setdefault(key, now_us) > KEYS_LIVE_US:
            self._first_used_us[key] = now_us
            self._generation[key] = self._generation.get(key, 0) + 1
        return self._generation.get(key, 0)

    def _acting(self, method: str, attempt: str) -> str:
        """Returns the test card that a card acts as this time; only good cards vary."""
        card, _, saved = method.partition(":")
        if card != "pm_card_visa":
            return method
        temper = Chance(self._seed, f"card {method}").pick(sorted(TEMPERS))
        at = Chance(self._seed, f"charge {attempt}").share()
        for acts_as, probability in TEMPERS[temper].items():
            if at < probability:
                return f"{acts_as}:{saved}"
            at -= probability
        return method


def _carried_out(effect: Callable[[], Any]) -> None:
    try:
        effect()
    except BillingError:
        return  # nobody is there to hear it
