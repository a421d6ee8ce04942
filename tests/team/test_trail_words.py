"""An entry of the trail says what was done to what, and leads to where that is (M-8)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from billing.kernel.audit import AuditRecord
from billing.team.trail_words import Deed, deed
from tests.console.agent import Agent
from tests.web.shop import Shop

AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.spec("M-8")
@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("POST /console/team", Deed("create", "team", None, None)),
        ("POST /console/branding/logo", Deed("logo", "branding", None, None)),
        ("POST /console/team/codes", Deed("codes", "team", None, None)),
        ("POST /console/team/invitations/inv_1/resend", Deed("resend", "team", None, None)),
        (
            "POST /v1/subscriptions/sub_1/cancel",
            Deed("cancel", "subscriptions", "sub_1", "/console/subscriptions/sub_1"),
        ),
        ("stored keys of stripe acct_1", Deed("stored keys of stripe acct_1", "", None, None)),
    ],
)
def test_an_action_is_said_in_words(action: str, said: Deed) -> None:
    assert deed(AuditRecord("acme", AT, "console", action, "request-1", None)) == said


@pytest.mark.spec("M-8")
def test_what_is_no_request_is_shown_without_an_empty_kind() -> None:
    shop = Shop()
    agent = Agent.of(shop)
    done = "stored keys of stripe acct_1"
    shop.world.ports.audit.put(AuditRecord("acme", shop.world.now, "console", done, "r:1", None))
    agent.send("/console/tax/registrations", country="GB")
    text = agent.look("/console/audit").text
    assert "Stored keys of stripe acct_1" in text and "Tax: registrations" in text
    assert not re.search(r"(^|\s):\s", text)
