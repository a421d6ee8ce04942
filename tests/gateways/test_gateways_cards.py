"""The promises of every gateway about saved cards: kept once, renewed, let go (W-1 .. W-3, W-7)."""

from __future__ import annotations

import pytest

from billing.kernel.errors import Invalid, Refused
from billing.kernel.gateways import About, Canceled, Declined, SavedMethod, Succeeded, TestCards
from billing.kernel.values import replace
from tests.gateways.benches import NOW, Bench
from tests.gateways.calls import RETURN, confirm, prepare, save, tried


@pytest.mark.spec("B-10")
def test_a_card_that_was_not_kept_beside_pays_or_withdraws_and_never_charges_twice(
    bench: Bench,
) -> None:
    one, other = save(bench), save(bench, "pm_card_mastercard")
    outcome = confirm(bench, prepare(bench, one), other, "a:1")
    assert isinstance(outcome, Succeeded | Canceled)


@pytest.mark.spec("B-9")
def test_a_card_is_kept_once_per_key_and_let_go_once(bench: Bench) -> None:
    kept = tried(bench, "pm_card_visa")
    assert kept == tried(bench, "pm_card_visa")
    assert isinstance(kept, SavedMethod)
    assert kept.fingerprint
    if bench.cards:
        assert (kept.brand, kept.last4) == ("visa", "4242")
        assert kept.expires_on is not None
        assert len(kept.expires_on) == len("2034-12")
    else:
        assert (kept.brand, kept.last4, kept.expires_on) == (bench.gateway.name, "", None)
    for _ in range(2):
        bench.gateway.forget(kept.token)


@pytest.mark.spec("W-7", "B-9")
def test_a_saved_method_is_shown_as_it_was_saved_until_it_is_let_go(bench: Bench) -> None:
    kept = tried(bench, "pm_card_visa")
    assert isinstance(kept, SavedMethod)
    found = bench.gateway.find_method(kept.token)
    assert found is not None
    assert found.owner in {None, "cus_1"}, "whom it was saved for, where that is told"
    assert replace(found, owner=None) == kept
    for strange in ("pm_unknown", "x", "cus_1:pm_unknown", "", "pm_card_visa"):
        assert bench.gateway.find_method(strange) is None
    if bench.forgets:
        bench.gateway.forget(kept.token)
        assert bench.gateway.find_method(kept.token) is None


@pytest.mark.spec("W-7")
def test_a_card_that_its_bank_renewed_is_reported_read_afresh_and_charged_as_before(
    bench: Bench,
) -> None:
    if bench.renew is None:
        pytest.skip("no bank renews cards from here")
    method, bystander = save(bench), save(bench, "pm_card_mastercard")
    before, beside = bench.gateway.find_method(method), bench.gateway.find_method(bystander)
    assert before is not None
    told: list[str] = []
    for last4, date in (("1881", "2031-03"), ("1881", "2036-05"), ("0005", "2036-05")):
        bench.renew(method, last4, date)
        told.append(method)
        events = [e for e in bench.gateway.events_since(NOW) if e.about is About.METHOD]
        assert [event.reference for event in events] == told
        assert len({event.id for event in events}) == len(told)
        found = bench.gateway.find_method(method)
        assert found is not None
        if not bench.cards:
            assert found == before, "a wallet shows nothing that a bank could change"
            continue
        assert (found.last4, found.expires_on, found.brand) == (last4, date, before.brand)
        assert (found.token, found.owner) == (before.token, before.owner)
        assert (found.fingerprint == before.fingerprint) == (found.last4 == before.last4)
        before = found
    assert bench.gateway.find_method(bystander) == beside
    assert isinstance(confirm(bench, prepare(bench, method), method, "a:1"), Succeeded)


@pytest.mark.spec("C-1")
@pytest.mark.parametrize("token", ["pm_unknown", "x", "cs_test_unknown"])
def test_what_names_no_card_is_a_slip_and_kept_by_nobody(bench: Bench, token: str) -> None:
    with pytest.raises(Invalid):
        tried(bench, token)


@pytest.mark.spec("C-1", "B-9")
def test_a_card_is_given_on_the_gateways_own_page_where_it_has_one(bench: Bench) -> None:
    def page() -> str:
        return bench.gateway.collect(
            key=bench.key("attempt"), return_url=f"{RETURN}?attempt=1", cancel_url=RETURN
        )

    if isinstance(bench.gateway.collection(), TestCards):
        with pytest.raises(Refused):
            page()
        return
    url = page()
    assert page() == url
    if bench.give is None:
        pytest.skip("nobody can fill in the page from here")
    back = bench.give(url, "pm_card_mastercard")
    assert back.startswith(f"{RETURN}?attempt=1&payment_method=")
    token = back.partition("payment_method=")[2]
    key = bench.key("save")
    kept = bench.gateway.save_method(token, owner="cus_1", key=key, verify=True)
    assert isinstance(kept, SavedMethod)
    assert kept.last4 == "4444"
    assert kept == bench.gateway.save_method(token, owner="cus_1", key=key, verify=True)
    assert isinstance(confirm(bench, prepare(bench, kept.token), kept.token, "a:1"), Succeeded)
    with pytest.raises(Invalid):
        bench.gateway.save_method(token, owner="cus_2", key=bench.key("again"), verify=False)


@pytest.mark.spec("C-4")
def test_a_bank_that_declines_declines_to_save_too_when_it_is_asked(bench: Bench) -> None:
    if not bench.cards:
        pytest.skip("a wallet is approved by its owner, not asked of a bank")
    key = bench.key("verified")
    refused = bench.gateway.save_method("pm_card_chargeDeclined", owner="c", key=key, verify=True)
    assert refused == Declined("card_declined")
