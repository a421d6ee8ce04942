"""Test benches of the gateways: the contract suite runs over them, and they control its world.

`STRIPE_CHECK_KEY` puts Stripe's own test mode there in place of all others (make stripe-check).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

import stripe as stripe_sdk

from billing.gateways.sandbox.faults import Faults
from billing.gateways.sandbox.gateway import SandboxGateway
from billing.gateways.sandbox.ledger import DynamoLedger, MemoryLedger
from billing.gateways.spec import Host
from billing.gateways.stripe.gateway import StripeGateway
from billing.kernel.gateway_port import Gateway
from billing.kernel.gateways import AccountRef, RefundSucceeded
from billing.storage.dynamo import calls
from billing.storage.dynamo import tables as dynamo_tables
from tests.gateways.stripe.edge import Impatient

NOW = datetime(2026, 1, 31, 15, tzinfo=UTC)
HOME = "https://pay.example.com/checkout/acme.p"


@dataclass
class Bench:
    """A gateway, and what its other side can be made to do.

    `run` keeps the keys of one run apart from those of another where the books are not ours.
    `answer` is the buyer on the bank's page, `give` the buyer who gives a card on the gateway's
    (where that brings them back to), `arm` lets the next calls fail; None where nobody can.
    `token` is what a buyer with that test card brings, None where there is no such buyer.
    `tells_attempts_apart` is false where only the same key tells that an attempt was declined.
    `wait` lets the time pass after which a withdrawal is believed. `cards` is false for a wallet.
    `elsewhere` refunds a payment past us, as the merchant does at the gateway's dashboard (the
    refund's id), `send_back` is the customer's bank that cannot take a refund. `renew` is a bank
    that gives a saved card new digits and another date (YYYY-MM); where there are no cards, all
    that happens is that it is told. `forgets` is false where a card that was let go is still shown.
    """

    gateway: Gateway
    run: str = ""
    answer: Callable[[str, bool], None] | None = None
    give: Callable[[str, str], str] | None = None
    arm: Callable[[str, int], None] | None = None
    refuses_other_parameters: bool = False
    token: Callable[[str], str | None] = lambda card: card
    tells_attempts_apart: bool = True
    wait: Callable[[], None] = lambda: None
    cards: bool = True
    elsewhere: Callable[[str, int], str] | None = None
    send_back: Callable[[str, str], None] | None = None
    renew: Callable[[str, str, str], None] | None = None
    forgets: bool = True

    def key(self, name: str) -> str:
        return f"{name}{self.run}"


@contextmanager
def sandbox_in_memory() -> Iterator[Bench]:
    sandbox = SandboxGateway(MemoryLedger(), lambda: NOW, draw=lambda: "s" * 32)
    yield _sandbox(sandbox)


@contextmanager
def sandbox_on_dynamodb() -> Iterator[Bench]:
    from moto import mock_aws

    with mock_aws():
        dynamo_tables.named(dynamo_tables.Ephemeral, "sandbox", region="eu-west-1").create_table()
        yield _sandbox(
            SandboxGateway(
                DynamoLedger("sandbox", calls.connect(os.urandom)),
                lambda: NOW,
                draw=lambda: "s" * 32,
            )
        )


def _sandbox(sandbox: SandboxGateway) -> Bench:
    def answer(url: str, succeeded: bool) -> None:
        sandbox.authenticate(urlsplit(url).path.rpartition("/")[2], succeeded=succeeded)

    def elsewhere(reference: str, amount_minor: int) -> str:
        made = sandbox.refund_elsewhere(reference, amount_minor)
        assert isinstance(made, RefundSucceeded)
        return made.refund

    return Bench(
        sandbox,
        answer=answer,
        arm=sandbox.faults.arm,
        elsewhere=elsewhere,
        send_back=sandbox.send_back,
        renew=lambda method, last4, date: sandbox.renew_card(method, last4=last4, expires_on=date),
        forgets=False,
    )


@contextmanager
def stripe_on_loopback() -> Iterator[Bench]:
    from dev.stripe import refunds
    from dev.stripe.faults import Faults
    from dev.stripe.server import Loopback
    from dev.stripe.service import Account
    from tests.dev.stripe import browser

    faults = Faults()
    with Loopback(clock=lambda: NOW, faults=faults) as loopback:
        loopback.open_account(Account("acct_1", "sk_test_loopback"))

        def answer(url: str, succeeded: bool) -> None:
            browser.submit(url, result="complete" if succeeded else "fail")

        def give(url: str, card: str) -> str:
            return browser.submit(url, card=card, email="ann@example.com")[1]

        stripe = StripeGateway(
            AccountRef("acme", "stripe", "acct_1_test"),
            lambda fresh: {"secret_key": "sk_test_loopback"},
            api_base=loopback.url,
            http_client=Impatient(),
        )
        client = stripe_sdk.StripeClient(
            "sk_test_loopback", base_addresses={"api": loopback.url}, max_network_retries=0
        )

        def send_back(reference: str, refund: str) -> None:
            with loopback.service.execution:
                work = loopback.service.working("acct_1")
                refunds.settled(work, work.load("refund", refund))
                work.commit()

        def renew(method: str, last4: str, expires_on: str) -> None:
            year, month = map(int, expires_on.split("-"))
            card = method.partition(":")[2]
            loopback.renew_card(card, last4=last4, month=month, year=year)

        yield Bench(
            stripe,
            renew=renew,
            answer=answer,
            give=give,
            arm=faults.arm,
            refuses_other_parameters=True,
            elsewhere=partial(_at_stripes_dashboard, client),
            send_back=send_back,
        )


def _at_stripes_dashboard(
    client: stripe_sdk.StripeClient, reference: str, amount_minor: int
) -> str:
    """Refunds as Stripe's dashboard does: without metadata of ours."""
    return client.v1.refunds.create({"payment_intent": reference, "amount": amount_minor}).id


