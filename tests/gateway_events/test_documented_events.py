"""The events that docs/operations.md names for each gateway are those that are understood (W-1)."""

from __future__ import annotations

import re

import pytest

from billing.gateways.paypal import events as paypal
from billing.gateways.paypal import setup as paypal_setup
from billing.gateways.stripe import events as stripe
from billing.gateways.stripe import setup as stripe_setup
from billing.kernel.gateways import About
from dev.expand import ROOT

WRITTEN = (ROOT / "docs" / "operations.md").read_text("utf-8")


@pytest.mark.spec("W-1")
def test_every_topic_of_cards_has_a_documented_event_and_no_other() -> None:
    (listed,) = re.findall(r"\* Stripe, snapshot(.*?)\n    \* ", WRITTEN, re.S)
    named = set(re.findall(r"`([a-z_.]+)`", listed))
    about = {
        kind: stripe.from_object(
            {"id": "evt_1", "type": kind, "created": 1, "data": {"object": {}}}
        ).about
        for kind in named
    }
    assert named == set(stripe_setup.EVENTS), "an endpoint of ours is sent these"
    assert About.OTHER not in about.values()
    assert set(about.values()) == {About.PAYMENT, About.REFUND, About.DISPUTE, About.METHOD}


@pytest.mark.spec("W-2")
def test_every_topic_of_saved_agreements_has_a_documented_event_and_no_other() -> None:
    (listed,) = re.findall(r"    \* PayPal: (.*?)\n\*", WRITTEN, re.S)
    named = set(re.findall(r"`([A-Z.-]+)`", listed))
    assert named == set(paypal_setup.EVENTS), "a webhook of ours is sent these"
    assert all(any(kind.startswith(start) for start, _ in paypal.ABOUT) for kind in named)
    assert all(any(kind.startswith(start) for kind in named) for start, _ in paypal.ABOUT)
