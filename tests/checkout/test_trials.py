"""One trial per person, where a price point asks for it (C-9)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.checkout import trials
from billing.checkout.checkouts import CheckoutState
from billing.kernel.catalog import Initial, Product
from billing.kernel.errors import Invalid, Refused
from billing.kernel.periods import Span, Unit
from billing.kernel.subscription import State
from billing.kernel.values import replace
from tests.world import MONTHLY, World

PAID = replace(MONTHLY, initial=Initial(100, Span(14, Unit.DAY)), trial_guard=True)
FREE = replace(PAID, initial=Initial(0, Span(14, Unit.DAY)))


@pytest.fixture
def world() -> World:
    return World()


def refused(world: World, product: Product, **fields: str) -> str:
    """The code of a refusal that charges nothing and creates nothing."""
    before, form = world.charges(), world.submission(**fields)
    with pytest.raises(Refused) as first:
        world.submit(product.default_price_point, form)
    with pytest.raises(Refused) as again:
        world.submit(product.default_price_point, form)
    assert first.value.code == again.value.code
    assert [c for c in world.charges() if c["status"] == "succeeded"] == [
        c for c in before if c["status"] == "succeeded"
    ]
    return first.value.code


@pytest.mark.spec("C-9", "A-2")
@pytest.mark.parametrize("terms", [PAID, FREE], ids=["paid", "free"])
@pytest.mark.parametrize(
    "again",
    [
        {"email": "ANN.example+again@gmail.com", "payment_method": "pm_card_mastercard"},
        {"email": "annexample@googlemail.com", "payment_method": "pm_card_mastercard"},
        {"email": "somebody@example.com", "payment_method": "pm_card_visa"},
    ],
    ids=["tag and dots", "the other name of the host", "the same card"],
)
def test_a_person_has_one_trial_under_any_spelling(
    world: World, terms: object, again: dict[str, str]
) -> None:
    product = world.product(terms)  # type: ignore[arg-type]
    first = world.buy(product, email="ann.example@gmail.com", payment_method="pm_card_visa")
    assert first.state is CheckoutState.PAID
    assert refused(world, product, **again) == "trial_used"
    assert world.store.customer_by_email("acme", again["email"]) is None
    world.advance(days=2)
    other = world.product(terms)  # type: ignore[arg-type]
    assert refused(world, other, **again) == "trial_used", "another product's trial too"
    somebody = {"email": "bob@example.com", "payment_method": "pm_card_mastercard"}
    assert world.buy(product, **somebody).state is CheckoutState.PAID


@pytest.mark.spec("C-9")
def test_it_is_off_by_default_and_a_price_without_a_trial_is_open(world: World) -> None:
    world.buy(world.product(PAID))
    unguarded = world.product(replace(PAID, trial_guard=False))
    assert world.buy(unguarded).state is CheckoutState.PAID
    assert world.buy(world.product(MONTHLY)).state is CheckoutState.PAID
    with pytest.raises(Invalid, match="no_trial_to_guard"):
        replace(MONTHLY, trial_guard=True)


@pytest.mark.spec("C-9", "C-4")
def test_a_trial_that_was_declined_or_given_up_is_not_used(world: World) -> None:
    product = world.product(PAID)
    declined = world.buy(product, payment_method="pm_card_chargeDeclined")
    assert declined.state is CheckoutState.DECLINED
    waiting = world.buy(product, payment_method="pm_card_authenticationRequired")
    assert waiting.state is CheckoutState.OPEN
    assert refused(world, product) == "trial_used", "somebody is paying for it just now"
    world.advance(hours=2)
    assert world.buy(product).state is CheckoutState.PAID


@pytest.mark.spec("C-9", "C-2")
def test_two_checkouts_of_one_person_that_meet_charge_one(world: World) -> None:
    """The second is between its two looks when the first takes the trial."""
    product = world.product(PAID)
    store, form = world.store, world.submission(payment_method="pm_card_mastercard")
    look = store.trial_use

    def bought_meanwhile(merchant: str, subject: str) -> object:
        found = look(merchant, subject)
        if not world.charges():
            store.trial_use = look  # type: ignore[method-assign]
            world.buy(product)
        return found

    store.trial_use = bought_meanwhile  # type: ignore[assignment, method-assign]
    with pytest.raises(Refused) as refusal:
        world.submit(product.default_price_point, form)
    assert refusal.value.code == "trial_used"
    world.advance(days=1)
    assert [c["status"] for c in world.charges()] == ["succeeded"]
    assert world.subscription().state is State.TRIALING


@pytest.mark.spec("C-9")
@given(st.text("ab.", min_size=1, max_size=8), st.text("xy", max_size=3))
def test_a_mailbox_has_one_spelling(name: str, tag: str) -> None:
    plain = f"q{name.replace('.', '')}"
    written = f"Q{name}+{tag}@GoogleMail.com "
    assert trials.mailbox(written) == f"{plain}@gmail.com"
    assert trials.mailbox(f"q{name}+{tag}@example.com") == f"q{name}@example.com"
    assert trials.mailbox("+tag@example.com") == "+tag@example.com"
