"""Cards: added, made the default, removed; past-due payments are paid at once (B-9, B-10)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.cards.flows import cards
from billing.kernel.customers import PaymentMethod
from billing.kernel.errors import Refused
from billing.kernel.invoices import InvoiceState
from billing.kernel.orders import OrderKind
from billing.kernel.subscription import State, When
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from tests.portal.test_purchases import ONCE, links, modules
from tests.portal.visitors import Shop, Visitor, past_due
from tests.web.calls import Answer
from tests.world import MONTHLY


@pytest.fixture
def shop() -> Shop:
    return Shop()


def buy(shop: Shop, name: str = "Course", **fields: object) -> Visitor:
    shop.world.buy(shop.world.product(MONTHLY, name=name), **fields)
    shop.world.now += timedelta(minutes=1)
    return shop.signed_in()


def methods(shop: Shop) -> tuple[PaymentMethod, ...]:
    return shop.world.history().methods


def add(
    visitor: Visitor, card: str = "pm_card_mastercard", key: str = "attempt_1", **more: str
) -> Answer:
    return visitor.post("/cards/new", payment_method=card, attempt_key=key, **more)


def paid_with(shop: Shop) -> list[str]:
    by_id = {method.id: method.last4 for method in methods(shop)}
    return [by_id[s.payment_method] for s in shop.world.history().subscriptions]


@pytest.mark.spec("B-9", "B-10")
def test_a_new_card_is_the_default_and_pays_for_everything_from_now_on(shop: Shop) -> None:
    buy(shop, "One")
    visitor = buy(shop, "Two")
    shown = visitor.follow(add(visitor))
    assert "Your card has been saved" in shown.text
    first = shown.one("section").all("li")[0]
    assert "Mastercard •••• 4444 Default" in first.text and "Pays for One, Two" in first.text
    assert paid_with(shop) == ["4444", "4444"]
    customer = shop.world.history().customer
    assert customer is not None and customer.default_method == methods(shop)[-1].id
    assert "[TEST] A card was added to your Acme Courses account" in shop.mails()
    shop.world.advance(days=40)
    assert shop.world.history().invoices[-1].payment_method == methods(shop)[-1].id


@pytest.mark.spec("B-9", "B-10")
def test_a_card_takes_over_more_subscriptions_than_one_write_holds(shop: Shop) -> None:
    visitor = buy(shop)
    (bought,) = shop.world.history().subscriptions
    many = [replace(bought, id=f"sub_{n:016d}") for n in range(100, 220)]
    for each in many:
        shop.world.store.commit(Insert(each))
    visitor.follow(add(visitor))
    assert set(paid_with(shop)) == {"4444"}
    told = [m for m in shop.mails() if "card was added" in m]
    assert len(told) == 1
    first, second = methods(shop)
    with pytest.raises(Refused) as refused:
        cards.remove(shop.world.ports, "acme", first.customer, first.id, now=shop.world.now)
    assert refused.value.code == "too_many"
    assert methods(shop) == (first, second), "refused in words, and nothing changed"


@pytest.mark.spec("B-10")
def test_a_customer_may_choose_what_a_card_pays_for(shop: Shop) -> None:
    buy(shop, "One")
    visitor = buy(shop, "Two")
    one, _ = shop.world.history().subscriptions
    visitor.follow(add(visitor, chosen="true", **{f"covers_{one.id}": "true"}))
    assert paid_with(shop) == ["4444", "4242"]
    customer = shop.world.history().customer
    assert customer is not None and customer.default_method != methods(shop)[-1].id, "unticked"
    visitor.follow(visitor.post(f"/cards/{methods(shop)[0].id}/use"))
    assert paid_with(shop) == ["4242", "4242"], "all, unless one chooses"
    assert "[TEST] Your default card for Acme Courses was changed" in shop.mails()


@pytest.mark.spec("B-9")
def test_a_card_that_its_bank_refuses_is_not_kept_and_says_why(shop: Shop) -> None:
    visitor = buy(shop)
    answer = add(visitor, "pm_card_chargeDeclinedInsufficientFunds")
    assert answer.status == 402 and "insufficient funds" in answer.body
    assert add(visitor, "pm_card_made_up").status == 422
    assert len(methods(shop)) == 1 and paid_with(shop) == ["4242"]


@pytest.mark.spec("B-9")
def test_a_form_sent_twice_adds_one_card(shop: Shop) -> None:
    visitor = buy(shop)
    for _ in range(2):
        visitor.follow(add(visitor))
    assert [m.last4 for m in methods(shop)] == ["4242", "4444"]
    assert len([s for s in shop.mails() if "card was added" in s]) == 1


@pytest.mark.spec("B-9")
def test_a_card_that_is_there_already_is_no_second_one(shop: Shop) -> None:
    visitor = buy(shop)
    visitor.follow(add(visitor, "pm_card_visa"))
    visitor.follow(add(visitor, "pm_card_mastercard", key="attempt_2"))
    shop.world.now += timedelta(minutes=1)
    visitor.follow(add(visitor, "pm_card_visa", key="attempt_3"))
    assert [m.last4 for m in methods(shop)] == ["4242", "4444"]
    assert paid_with(shop) == ["4242"], "the one that was given last"
    customer = shop.world.history().customer
    assert customer is not None
    assert customer.default_method == methods(shop)[0].id


@pytest.mark.spec("B-9", "B-3")
def test_a_card_that_a_second_checkout_saves_takes_the_place_of_the_first(shop: Shop) -> None:
    """Kept once: the newer credential pays for both, whatever lies in between, and is the default
    as the older one was."""
    visitor = buy(shop, "One")
    first = methods(shop)[0]
    visitor.follow(add(visitor, chosen="true"))  # a Mastercard beside it, that pays for nothing
    buy(shop, "Two")
    shop.world.work()
    assert [m.last4 for m in methods(shop)] == ["4444", "4242"]
    newest = methods(shop)[-1]
    history = shop.world.history()
    assert newest.id != first.id
    assert {s.payment_method for s in history.subscriptions} == {newest.id}
    assert history.customer is not None and history.customer.default_method == newest.id
    gone = shop.world.store.payment_method("acme", first.customer, first.id)
    assert gone is not None and gone.removed_at is not None, "it stands for what it paid"
    assert not [m for m in shop.mails() if "card" in m and "added" not in m]
    shop.world.advance(days=31)
    assert [s.payments_made for s in shop.world.history().subscriptions] == [2, 2]


@pytest.mark.spec("B-9", "R-6")
def test_a_card_that_a_charge_under_way_names_is_not_replaced_by_a_checkout(shop: Shop) -> None:
    buy(shop, "One")
    shop.world.work()
    first = methods(shop)[0]
    invoice = shop.world.history().invoices[0]
    under_way = replace(invoice, state=InvoiceState.CONFIRMING)
    held = shop.world.subscription()
    holding = replace(held, open_invoice=invoice.id)
    shop.world.store.commit(Change(invoice, under_way), Change(held, holding))
    buy(shop, "Two")
    shop.world.work()
    assert methods(shop)[0].id == first.id
    assert len(methods(shop)) == 2
    holding = shop.world.store.subscription("acme", held.customer, held.id)
    shop.world.store.commit(
        Change(under_way, invoice), Change(holding, replace(holding, open_invoice=None))
    )
    buy(shop, "Three")
    shop.world.work()
    assert len(methods(shop)) == 1


@pytest.mark.spec("B-9")
def test_the_same_card_with_another_date_takes_the_place_of_the_old(
    shop: Shop,
) -> None:
    visitor = buy(shop)
    (old,) = methods(shop)
    shop.world.store.commit(Change(old, replace(old, expires_on="2026-03")))
    visitor.follow(add(visitor, "pm_card_visa", chosen="true"))
    (new,) = methods(shop)
    assert (new.expires_on, new.id != old.id) == ("2034-12", True)
    assert paid_with(shop) == ["4242"], "what the old one paid for"
    assert shop.mails().count("[TEST] A card was added to your Acme Courses account") == 1
    assert not [s for s in shop.mails() if "removed" in s]


@pytest.mark.spec("B-9", "B-10")
def test_the_same_card_given_again_retries_what_is_past_due(shop: Shop) -> None:
    past_due(shop)
    visitor = shop.signed_in()
    tried = len(shop.world.charges())
    visitor.follow(add(visitor, "pm_card_chargeCustomerFail"))
    shop.world.tick()
    assert len(shop.world.charges()) == tried + 1
    assert len(methods(shop)) == 1


@pytest.mark.spec("B-9")
def test_removing_the_default_makes_the_newest_other_one_the_default(shop: Shop) -> None:
    visitor = buy(shop)
    visitor.follow(add(visitor, key="attempt_1"))
    shop.world.now += timedelta(minutes=1)
    visitor.follow(add(visitor, "pm_card_chargeCustomerFail", key="attempt_2"))
    old, middle, newest = methods(shop)
    page = visitor.see(f"/cards/{newest.id}/remove")
    assert "Mastercard •••• 4444 from now on" in page.text
    visitor.follow(visitor.post(f"/cards/{newest.id}/remove"))
    assert methods(shop) == (old, middle)
    customer = shop.world.history().customer
    assert customer is not None and customer.default_method == middle.id
    assert paid_with(shop) == ["4444"]
    assert visitor.post(f"/cards/{newest.id}/remove").status == 303, "sent twice"
    assert visitor.browse("GET", f"/portal/acme/cards/{newest.id}/use").status == 404
    kept = shop.world.store.payment_method("acme", old.customer, newest.id)
    assert kept is not None and kept.removed_at, "for the invoices that it paid"
    assert "[TEST] A card was removed from your Acme Courses account" in shop.mails()


@pytest.mark.spec("B-9")
@pytest.mark.parametrize("state", ["trialing", "active", "past_due", "cancel_pending"])
def test_at_least_one_card_stays_while_anything_may_still_charge(shop: Shop, state: str) -> None:
    if state in {"trialing", "past_due"}:
        past_due(shop)
    else:
        buy(shop)
    if state == "cancel_pending":
        shop.world.cancel(When.PERIOD_END)
    (card,) = methods(shop)
    visitor = shop.signed_in()
    assert not [a for a in links(visitor.see("/cards")) if a.endswith("/remove")]
    assert "Keep at least one card" in visitor.see(f"/cards/{card.id}/remove", 409).text
    assert visitor.post(f"/cards/{card.id}/remove").status == 409
    assert methods(shop) == (card,)


@pytest.mark.spec("B-9")
def test_the_last_card_may_go_when_nothing_is_charged_any_more(shop: Shop) -> None:
    shop.world.buy(shop.world.product(ONCE))
    visitor, (card,) = shop.signed_in(), methods(shop)
    assert "This is your last card" in visitor.see(f"/cards/{card.id}/remove").text
    visitor.follow(visitor.post(f"/cards/{card.id}/remove"))
    assert methods(shop) == ()
    visitor.follow(add(visitor, chosen="true"))
    customer = shop.world.history().customer
    assert customer is not None and customer.default_method == methods(shop)[0].id


@pytest.mark.spec("B-9")
def test_of_two_cards_removed_at_once_one_stays(shop: Shop) -> None:
    visitor = buy(shop)
    visitor.follow(add(visitor))
    customer = methods(shop)[0].customer
    first, second = methods(shop)
    store = shop.world.store
    commit = store.commit
    meant = []

    def held_up(*writes: object) -> None:
        """The second removal is decided before the first is written."""
        if not meant:
            meant.append(writes)
            cards.remove(shop.world.ports, "acme", customer, second.id, now=shop.world.now)
        commit(*writes)  # type: ignore[arg-type]

    store.commit = held_up  # type: ignore[method-assign]
    with pytest.raises(Refused) as refused:
        cards.remove(shop.world.ports, "acme", customer, first.id, now=shop.world.now)
    assert refused.value.code == "last_card"
    assert methods(shop) == (first,)


@pytest.mark.spec("B-10", "R-4")
def test_a_new_card_pays_what_is_past_due_at_once(shop: Shop) -> None:
    past_due(shop)
    visitor = shop.signed_in()
    assert "charged to it right away" in visitor.see("/cards/new").text
    visitor.follow(add(visitor))
    assert "We're processing your payment" in visitor.see().text
    shop.world.tick()
    assert shop.world.subscription().state is State.ACTIVE
    assert [c["status"] for c in shop.world.charges()] == ["declined", "succeeded"]
    assert shop.world.subscription().pay_now is None


@pytest.mark.spec("B-10", "R-4")
def test_a_new_card_is_tried_after_a_hard_decline_too(shop: Shop) -> None:
    past_due(shop)
    world = shop.world
    invoice = world.history().invoices[-1]
    world.store.commit(Change(invoice, replace(invoice, retryable=False)))
    visitor = shop.signed_in()
    visitor.follow(add(visitor))
    world.tick()
    assert world.subscription().state is State.ACTIVE


def pay(shop: Shop, visitor: Visitor) -> int:
    return visitor.post(f"/subscriptions/{shop.world.subscription().id}/pay").status


@pytest.mark.spec("B-10", "R-4")
def test_paying_now_is_outside_the_count_and_the_cycle_goes_on_as_it_stood(shop: Shop) -> None:
    past_due(shop)
    visitor, before = shop.signed_in(), shop.world.subscription()
    for n in range(6):
        shop.world.now += timedelta(minutes=5)
        assert pay(shop, visitor) == 303
        assert pay(shop, visitor) == 303, "pressed twice"
        shop.world.tick()
        assert len(shop.world.charges()) == n + 2, "tried once for each time"
    after = shop.world.subscription()
    assert (after.state, after.retry_at, after.due_at) == (
        State.PAST_DUE,
        before.retry_at,
        before.due_at,
    )
    assert shop.world.history().invoices[-1].uncounted == 6
    shop.world.advance(days=30)
    assert shop.world.subscription().state is State.CANCELLED
    failed = len(shop.order_ids(kind=OrderKind.FAILED))
    assert failed == 4 + 6, "four by the schedule, six that were asked for"


@pytest.mark.spec("B-10")
def test_paying_now_when_nothing_is_due_or_a_charge_is_under_way_is_refused_in_words(
    shop: Shop,
) -> None:
    visitor = buy(shop)
    assert pay(shop, visitor) == 409
    shop = Shop()
    past_due(shop)
    world, visitor = shop.world, shop.signed_in()
    invoice = world.history().invoices[-1]
    under_way = invoice.confirming(world.now, invoice.payment_method, "X")
    assert under_way.state is InvoiceState.CONFIRMING
    world.store.commit(Change(invoice, under_way))
    assert pay(shop, visitor) == 409
    (module,) = modules(visitor)
    assert "A payment is being processed" in module.text and "Pay $29.99 now" not in module.text


@pytest.mark.spec("B-3")
def test_a_purchase_elsewhere_changes_neither_default_nor_address(shop: Shop) -> None:
    buy(shop, "One")
    before = shop.world.history().customer
    buy(shop, "Two", payment_method="pm_card_mastercard")
    assert shop.world.history().customer == before
    assert paid_with(shop) == ["4242", "4444"]


@pytest.mark.spec("B-9", "R-3")
def test_a_card_that_is_removed_while_a_charge_begins_is_not_charged(shop: Shop) -> None:
    visitor, world = buy(shop), shop.world
    visitor.follow(add(visitor))
    old, new = methods(shop)
    world.now = world.subscription().due_at or world.now
    visitor = shop.signed_in()
    prepare = world.sandbox.prepare

    def meanwhile(*args: object, **kwargs: object) -> str:
        """Between the worker's read and its point of no return."""
        visitor.follow(visitor.post(f"/cards/{new.id}/remove"))
        return prepare(*args, **kwargs)  # type: ignore[arg-type]

    world.sandbox.prepare = meanwhile  # type: ignore[method-assign]
    world.sweep()
    world.work()
    world.sandbox.prepare = prepare  # type: ignore[method-assign]
    assert methods(shop) == (old,)
    assert len(world.charges()) == 1, "the removed card was not charged"
    world.advance(minutes=20)
    assert world.history().invoices[-1].payment_method == old.id
    assert [c["status"] for c in world.charges()] == ["succeeded", "succeeded"]
