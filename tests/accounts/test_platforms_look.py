"""The platform's own pages wear the platform's branding; pages inside the console do not (M-11)."""

from __future__ import annotations

import pytest

from billing.branding.flows import changes
from billing.team.rights import Role
from tests.team.company import Browser, Company

pytestmark = pytest.mark.spec("M-11", "A-7")

MARK = "Platform Ltd, 1 Harbor Street"


@pytest.fixture
def company() -> Company:
    found = Company()
    platform = found.store.merchant(found.ports.operation.platform)
    assert platform is not None
    fields = changes.checked("#7700ff", MARK, "")
    changes.change(found.ports, platform, changes.UNSEEN, fields)
    return found


def test_its_public_pages_and_their_errors_wear_its_look(company: Company) -> None:
    browser = Browser(company)
    for address in ("/console/sign-in", "/console/join/none", "/console"):
        assert MARK in browser.get(address).body, address
    for address in ("/account/sign-up", "/account/sign-in", "/account/forgot", "/account/plans"):
        answer = browser.account("GET", address)
        assert MARK in answer.body and "#7700ff" in answer.body, address
    token = company.invited("bob@example.com", Role.SUPPORT)
    assert MARK in browser.get(f"/console/join/{token}").body


def test_a_sellers_console_and_account_pages_keep_ours(company: Company) -> None:
    owner = company.owner()
    for address in ("/console", "/console/team", "/console/you"):
        assert MARK not in owner.get(address).body, address
    assert MARK not in owner.account("GET", "/account").body
