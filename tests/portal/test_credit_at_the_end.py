"""The credit that pages and mails say goes back is what goes back, with its taxes (A-4, C-10)."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from billing.kernel.customers import Address
from billing.kernel.errors import NotFound, Unavailable
from billing.kernel.gateway_port import Gateway
from billing.kernel.gateways import AccountRef
from billing.kernel.merchants import CreditAtEnd, SelfService
from billing.kernel.money import Currency, Money
from billing.kernel.orders import OrderKind
from billing.kernel.periods import Period
from billing.kernel.subscription import When
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.outbox.flows import send_again
from billing.refunds.flows import credit, refund
from billing.render.formats import money
from functions.portal import app
from tests.helpdesk.desk import House
from tests.plans.changing import change
from tests.plans.test_value_once import CHEAP, DEAR
from tests.portal.visitors import Shop
from tests.scenarios.disputes import WON, decide, disputed
from tests.tax.taxing import BERLIN, LOS_ANGELES, collecting, newest, returned
from tests.tax.test_business_buyers import moved
from tests.world import MONTHLY, World

AUSTIN = Address("1 Main Street", "Austin", "US", postal_code="73301", state="TX")
NOTHING = "no credit is named"


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    collecting(shop.world)
    shop.set(credit_at_end=CreditAtEnd.REFUND)
    return shop


def downgraded(shop: Shop) -> None:
    """A plan of $90 at 8.5% of tax, changed at once to one of $30: 6000 of credit before tax."""
    product = shop.world.product(DEAR, CHEAP)
    shop.world.buy(product, address=LOS_ANGELES)
    change(shop.world, product.price_points[1])
    assert shop.world.subscription().credit_minor == 6000
    shop.world.now += timedelta(seconds=1)


def of_two_payments(shop: Shop) -> None:
    """Credit of $60.01 that was paid with the taxes of Los Angeles, and with those of Germany."""
    product = shop.world.product(CHEAP, DEAR, replace(MONTHLY))
    shop.world.buy(product, address=LOS_ANGELES)
    moved(shop.world, BERLIN)
    change(shop.world, product.price_points[1])
    change(shop.world, product.price_points[2])
    assert shop.world.subscription().credit_minor == 9000 - 2999


def named(text: str) -> str:
    """Returns the sentence about credit in a page or a mail."""
    found = re.search(r"Your remaining credit of (.*?)\.(?!\d)", " ".join(text.split()))
    return found[1] if found else NOTHING


def on_page(shop: Shop) -> str:
    page = f"/subscriptions/{shop.world.subscription().id}/cancel"
    return named(shop.signed_in().see(page).text)


def in_mail(shop: Shop, subject: str = "has ended") -> str:
    shop.world.tick()
    (mail,) = [m for m in shop.world.mailer.sent if subject in str(m["Subject"])]
    body = mail.get_body(("plain",))
    assert body is not None
    return named(str(body.get_content()))


def ended(shop: Shop, when: When = When.NOW) -> None:
    shop.world.now += timedelta(seconds=1)
    shop.world.cancel(when)
    shop.world.tick()


def gone_back(world: World) -> list[int]:
    return [o.amount.amount_minor for o in world.orders() if o.kind is OrderKind.REFUND]


def refunded(amount_minor: int) -> str:
    amount = money(Money(amount_minor, Currency.USD), "en")
    return f"{amount} will be refunded to the payment method you used"


@pytest.mark.spec("A-4", "C-10", "X-7")
def test_a_delayed_end_names_the_credit_with_its_tax_when_asked_for_and_when_it_comes(
    shop: Shop,
) -> None:
    downgraded(shop)
    assert on_page(shop) == refunded(6510)
    ended(shop, When.PERIOD_END)
    assert (in_mail(shop, "will end on"), gone_back(shop.world)) == (refunded(6510), [])
    shop.world.advance(days=32)
    assert (in_mail(shop), gone_back(shop.world)) == (refunded(6510), [6510])


@pytest.mark.spec("A-4", "X-7")
def test_credit_that_was_not_taxed_is_named_as_it_is() -> None:
    untaxed = Shop()
    untaxed.set(credit_at_end=CreditAtEnd.REFUND)
    downgraded(untaxed)
    assert on_page(untaxed) == refunded(6000)
    ended(untaxed)
    assert (in_mail(untaxed), gone_back(untaxed.world)) == (refunded(6000), [6000])


@pytest.mark.spec("A-4", "C-10", "X-7")
def test_credit_that_is_kept_is_named_before_tax(shop: Shop) -> None:
    shop.set(credit_at_end=CreditAtEnd.KEEP)
    downgraded(shop)
    kept = "$60.00 stays with Acme Courses and will be taken off your next subscription"
    assert on_page(shop) == kept
    ended(shop)
    assert (in_mail(shop), gone_back(shop.world)) == (kept, [])


@pytest.mark.spec("A-4", "C-10", "X-7")
def test_credit_of_payments_with_different_taxes_is_named_as_the_sum_that_goes_back(
    shop: Shop,
) -> None:
    of_two_payments(shop)
    shown = on_page(shop)
    ended(shop)
    back = gone_back(shop.world)
    taxes = [i.total.amount_minor - i.net.amount_minor for i in shop.world.history().invoices]
    assert (len(back), len(set(taxes)), min(taxes) > 0) == (2, 2, True)
    assert shop.world.subscription().credit_minor == 0
    assert sum(back) > 9000 - 2999
    assert (shown, in_mail(shop)) == (refunded(sum(back)), refunded(sum(back)))


@pytest.mark.spec("A-4", "B-7", "X-7")
def test_credit_of_a_payment_that_was_partly_given_back_is_what_is_left_of_it(shop: Shop) -> None:
    downgraded(shop)
    returned(shop.world, newest(shop.world), 2000)
    left = shop.world.subscription().credit_minor
    assert 0 < left < 6000
    shown = on_page(shop)
    ended(shop)
    by_hand, back = gone_back(shop.world)
    assert (by_hand, back) == (2000, 4511)
    assert (shown, in_mail(shop)) == (refunded(back), refunded(back))


@pytest.mark.spec("A-4", "X-7")
@pytest.mark.parametrize("paid", [True, False])
def test_credit_that_no_payment_can_take_is_not_promised(shop: Shop, paid: bool) -> None:
    """Credit came from elsewhere, as with an import: only what was paid here goes back."""
    shop.world.buy(shop.world.product(CHEAP), address=LOS_ANGELES)
    before = shop.world.subscription()
    shop.world.store.commit(Change(before, before.with_credit(10000)))
    if not paid:
        returned(shop.world, newest(shop.world))
    shown = on_page(shop)
    ended(shop)
    back = gone_back(shop.world)[0 if paid else 1 :]
    assert back == ([3256] if paid else [])
    words = refunded(3256) if paid else NOTHING
    assert (shown, in_mail(shop)) == (words, words)


@pytest.mark.spec("A-4", "W-4", "X-7")
def test_credit_is_not_promised_while_a_bank_decides_about_it(shop: Shop) -> None:
    downgraded(shop)
    dispute = disputed(shop.world, 1000)
    assert on_page(shop) == NOTHING
    ended(shop)
    assert (in_mail(shop), gone_back(shop.world)) == (NOTHING, [])
    assert shop.world.subscription().credit_minor == 6000
    decide(shop.world, dispute, WON)


@pytest.mark.spec("A-4", "W-6", "X-7")
def test_credit_is_not_promised_once_the_account_of_its_payment_is_gone(shop: Shop) -> None:
    downgraded(shop)

    def gone(account: AccountRef) -> Gateway:
        raise NotFound("gateway_account_unknown")

    shop.world.ports = replace(shop.world.ports, gateway=gone)
    shop.resolver = app.build(shop.world.ports)
    assert on_page(shop) == NOTHING
    ended(shop)
    assert (in_mail(shop), gone_back(shop.world)) == (NOTHING, [])


@pytest.mark.spec("A-4", "X-7")
def test_a_refund_that_the_gateway_refuses_is_not_promised_by_the_mail(shop: Shop) -> None:
    downgraded(shop)
    reference = str(newest(shop.world).gateway_ref)
    shop.world.sandbox.refund_elsewhere(reference, newest(shop.world).total.amount_minor)
    ended(shop)
    assert (in_mail(shop), gone_back(shop.world)) == (NOTHING, [])
    assert shop.world.subscription().credit_minor == 6000


@pytest.mark.spec("A-4", "R-6", "X-7")
def test_a_refund_whose_answer_was_lost_is_named_as_one_under_way(shop: Shop) -> None:
    downgraded(shop)
    shop.world.now += timedelta(seconds=1)
    shop.world.cancel(When.NOW)
    shop.world.sandbox.faults.arm("timeout_after", 1)
    assert in_mail(shop) == refunded(6510)
    shop.world.advance(hours=2)
    assert gone_back(shop.world) == [6510]


@pytest.mark.spec("A-4", "R-8", "X-7")
@pytest.mark.parametrize("made", [0, 1])
def test_a_mail_that_comes_before_a_refund_names_what_will_go_back(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, made: int
) -> None:
    """Each consumer of an event is told of it, though the one before could not do its part."""
    of_two_payments(shop)
    request, asked = refund.request, count()

    def failing(*given: Any, **named: Any) -> object:
        if next(asked) == made:
            raise Unavailable("down")
        return request(*given, **named)

    monkeypatch.setattr("billing.refunds.flows.credit.refund.request", failing)
    ended(shop)
    assert (len(gone_back(shop.world)), shop.world.subscription().credit_minor > 0) == (made, True)
    said = in_mail(shop)
    monkeypatch.undo()
    shop.world.advance(hours=2)
    assert shop.world.subscription().credit_minor == 0
    assert len(gone_back(shop.world)) == 2
    assert said == refunded(sum(gone_back(shop.world)))


@pytest.mark.spec("A-4", "H-2", "X-7")
def test_the_agent_who_decides_about_a_cancellation_reads_what_goes_back(shop: Shop) -> None:
    house = House(shop)
    shop.set(self_cancel=SelfService.MANUAL)
    downgraded(shop)
    moved(shop.world, AUSTIN)  # in California nobody waits for an agent
    subscription = shop.world.subscription().id
    shop.signed_in().post(f"/subscriptions/{subscription}/cancel")
    (ticket,) = house.tickets()
    agent = house.agent()
    assert named(agent.see(f"/console/tickets/{ticket.id}").text) == refunded(6510)
    disputed(shop.world, 1000)
    ended(shop)
    merchant, left = shop.world.merchant, shop.world.subscription()
    assert (left.credit_minor, gone_back(shop.world)) == (6000, [])
    assert credit.at_end(shop.world.ports, merchant, left) is None, "nothing goes back any more"


@pytest.mark.spec("A-4", "R-8", "X-7")
@pytest.mark.parametrize("goes_back", [True, False])
def test_a_mail_that_is_sent_again_names_what_went_back_and_no_more(
    shop: Shop, goes_back: bool
) -> None:
    downgraded(shop)
    dispute = None if goes_back else disputed(shop.world, 1000)
    ended(shop)
    if dispute is not None:
        decide(shop.world, dispute, WON)
    assert in_mail(shop) == (refunded(6510) if goes_back else NOTHING)
    shop.world.mailer.sent.clear()
    shop.world.advance(hours=1)
    (order,) = shop.order_ids(kind=OrderKind.CANCELLATION)
    found = send_again.find(shop.world.ports, shop.world.merchant, order)
    send_again.send(shop.world.ports, shop.world.merchant, found, now=shop.world.now)
    assert in_mail(shop) == (refunded(6510) if goes_back else NOTHING)
    assert gone_back(shop.world) == ([6510] if goes_back else [])


@pytest.mark.spec("A-4", "X-7")
def test_the_page_reads_the_newest_payments_and_none_where_credit_is_kept(shop: Shop) -> None:
    weekly = replace(CHEAP, period=Period.WEEKLY)
    product = shop.world.product(replace(DEAR, period=Period.WEEKLY), weekly)
    shop.world.buy(product, address=LOS_ANGELES)
    shop.world.advance(days=7 * 25)
    shop.world.now += timedelta(seconds=1)
    change(shop.world, product.price_points[1])
    assert shop.world.subscription().seq > 25 and shop.world.subscription().credit_minor > 5000
    shop.world.now += timedelta(seconds=1)
    read = shop.world.store.invoices
    keys: list[int] = []

    def counted(wanted: Any) -> Any:
        keys.append(len(wanted))
        return read(wanted)

    shop.world.store.invoices = counted  # type: ignore[method-assign]
    assert "$" in on_page(shop)
    refunding, keys[:] = list(keys), []
    shop.set(credit_at_end=CreditAtEnd.KEEP)
    assert "stays with Acme" in on_page(shop)
    assert Counter(refunding) - Counter(keys) == Counter({10: 1})
