"""A gateway whose payments lapse, as PayPal's orders do: nothing cancels them but time (X-6, R-1).

The sandbox's ledger stays the truth. A payment is confirmed within 30 minutes of its making or
never, and believed withdrawn after 45; a buyer's approval moves no money; reading tells no
declines. A request that timed out is carried out within 10 minutes, however old the payment is by
then, and whoever is held up between looking at its age and sending it is ended by Lambda within 5:
that is what the quarter of an hour in between is for.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from billing.gateways.paypal.orders import CAPTURED_WITHIN, REUSED_WITHIN, WITHDRAWN_AFTER
from billing.gateways.sandbox.cards import TestCard
from billing.gateways.sandbox.gateway import SandboxGateway
from billing.gateways.sandbox.ledger import Row
from billing.kernel.errors import Unreachable
from billing.kernel.gateways import (
    ActionRequired,
    Canceled,
    ChargeOrder,
    Declined,
    Expired,
    Outcome,
    PaymentStatus,
    Succeeded,
    Unconfirmed,
)
from billing.kernel.values import replace
from sim.gateway import SimGateway
from sim.virtual_clock import MINUTE, SECOND
from sim.wire import Wire

R = TypeVar("R")

FUNCTION_LIVES_US = 5 * MINUTE
"""Longer than any function here may run (template.yaml)."""


class Approving(SandboxGateway):
    """A sandbox at which approving is one thing, and charging what was approved another."""

    def authenticate(self, reference: str, *, succeeded: bool) -> str | None:
        def answered(payment: Row) -> str | None:
            if payment["state"] == "requires_action" and succeeded:
                waiting = payment["attempts"].items()
                payment["attempts"] = {k: a for k, a in waiting if "requires_action" not in a}
                payment["state"], payment["approved"] = "unconfirmed", True
            back: str | None = payment.get("return_url")
            return back

        return self._change(reference, answered)

    def _confirmed(self, payment: Row, card: TestCard, key: str, return_url: str | None) -> Outcome:
        if payment.get("approved"):
            card = replace(card, authenticates=False)
        return super()._confirmed(payment, card, key, return_url)


class LapsingGateway(SimGateway):
    """`ports.Gateway` over the wire, under PayPal's rules of time."""

    capabilities = replace(SandboxGateway.capabilities, payments_lapse=True)
    later_us = (SECOND, 10 * MINUTE)
    sandbox_class = Approving

    def __init__(self, seed: int, wire: Wire) -> None:
        super().__init__(seed, wire)
        self._asked_at_us: dict[str, int] = {}

    def prepare(self, order: ChargeOrder, *, key: str) -> str:
        if order.replaces is not None and self._may_still_pay(order.replaces):
            return order.replaces
        asked_at_us = self._now_us()
        reference = super().prepare(order, key=key)
        self._asked_at_us.setdefault(reference, asked_at_us)
        return reference

    def _may_still_pay(self, reference: str) -> bool:
        age = self._age(reference)
        if age < REUSED_WITHIN:
            return True
        if isinstance(super().lookup(reference, attempt_key=""), Succeeded):
            return True
        if age < WITHDRAWN_AFTER:
            raise Unreachable("simulated: the payment before could still be confirmed")
        return False

    def confirm(
        self, reference: str, method: str, *, key: str, off_session: bool, return_url: str | None
    ) -> Outcome:
        if self._age(reference) < CAPTURED_WITHIN:
            named = _named(key, reference)
            return super().confirm(
                reference, method, key=named, off_session=off_session, return_url=return_url
            )
        standing = self.lookup(reference, attempt_key=key)
        if isinstance(standing, Unconfirmed):
            raise Unreachable("simulated: not confirmed, and still could be")
        return standing

    def _request(self, call: str, key: str, parameters: str, effect: Callable[[], R]) -> R:
        asked_at_us = self._clockwork.now_us

        def in_time() -> R:
            if self._clockwork.current and self._clockwork.now_us - asked_at_us > FUNCTION_LIVES_US:
                self._wire.die(self._clockwork.invocation)
            return effect()

        return super()._request(call, key, parameters, in_time)

    def lookup(self, reference: str, *, attempt_key: str) -> PaymentStatus:
        standing = super().lookup(reference, attempt_key=_named(attempt_key, reference))
        if isinstance(standing, Declined):
            standing = Unconfirmed()
        over = isinstance(standing, Unconfirmed | ActionRequired)
        return Expired() if over and self._age(reference) >= WITHDRAWN_AFTER else standing

    def cancel(self, reference: str) -> PaymentStatus:
        standing = super().lookup(reference, attempt_key="")
        if isinstance(standing, Succeeded):
            return standing
        return Canceled() if self._age(reference) >= WITHDRAWN_AFTER else Unconfirmed()

    def _age(self, reference: str) -> timedelta:
        return timedelta(microseconds=self._now_us() - self._asked_at_us[reference])

    def _now_us(self) -> int:
        return self._clockwork.now_us + self._clockwork.invocation.skew_us


def _named(key: str, reference: str) -> str:
    """Returns a request's key, which names its payment too.

    An attempt may go on with another payment.
    """
    return f"{key}@{reference}"
