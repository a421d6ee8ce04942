"""Access is the union of its sources, computed from their state and now (C-3, X-4, X-9)."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.customers import Access, Entitlement, access, email_hash, normalised_email
from billing.kernel.subscription import State, Subscription
from billing.kernel.values import replace
from tests.kernel.test_subscription import DAY, NOW, subscription


def entitlement(
    source: str, grant: str = "gold", revoked_at: datetime | None = None
) -> Entitlement:
    return Entitlement("mer_1", "cus_1", grant, source, NOW, revoked_at)


def sub(name: str, state: State = State.ACTIVE, ends_at: datetime | None = None) -> Subscription:
    return replace(subscription(state=state), id=name, ends_at=ends_at)


@pytest.mark.spec("C-3")
def test_a_one_time_purchase_opens_its_grant_for_good() -> None:
    assert access([entitlement("pur_1")], [], NOW) == [Access("gold", True, None, ("pur_1",))]


@pytest.mark.spec("X-9")
def test_when_one_source_is_revoked_the_same_access_bought_elsewhere_stays() -> None:
    both = [entitlement("sub_1"), entitlement("sub_2")]
    subs = [sub("sub_1", State.CANCELLED, NOW), sub("sub_2")]
    assert access(both, subs, NOW) == [Access("gold", True, None, ("sub_2",))]
    both = [entitlement("pur_1", revoked_at=NOW), entitlement("pur_2")]
    assert access(both, [], NOW) == [Access("gold", True, None, ("pur_2",))]


@pytest.mark.spec("X-9")
def test_a_cancellation_closes_what_was_tied_to_it_and_only_that() -> None:
    held = [entitlement("sub_1", "gold"), entitlement("sub_2", "silver")]
    subs = [sub("sub_1", State.CANCELLED, NOW), sub("sub_2")]
    assert access(held, subs, NOW) == [
        Access("gold", False, None, ()),
        Access("silver", True, None, ("sub_2",)),
    ]


@pytest.mark.spec("C-3", "X-4")
def test_access_ends_at_its_instant_before_any_sweep_has_come() -> None:
    held, pending = [entitlement("sub_1")], sub("sub_1", State.CANCEL_PENDING, NOW)
    (before,) = access(held, [pending], NOW - timedelta(seconds=1))
    assert before == Access("gold", True, NOW, ("sub_1",))
    (after,) = access(held, [pending], NOW)
    assert after == Access("gold", False, None, ())


@pytest.mark.spec("C-3")
def test_access_lasts_until_the_last_of_its_sources_ends() -> None:
    held = [entitlement("sub_1"), entitlement("sub_2")]
    subs = [
        sub("sub_1", State.CANCEL_PENDING, NOW + DAY),
        sub("sub_2", State.CANCEL_PENDING, NOW + 9 * DAY),
    ]
    assert access(held, subs, NOW) == [Access("gold", True, NOW + 9 * DAY, ("sub_1", "sub_2"))]
    (endless,) = access([*held, entitlement("pur_1")], subs, NOW)
    assert endless.until is None


@pytest.mark.spec("R-7")
def test_a_completed_plan_opens_its_grant_for_good() -> None:
    done = sub("sub_1", State.COMPLETED, NOW - DAY)
    assert access([entitlement("sub_1")], [done], NOW) == [Access("gold", True, None, ("sub_1",))]


@pytest.mark.spec("C-3")
def test_a_revocation_to_come_has_not_closed_anything_yet() -> None:
    held = [entitlement("pur_1", revoked_at=NOW + DAY)]
    assert access(held, [], NOW)[0].active
    assert not access(held, [], NOW + DAY)[0].active


@pytest.mark.spec("C-3")
def test_access_is_known_to_last_until_a_revocation_to_come() -> None:
    (found,) = access([entitlement("pur_1", revoked_at=NOW + DAY)], [], NOW)
    assert found.until == NOW + DAY


ENDS = st.none() | st.integers(-3, 3).map(lambda days: NOW + days * DAY)


@pytest.mark.spec("C-3", "X-9")
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.none() | st.sampled_from(State), ENDS, ENDS),
        max_size=6,
    )
)
def test_access_is_the_union_of_what_each_source_gives(
    rows: list[tuple[str, State | None, datetime | None, datetime | None]],
) -> None:
    held = [entitlement(f"s{i}", grant, gone) for i, (grant, _, _, gone) in enumerate(rows)]
    subs = [sub(f"s{i}", state, end) for i, (_, state, end, _) in enumerate(rows) if state]
    found = access(held, subs, NOW)
    assert [one.grant for one in found] == sorted({one.grant for one in held})
    for one in found:
        alone = [access([e], subs, NOW)[0] for e in held if e.grant == one.grant]
        assert one.active is any(each.active for each in alone)
        assert one.sources == tuple(source for each in alone for source in each.sources)
        ends = [each.until for each in alone if each.active]
        known = [end for end in ends if end is not None]
        assert one.until == (max(known) if ends and len(known) == len(ends) else None)


@pytest.mark.spec("C-2")
def test_two_spellings_of_one_mailbox_are_one() -> None:
    assert normalised_email(" Ann@Example.COM\n") == "ann@example.com"
    assert email_hash("mer_1", "Ann@Example.com ") == email_hash("mer_1", "ann@example.com")
    assert email_hash("mer_1", "ann@example.com") != email_hash("mer_2", "ann@example.com")
    assert "ann" not in email_hash("mer_1", "ann@example.com")