BUYERS = {
    "pm_card_visa": "pays",
    "pm_card_mastercard": "pays",
    "pm_card_chargeDeclined": "declined",
    "pm_card_chargeCustomerFail": "declined",
    "pm_card_chargeDeclinedExpiredCard": "expired",
    "pm_card_authenticationRequired": "must-approve",
    "pm_card_chargeDeclinedInsufficientFunds": None,  # PayPal tells nobody that
}


@contextmanager
def paypal_on_loopback() -> Iterator[Bench]:
    from tests import paypal as on_loopback

    now = NOW

    def clock() -> datetime:
        return now

    def wait() -> None:
        nonlocal now
        now += timedelta(minutes=45)

    with on_loopback.loopback(clock) as paypal:
        gateway = on_loopback.gateway(paypal, clock)

        @cache
        def token(card: str) -> str | None:
            if card not in BUYERS:
                return card
            if (buyer := BUYERS[card]) is None:
                return None
            page = gateway.collect(key=card, return_url=HOME, cancel_url=HOME)
            return paypal.buyer(page, buyer).rpartition("=")[2]

        def answer(url: str, succeeded: bool) -> None:
            if succeeded:  # who does not approve just stays away
                paypal.buyer(url)

        def arm(kind: str, count: int) -> None:
            # Each call is sent twice; reading is repeated by whoever reads.
            fault = "broken" if kind == "unavailable" else kind
            paypal.faults.clear()
            paypal.fail(fault, 2 * count, method="POST")

        yield Bench(
            gateway,
            answer=answer,
            arm=arm,
            token=token,
            tells_attempts_apart=False,
            wait=wait,
            cards=False,
            elsewhere=paypal.refund_elsewhere,
            send_back=paypal.send_back,
            renew=lambda method, last4, date: paypal.update_agreement(method),
        )


@contextmanager
def example() -> Iterator[Bench]:
    """The gateway that a test adds, opened as its spec opens it."""
    from tests.gateways.example.gateway import ExampleGateway
    from tests.gateways.example.spec import EXAMPLE, SPEC

    secrets = {"publishable_key": "xp_open_1", "webhook_secret": "xp_secret_1"}
    host = Host(lambda fresh: secrets, lambda: NOW, api_base=None, table="", call=dict, draw=str)
    gateway = SPEC.open(AccountRef("acme", EXAMPLE, "shop-1_test"), host)
    assert isinstance(gateway, ExampleGateway)

    def answer(url: str, succeeded: bool) -> None:
        gateway.answered(url.rpartition("/")[2], succeeded)

    faults = Faults()
    for name in ("confirm", "lookup", "refund", "find_refund"):
        setattr(gateway, name, partial(_faulty, faults, getattr(gateway, name)))
    yield Bench(gateway, answer=answer, arm=faults.arm)


def _faulty(faults: Faults, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """A call over a line that fails before or after it."""
    return faults.around(lambda: call(*args, **kwargs))


@contextmanager
def stripe_itself() -> Iterator[Bench]:
    stripe = StripeGateway(
        AccountRef("acme", "stripe", "acct_check_test"),
        lambda fresh: {"secret_key": os.environ["STRIPE_CHECK_KEY"]},
    )
    client = stripe_sdk.StripeClient(os.environ["STRIPE_CHECK_KEY"])
    yield Bench(
        stripe,
        run=f"-{token_hex(6)}",
        refuses_other_parameters=True,
        elsewhere=partial(_at_stripes_dashboard, client),
    )


BENCHES = (
    {"stripe": stripe_itself}
    if os.environ.get("STRIPE_CHECK_KEY")
    else {
        "sandbox": sandbox_in_memory,
        "sandbox on dynamodb": sandbox_on_dynamodb,
        "stripe on loopback": stripe_on_loopback,
        "paypal on loopback": paypal_on_loopback,
        "example": example,
    }
)
