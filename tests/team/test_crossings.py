"""Where one act touches two areas, it needs the rights of both (M-9)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from billing.accounts.web import session_holder
from billing.accounts.web.session_holder import Holder
from billing.api.flows import keys
from billing.cancel.regions.rules import Duty
from billing.declarations.declarations import Declaration, DeclarationState, Declared, Kind
from billing.kernel.audit import AuditRecord
from billing.kernel.merchants import ApiKey, PortalKind
from billing.kernel.orders import Order
from billing.kernel.subscription import State
from billing.kernel.values import replace
from billing.kernel.writes import Insert
from billing.storage.audit_rows import MemoryAudit
from billing.team import rights
from billing.team.flows import membership
from billing.team.rights import Role
from billing.web.problems import Forbidden
from functions.merchant import app as merchant_app
from functions.portal import app as portal_app
from tests.accounts.platform import PASSWORD, SELLER
from tests.team.company import OWNER, SHOP, Browser, Company
from tests.team.test_factors import sets_up, waits
from tests.web.calls import Client

pytestmark = pytest.mark.spec("M-9")

BOB = "bob@example.com"


@pytest.fixture
def company() -> Company:
    return Company()


def sale(company: Company) -> Order:
    history = company.store.history(SHOP, company.fan().customer)
    return history.orders[0]


def program(company: Company, *scopes: str) -> Client:
    secret = f"sk_{len(scopes)}{''.join(scopes)}"
    kept = ApiKey(f"key_{len(scopes)}", keys.digest(secret), SHOP, company.now, scopes)
    company.store.commit(Insert(kept))
    return Client(merchant_app.build(company.ports), secret)


def refund_ticket(company: Company) -> str:
    asked = program(company, "read", "write").post(
        "/v1/tickets",
        {
            "department": "billing",
            "email": "fan@example.com",
            "subject": "Please",
            "text": "My money back",
            "order": sale(company).id,
            "wish": "refund",
        },
    )
    assert asked.status == 201, asked.body
    return str(asked.json["id"])


def refunded(company: Company) -> int:
    history = company.store.history(SHOP, company.fan().customer)
    return sum(each.amount.amount_minor for each in history.refunds)


@pytest.mark.parametrize("may_refund", [False, True])
def test_support_approves_a_refund_only_where_it_may_refund(
    company: Company, may_refund: bool
) -> None:
    ticket = refund_ticket(company)
    company.joins(BOB, Role.SUPPORT, refunds=may_refund)
    bob = company.signed_in(BOB)
    page = bob.look(f"/console/tickets/{ticket}")
    assert ("doesn't include refunds" in page.text) is not may_refund
    answer = bob.send(f"/console/tickets/{ticket}/approve")
    assert answer.status == (303 if may_refund else 403), answer.body[-300:]
    company.work()
    assert (refunded(company) > 0) is may_refund


def test_a_key_of_customers_approves_no_refund(company: Company) -> None:
    ticket = refund_ticket(company)
    client = program(company, "customers:read", "customers:write", "money:read")
    answer = client.post(f"/v1/tickets/{ticket}/approve", {})
    assert (answer.status, answer.json["parameters"]) == (403, {"scope": "money:write"})
    assert refunded(company) == 0
    both = program(company, "customers:read", "customers:write", "money:write", "money:read")
    assert both.post(f"/v1/tickets/{ticket}/approve", {}).status in {200, 202}


def withdrawal(company: Company) -> str:
    """A declaration that an agent has to look at."""
    declared = Declared(Kind.WITHDRAWAL, "Fan", "fan@example.com", "My course")
    made = Declaration(
        *("dec_1", SHOP, Duty.WITHDRAWAL, company.now, 0, declared, "DE"),
        decide_by=company.now + timedelta(days=7),
        state=DeclarationState.AGENT,
        due_at=company.now + timedelta(days=7),
    )
    company.store.commit(Insert(made))
    return made.id


def test_who_may_not_refund_approves_no_withdrawal(company: Company) -> None:
    address = f"declarations/{withdrawal(company)}/approve"
    client = program(company, "customers:read", "customers:write", "money:read")
    answer = client.post(f"/v1/{address}", {})
    assert (answer.status, answer.json["parameters"]) == (403, {"scope": "money:write"})
    company.joins(BOB, Role.SUPPORT)
    assert company.signed_in(BOB).send(f"/console/{address}").status == 403
    found = company.store.declaration(SHOP, "dec_1")
    assert found is not None and found.state is DeclarationState.AGENT


def test_finance_refunds_and_cancels_nothing_with_it(company: Company) -> None:
    company.joins(BOB, Role.FINANCE)
    bob, order = company.signed_in(BOB), sale(company)
    page = bob.look(f"/console/orders/{order.id}/refund")
    assert "cancel" not in {each.attributes.get("name") for each in page.all("input")}
    sent = bob.send(
        f"/console/orders/{order.id}/refund", amount="29.99", cancel="true", attempt="attempt-1"
    )
    assert sent.status == 303, sent.body[-400:]
    assert refunded(company) > 0
    assert company.fan().state is not State.CANCELLED


def test_a_key_that_an_admin_makes_holds_no_more_than_the_admin(company: Company) -> None:
    """An admin may make every key there is: the guard is for roles that may less."""
    company.joins(BOB, Role.ADMIN)
    bob = company.signed_in(BOB)
    made = bob.send("/console/keys", attempt="a-1", scope="areas", catalog="write", money="read")
    assert made.status == 200, made.body[-300:]
    kept = {each.scopes for each in company.store.api_keys(SHOP)}
    assert kept == {("catalog:read", "catalog:write", "money:read")}
    (key,) = company.store.api_keys(SHOP)
    assert key.made_by == f"console:{company.member(company.person(BOB)).id}"
    nothing = bob.send("/console/keys", attempt="a-2", scope="areas")
    assert nothing.status == 422


def test_a_session_of_a_lesser_key_makes_no_greater_one(company: Company) -> None:
    client = program(company, "settings:read", "settings:write")
    url = client.post("/v1/console-links").json["url"]
    browser = Browser(company)
    path = url.removeprefix("https://pay.example.com")
    assert browser.client.browse("POST", path, {}).status == 303
    assert browser.get("/console/keys").status == 200
    assert browser.get("/console/products").status == 403
    for scope in ("all", "read"):
        refused = browser.send("/console/keys", attempt=f"a-{scope}", scope=scope)
        assert refused.status == 422 and "scopes that its creator has" in refused.body
    made = browser.send("/console/keys", attempt="a-3", scope="areas", settings="read")
    assert made.status == 200
    assert browser.get("/console/you").status == 409, "nobody's own sign-in"


def test_a_route_without_an_area_is_for_who_may_do_everything() -> None:
    for role in Role:
        holder = Holder(rights.of_role(role), role)
        if role in {Role.OWNER, Role.ADMIN}:
            session_holder.check(holder, None)
        else:
            with pytest.raises(Forbidden):
                session_holder.check(holder, None)
    session_holder.check(Holder(rights.of_scopes(rights.OF_ALL)), None)
    with pytest.raises(Forbidden):
        session_holder.check(Holder(rights.of_scopes(("read",))), None)


def test_an_invitation_is_not_accepted_from_another_site(company: Company) -> None:
    token = company.invited(BOB, Role.SUPPORT)
    address, client = f"/console/join/{token}", Browser(company).client
    assert client.browse("POST", address, {}, sec_fetch_site="cross-site").status == 403
    assert client.browse("POST", address, {}, sec_fetch_site="same-origin").status == 303
    (record,) = [r for r in company.audit.records if r.action == "POST /console/join"]
    assert (record.by.email, record.by.role) == (BOB, "support")
    assert token not in repr(company.audit.records)


def test_a_code_is_taken_from_our_own_form_alone(company: Company) -> None:
    company.joins(BOB, Role.ADMIN)
    _, backup = sets_up(company.signed_in(BOB), BOB)
    browser = waits(company, BOB)
    address = "/console/sign-in/code"
    wrong = browser.client.browse("POST", address, {"code": backup[0], "csrf": "guess"})
    assert wrong.status == 403
    assert browser.send(address, code=backup[0]).status == 303


def test_an_entry_of_the_trail_names_the_person_the_role_and_the_object(company: Company) -> None:
    company.joins(BOB, Role.ADMIN)
    bob = company.signed_in(BOB)
    product = company.sells()
    bob.send(f"/console/products/{product.id}/archive", archived="true")
    (record,) = [r for r in company.audit.records if r.by.email == BOB and "archive" in r.action]
    assert (record.by.role, record.by.member) == (
        "admin",
        company.member(company.person(BOB)).id,
    )
    page = bob.look("/console/audit")
    assert BOB in page.text and "Products: archive" in page.text
    assert product.id in {str(a.attributes["href"]).rpartition("/")[2] for a in page.all("a")}
    filtered = bob.look(f"/console/audit?person={BOB}&area=catalog")
    assert "Products: archive" in filtered.text
    assert "No entries" in bob.look("/console/audit?person=nobody@example.com").text
    assert "No entries" in bob.look("/console/audit?day=2020-02-02").text
    assert bob.get("/console/audit?day=yesterday").status == 422
    assert bob.get("/console/audit?cursor=made-up").status == 422
    file = bob.get(f"/console/audit.csv?person={BOB}")
    assert file.body.splitlines()[0] == "at,actor,member,email,role,key,action,ip,request"
    assert f"POST /console/products/{product.id}/archive" in file.body


def test_the_trail_is_paged_newest_first_and_by_the_api(company: Company) -> None:
    client = program(company, "read", "write")
    for n in range(5):
        company.now += timedelta(minutes=1)
        client.call("PATCH", "/v1/settings", {"grace_days": n}, x_request=str(n))
    first = client.get("/v1/audit", limit="2").json
    assert [each["action"] for each in first["data"]] == ["PATCH /v1/settings"] * 2
    assert {each["key"] for each in first["data"]} == {"key_2"}
    second = client.get("/v1/audit", limit="2", cursor=first["next"]).json
    ats = [each["at"] for each in (*first["data"], *second["data"])]
    assert ats == sorted(set(ats), reverse=True) and len(ats) == 4
    assert client.get("/v1/audit", limit="2", cursor=first["next"], person="x").status == 422
    spanned = client.get("/v1/audit", to="2020-01-01").json
    assert spanned["data"] == [] and spanned["next"] is None


class StrictAudit(MemoryAudit):
    """Refuses a span that ends before it begins, as DynamoDB does."""

    def page(self, merchant: str, **asked: Any) -> tuple[list[AuditRecord], str | None]:
        assert asked["since"] <= asked["until"], "ValidationException"
        return super().page(merchant, **asked)


@pytest.mark.spec("M-8")
@pytest.mark.parametrize("span", [{"from": "2026-03-01", "to": "2026-01-01"}, {"to": "1999-01-01"}])
def test_a_span_of_the_trail_that_ends_before_it_begins_is_empty(
    company: Company, span: dict[str, str]
) -> None:
    company.ports = replace(company.ports, audit=StrictAudit())
    client = program(company, "read", "write")
    client.call("PATCH", "/v1/settings", {"grace_days": 3})
    assert client.get("/v1/audit").json["data"]
    assert client.get("/v1/audit", **span).json["data"] == []


@pytest.mark.spec("M-8", "A-8")
def test_who_is_given_a_username_again_sees_nothing_of_who_had_it_before(company: Company) -> None:
    company.asks_for_account("cards", "first@example.com")
    link = company.mailed("first@example.com", "/account/reset/")
    first = Client(company.account)
    sent = first.browse("POST", f"/account/reset/{link}", {"password": PASSWORD})
    assert sent.status == 303
    company.advance(days=8)  # no plan was bought
    company.sign_up("cards", "second@example.com")
    company.buy(company.plan, email="second@example.com")
    company.tick()
    second = Browser(company)
    second.account_sign_in("second@example.com", PASSWORD)
    assert second.send("/console/portal").status == 303
    file = second.get("/console/audit.csv").body
    assert "POST /console/portal" in file
    assert "first@example.com" not in file
    assert "first@example.com" not in second.get("/console/audit").body


@pytest.mark.parametrize("lowered", [False, True])
def test_an_owner_who_is_one_no_more_has_left_the_accounts_cards_and_invoices_too(
    lowered: bool,
) -> None:
    company = Company(portal=PortalKind.STANDALONE)
    member = company.joins(BOB, Role.OWNER)
    bob = company.signed_in(BOB)
    there = bob.account("POST", "/account/billing/portal", page="cards").headers["location"]
    portal = Client(portal_app.build(company.ports), cookies=bob.client.cookies)
    assert portal.browse("GET", there).status == 200
    if lowered:
        role = Role.ADMIN
        membership.change_role(company.ports, SHOP, member.id, role, OWNER, now=company.now)
    else:
        membership.remove(company.ports, SHOP, member.id, OWNER, now=company.now)
    assert portal.browse("GET", there).status == 401


@pytest.mark.spec("M-8")
def test_a_file_of_the_trail_has_what_its_filter_finds_however_much_came_since(
    company: Company,
) -> None:
    owner, client = company.owner(), program(company, "read", "write")
    assert owner.send("/console/team/codes", needed="false").status == 303
    for n in range(250):
        company.now += timedelta(seconds=1)
        client.call("PATCH", "/v1/settings", {"grace_days": n % 9}, x_request=str(n))
    for file in (
        owner.get(f"/console/audit.csv?person={SELLER}").body,
        client.get("/v1/audit.csv", person=SELLER).body,
    ):
        assert "POST /console/team/codes" in file and "PATCH" not in file
    whole = owner.get("/console/audit.csv?area=settings")
    assert len(whole.body.splitlines()) == 1 + 250
    assert 'filename="audit.csv"' in whole.headers["content-disposition"]


@pytest.mark.spec("M-8")
def test_a_new_password_and_a_new_email_are_written_down_without_their_links(
    company: Company,
) -> None:
    browser = Browser(company)
    client = Client(company.account, cookies=browser.client.cookies)
    client.browse("POST", "/account/forgot", {"email": SELLER})
    token = company.mailed(SELLER, "/account/reset/")
    assert client.browse("POST", f"/account/reset/{token}", {"password": PASSWORD}).status == 303
    owner = company.owner()
    owner.account("POST", "/account/email", email="new@example.com", password=PASSWORD)
    for to in (SELLER, "new@example.com"):
        link = company.mailed(to, "/account/email/")
        assert client.browse("POST", f"/account/email/{link}", {}).status == 200
    done = [r.action for r in company.audit.records if r.by.email == SELLER]
    assert "POST /account/reset" in done
    assert done.count("POST /account/email/confirm") == 2
    assert token not in repr(company.audit.records)


def test_the_second_step_stays_with_an_account_that_changes_its_email(company: Company) -> None:
    owner = company.owner()
    sets_up(owner, SELLER)
    before = company.person(SELLER)
    owner.account("POST", "/account/email", email="new@example.com", password=PASSWORD)
    client = Client(company.account, cookies=owner.client.cookies)
    for to in (SELLER, "new@example.com"):
        client.browse("POST", f"/account/email/{company.mailed(to, '/account/email/')}", {})
    after = company.person("new@example.com")
    assert (after.id, after.factor) == (before.id, before.factor)
    assert company.store.person_email(SELLER) is None


@pytest.mark.spec("M-8")
def test_what_keys_and_sessions_of_their_links_did_is_shown_with_the_key(company: Company) -> None:
    client = program(company, "read", "write")
    url = client.post("/v1/console-links").json["url"]
    browser = Browser(company)
    browser.client.browse("POST", url.removeprefix("https://pay.example.com"), {})
    browser.send("/console/tax/registrations", country="GB")
    page = browser.look("/console/audit")
    assert "API key key_2" in page.text and "with a link of API key key_2" in page.text
    assert "with a link" in browser.look("/console/audit?person=key_2").text
