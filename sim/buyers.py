"""Buyers: they submit, click twice, come back from the bank late or never, and try again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from billing.checkout.checkouts import Checkout, CheckoutState
from billing.checkout.flows import submit
from billing.checkout.flows.submit import Submission, Visitor
from billing.kernel.customers import Address
from billing.kernel.errors import NotFound, Refused, Unavailable
from billing.storage.keys import checkout as checkout_key
from sim import handed, taxes
from sim.chance import Chance
from sim.invariants import Violation
from sim.plan import Purchase
from sim.virtual_clock import DAY, HOUR, MINUTE, SECOND, SimCrash
from sim.world import World

ADDRESS = Address("1 Main Street", "Springfield", "US", postal_code="12345", state="IL")
RETURN_URL = "https://pay.example.com/return"
TRIES_AT_MOST = 6


class Buyer:
    """One purchase that a buyer makes, whatever gets in between."""

    def __init__(self, world: World, purchase: Purchase) -> None:
        self.key = f"attempt-{purchase.number:06d}"
        self.answer: Checkout | None = None
        self._world = world
        self._purchase = purchase
        self._chance = Chance(world.seed, f"buyer {purchase.number}")
        self._tries = 0
        self._confirms = purchase.again

    @property
    def _actor(self) -> str:
        return f"buyer {self._purchase.number}"

    @property
    def purchase(self) -> Purchase:
        """The purchase that they mean to make."""
        return self._purchase

    def begin(self) -> None:
        """Fills in the form and clicks, once or twice."""
        for click in range(self._purchase.clicks):
            self._submit_at(self._purchase.at_us + click * self._chance.between(1, 2 * SECOND))

    def submit_now(self) -> None:
        """Clicks once more, as a refresh of the page does."""
        self._spawn("submit", self._submit, self._world.clockwork.now_us)

    def resume_now(self) -> None:
        """Comes back from the bank's page."""
        self._spawn("return", self._resume, self._world.clockwork.now_us)

    def _submit_at(self, at_us: int) -> None:
        self._spawn("submit", self._submit, at_us)

    def _spawn(self, what: str, work: Callable[[], Checkout], at_us: int) -> None:
        name = f"{self._actor} {what}"
        self._world.clockwork.spawn(name, partial(self._answer, work), at_us, self._ended)

    def _submit(self) -> Checkout:
        form = Submission(
            attempt_key=self.key,
            email=self._purchase.email,
            name="Ann Example",
            address=self._address(),
            payment_method=self._purchase.card,
            confirm_repeat=self._confirms,
            coupon=self._purchase.coupon,
            hand_off=handed.said(self._world.seed, self.key),
            starts_at_once=self._purchase.starts_at_once,
        )
        ports = self._world.ports
        visitor = Visitor(f"192.0.2.{self._purchase.number % 250}", RETURN_URL)
        return submit.submit(ports, self._purchase.price_point, form, visitor, now=ports.clock())

    def _address(self) -> Address:
        if self._purchase.withdraws:
            return taxes.GERMANY
        return taxes.address_of(self._purchase.number, taxed=self._world.plan.taxed)

    def _resume(self) -> Checkout:
        ports, point = self._world.ports, self._purchase.price_point
        return submit.resume(ports, point, self.key, now=ports.clock(), return_url=RETURN_URL)

    def _answer(self, work: Callable[[], Checkout]) -> None:
        """Checks that answers to the buyer are true and do not change.

        A checkout that was begun is never answered with `NotFound`.
        """
        stood = self._stands()
        try:
            answer = work()
        except NotFound as error:
            if stood:
                text = f"{self.key} was begun, and then answered: {error}"
                actors = (f"{self._actor} submit", f"seller {self._purchase.price_point}")
                raise Violation("14", text, self.key, *actors) from error
            raise
        told = self.answer
        if answer.state is not CheckoutState.OPEN:  # a slow request may know less than a later one
            if told is not None and told.state is not CheckoutState.OPEN and told != answer:
                text = f"{self.key} answered {told.state} and then {answer.state}"
                raise Violation("14", text, self.key, answer.purchase)
            self.answer = answer
        if answer.action_url is not None:
            self._meet_the_bank(answer)

    def _stands(self) -> bool:
        merchant = self._purchase.price_point.partition(".")[0]
        return self._world.table.get(checkout_key(merchant, self.key)) is not None

    def _ended(self, error: BaseException | None) -> None:
        if isinstance(error, Refused) and error.code == "already_purchased":
            if not self._chance.happens(0.5):
                return
            self._confirms = True
        elif not isinstance(error, SimCrash | Unavailable | Refused):
            return
        self._tries += 1
        if self._tries < TRIES_AT_MOST and self._world.faults.on and self._chance.happens(0.8):
            wait_us = int(self._chance.stretched(2 * SECOND, 3 * HOUR))
            self._submit_at(self._world.clockwork.now_us + wait_us)

    def _meet_the_bank(self, waiting: Checkout) -> None:
        if not self._chance.happens(0.85):
            return  # the page is closed and never opened again
        at_us = self._world.clockwork.now_us + int(self._chance.stretched(5 * SECOND, 2 * HOUR))
        succeeded = self._chance.happens(0.8)
        reference = waiting.invoice.gateway_ref or ""
        self._world.clockwork.at(
            at_us, partial(authenticate, self._world, reference, succeeded=succeeded)
        )
        if self._chance.happens(0.8):
            wait_us = int(self._chance.stretched(100_000, 10 * MINUTE))
            self._spawn("return", self._resume, at_us + wait_us)


def authenticate(world: World, reference: str, *, succeeded: bool) -> None:
    """Answers the bank's question about a payment, if it is still asked."""
    found = world.gateway.books.read(reference)
    invoice = found[0]["invoice"] if found else None
    world.oracle.authenticating(invoice)
    world.gateway.sandbox.authenticate(reference, succeeded=succeeded)
    world.log.add(world.clockwork.now_us, "bank", f"{reference} {succeeded}")


def authenticate_some_day(world: World, reference: str) -> None:
    """Plans that a subscription's customer follows the authentication link, or never does."""
    chance = Chance(world.seed, f"link {reference}")
    if chance.happens(0.5):
        at_us = world.clockwork.now_us + int(chance.stretched(MINUTE, 20 * DAY))
        succeeded = chance.happens(0.8)
        world.clockwork.at(at_us, partial(authenticate, world, reference, succeeded=succeeded))
