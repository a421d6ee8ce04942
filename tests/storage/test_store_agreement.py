"""Memory and DynamoDB agree on any run of transactions: what is refused, and what then stands."""

from __future__ import annotations

from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.kernel.subscription import State
from billing.kernel.values import replace
from billing.kernel.writes import Change, ConditionCheck, Insert, Remove
from billing.storage import store
from tests.depth import examples
from tests.storage.conftest import Backend
from tests.storage.examples import DAY, T0, TERMS, subscription

VALUES: dict[str, list[Any]] = {
    "state": [State.ACTIVE, State.CANCEL_PENDING],
    "due_at": [None, T0, T0 + DAY],
    "open_invoice": [None, "sub_1.0001"],
    "held_for": [None, "tic_1"],
    "seq": [0, 1],
    "terms": [TERMS, replace(TERMS, initial=None, price=replace(TERMS.price, amount_minor=5))],
}
NAMES = st.lists(st.sampled_from(sorted(VALUES)), max_size=2, unique=True).map(tuple)
FORMS = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in VALUES.items()})
MEMBERS = (1, 2, 3)
_merchants = count(1)


def _member(merchant: str, n: int, form: dict[str, Any]) -> Any:
    return replace(subscription(n), merchant=merchant, **form)


@st.composite
def _write(draw: st.DrawFn, merchant: str, n: int) -> Any:
    one, other = (_member(merchant, n, draw(FORMS)) for _ in range(2))
    kind = draw(st.sampled_from([Insert, Insert, Change, Change, Change, ConditionCheck, Remove]))
    if kind is Insert:
        return Insert(one)
    if kind is Change:
        return Change(one, other, draw(NAMES))
    return kind(one, draw(NAMES))


@settings(
    max_examples=examples(40),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_memory_is_held_to_what_dynamodb_does(dynamodb: Backend, data: st.DataObject) -> None:
    merchant, memory = f"mer_{next(_merchants)}", store.in_memory()
    for _ in range(data.draw(st.integers(1, 5))):
        transactions = [
            tuple(data.draw(_write(merchant, n)) for n in data.draw(members))
            for members in data.draw(st.lists(st.just(_SOME), max_size=3))
        ]
        expected = memory.commit_each(transactions)
        outcomes = dynamodb.store.commit_each(transactions)
        assert [o is None for o in outcomes] == [o is None for o in expected]
        assert dynamodb.store.history(merchant, "cus_1") == memory.history(merchant, "cus_1")


_SOME = st.lists(st.sampled_from(MEMBERS), unique=True)
