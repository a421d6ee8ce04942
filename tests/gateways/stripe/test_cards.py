"""Cards at Stripe's HTTP edge: saved, set up, given on its page, let go (B-9, C-1)."""

from __future__ import annotations

import pytest

from billing.kernel.errors import Invalid, Unavailable
from billing.kernel.gateways import Declined, Element, SavedMethod, TheirPage
from tests.gateways.stripe.edge import Edge, Vault, card_error, failure, opened

METHOD = (
    200,
    {
        "id": "pm_1",
        "object": "payment_method",
        "customer": "cus_1",
        "card": {
            "brand": "visa",
            "display_brand": "visa",
            "last4": "4242",
            "exp_month": 3,
            "exp_year": 2034,
            "fingerprint": "fp",
            "country": "DE",
        },
    },
)


CUSTOMER = (200, {"id": "cus_1", "object": "customer"})


ATTACHED = failure(400, "invalid_request_error")
"""Stripe's answer where a card is attached to somebody already."""


def kept_for(owner: str | None) -> dict[str, object]:
    """A customer of Stripe's that was made for one of ours."""
    metadata = {} if owner is None else {"customer": owner}
    return {"id": "cus_9", "object": "customer", "metadata": metadata}


SAVED = SavedMethod("cus_1:pm_1", "visa", "4242", "2034-03", "fp", country="DE")


def save(edge: Edge, card: str = "pm_card_visa", **more: object) -> object:
    given = {"owner": "cus_ann", "key": "k", "verify": False, **more}
    return opened(edge).save_method(card, **given)  # type: ignore[arg-type]


@pytest.mark.spec("B-9", "C-1")
def test_a_card_is_saved_with_a_customer_there() -> None:
    edge = Edge(CUSTOMER, METHOD)
    assert save(edge) == SAVED
    customer, attached = edge.sent
    assert customer.params == {"metadata[customer]": "cus_ann", "metadata[merchant]": "acme"}
    assert (attached.call, attached.params) == (
        "post /v1/payment_methods/pm_card_visa/attach",
        {"customer": "cus_1"},
    )
    beside = Edge(METHOD)
    assert save(beside, beside="cus_1:pm_0") == SAVED
    assert beside.calls == ["post /v1/payment_methods/pm_card_visa/attach"]


@pytest.mark.spec("B-9", "P-11")
def test_a_verified_card_is_set_up_and_one_that_needs_its_buyer_is_not_kept() -> None:
    setup = Edge(CUSTOMER, METHOD, (200, {"id": "seti_1", "status": "succeeded"}))
    assert save(setup, verify=True) == SAVED
    assert setup.sent[-1].params["usage"] == "off_session"
    needs = Edge(CUSTOMER, METHOD, (200, {"id": "seti_1", "status": "requires_action"}))
    assert save(needs, verify=True) == Declined("authentication_required")
    assert save(Edge(CUSTOMER, card_error("insufficient_funds"))) == Declined("insufficient_funds")


@pytest.mark.spec("C-1")
def test_a_card_from_stripes_page_was_set_up_there() -> None:
    setup = {
        "id": "seti_1",
        "object": "setup_intent",
        "status": "succeeded",
        "payment_method": "pm_1",
    }
    session = {"id": "cs_test_1", "object": "checkout.session", "setup_intent": setup}
    edge = Edge((200, session), CUSTOMER, METHOD)
    assert save(edge, "cs_test_1", verify=True) == SAVED
    assert edge.calls[-1] == "post /v1/payment_methods/pm_1/attach"
    for unfinished in ({**setup, "status": "requires_payment_method"}, None):
        with pytest.raises(Invalid):
            save(Edge((200, {**session, "setup_intent": unfinished})), "cs_test_1")


def test_a_token_that_names_no_card_of_ones_own_is_refused() -> None:
    for answer in (
        failure(400, "invalid_request_error", "resource_missing"),
        failure(404, "invalid_request_error", "resource_missing"),
    ):
        with pytest.raises(Invalid):
            save(Edge(CUSTOMER, answer))
    for somebody in (None, kept_for("cus_bob"), kept_for(None)):
        with pytest.raises(Invalid):
            save(Edge(CUSTOMER, ATTACHED, (200, {**METHOD[1], "customer": somebody})))
    with pytest.raises(Invalid, match="only_cards"):
        save(Edge(CUSTOMER, (200, {"id": "pm_1", "customer": "cus_1", "card": None})))


@pytest.mark.spec("B-9", "C-2")
def test_a_card_that_is_with_a_customer_of_the_same_owner_stays_there() -> None:
    edge = Edge(CUSTOMER, ATTACHED, (200, {**METHOD[1], "customer": kept_for("cus_ann")}))
    assert save(edge, "pm_1") == SavedMethod(
        "cus_9:pm_1", "visa", "4242", "2034-03", "fp", country="DE"
    )


@pytest.mark.spec("C-1")
def test_a_buyer_gives_a_card_on_stripes_page_unless_the_merchant_embeds_it() -> None:
    session = {"id": "cs_1", "object": "checkout.session", "url": "https://checkout.stripe.com/c"}
    edge = Edge((200, session))
    there = opened(edge).collect(
        key="attempt", return_url="https://pay.example.com/r?a=1", cancel_url="https://p.example/c"
    )
    assert there == session["url"]
    (sent,) = edge.sent
    assert sent.params["mode"] == "setup"
    assert sent.params["success_url"] == (
        "https://pay.example.com/r?a=1&payment_method={CHECKOUT_SESSION_ID}"
    )
    with pytest.raises(Unavailable):
        opened(Edge((200, {**session, "url": None}))).collect(key="k", return_url="", cancel_url="")
    keys = {"secret_key": "sk_test_1", "publishable_key": "pk_test_1"}
    assert opened(Edge(), Vault(keys)).collection() == TheirPage()
    embeds = Vault({**keys, "embedded": True})
    assert opened(Edge(), embeds).collection() == Element("pk_test_1")


@pytest.mark.spec("B-9")
def test_a_card_is_let_go_once() -> None:
    for answer in (
        METHOD,
        failure(400, "invalid_request_error"),
        failure(404, "invalid_request_error"),
    ):
        edge = Edge(answer)
        opened(edge).forget("cus_1:pm_1")
        assert edge.calls == ["post /v1/payment_methods/pm_1/detach"]
