"""The stories of the sources about those who sell here, and about what waits for a person
(A-2 .. A-7, H-4, X-8). Each runs in any town, and by HTTP alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from billing.render import formats
from dev import demo
from tests.scenarios.stories.people import Owner, Person, Program, buy, open_account, taken
from tests.scenarios.stories.town import Town

ZONE = "America/New_York"
TRIED, MONTHLY, SMALL = "perennial.starter-1", "perennial.pro-2", "perennial.starter-2"
LIBRARY = "demo.library-1"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)

Story = Callable[[Town], None]


def a_trial_is_cancelled_on_day_13(town: Town) -> None:
    """A dollar for 14 days, and nothing after it (A-2)."""
    owner = open_account(town, TRIED)
    over = next_charge(Program.of_platform(town), owner)
    town.move(over - DAY)
    owner.sign_in()
    left = owner.sent("/account/billing/cancel", confirm="true", reason="too_expensive")
    assert left == "/account/billing?done=cancelled"
    assert f"Ends on {day(over)}" in owner.see("/account/billing").text
    town.move(over + DAY)
    assert owner.sign_in() == "/account"
    assert "not active" in owner.see("/account").text
    town.move(over + 30 * DAY)
    assert owner.charges() == [100]


def the_guarantee_is_claimed_on_day_30_and_not_on_day_31(town: Town) -> None:
    """Claimed by a ticket to Billing, which a person approves; a day later there is no button
    (A-2)."""
    agent = Program.of_platform(town)
    # By the year, so that on day 31 there is no second payment with a guarantee of its own.
    yearly = agent.sells("Yearly", "1y", 99900, grants=["account"], refund_days=30)
    early, late = open_account(town, yearly), open_account(town, yearly)
    began = town.now()
    town.move(noon(began, 30))
    early.sign_in()
    assert "Request a refund" in early.see("/account/billing").text
    for _ in range(2):
        claimed = early.sent("/account/billing/guarantee", "/account/billing")
        assert claimed == "/account/billing?done=claimed", "twice is once: one ticket"
    (ticket,) = [t for t in agent.get("/v1/tickets")["data"] if t["email"] == early.email]
    assert (ticket["department"], ticket["state"]) == ("billing", "open")
    agent.post(f"/v1/tickets/{ticket['id']}/approve", {"cancel": True})
    (charge,) = [c for c in town.charges() if c["invoice"].startswith(f"{early.plan}.")]
    assert (charge["status"], charge["refunded"]) == ("refunded", 99900)

    town.move(noon(began, 31))
    late.sign_in()
    assert "Request a refund" not in late.see("/account/billing").text
    refused = late.send("/account/billing/guarantee", "/account/billing")
    assert refused.status == 409
    assert late.charges() == [99900]


def a_downgrade_comes_at_the_next_rebill(town: Town) -> None:
    """Refused with reasons while more is used than the smaller plan allows (A-4)."""
    agent = Program.of_platform(town)
    one = {"grants": ["account"], "limits": {"products": 1}}
    small = agent.sells("Small", "1m", 900, **one)
    owner = open_account(town, MONTHLY)
    began = town.now()
    shop = Program.of(town, owner.username)
    for name in ("Prints", "Posters"):
        shop.sells(name)
    page = f"/account/billing/plan/{small}"
    assert "You have 2 products, but this plan allows 1" in owner.see("/account/billing").text
    assert owner.browse("GET", page).status == 409
    address = f"/v1/subscriptions/{owner.plan}/change-plan"
    for call in (address, f"{address}/quote"):
        asked = {"price_point": small, "when": "next_rebill"}
        refused = agent.call("POST", call, asked)
        assert (refused.status, refused.json["code"]) == (409, "usage_over_limit")

    page = f"/account/billing/plan/{SMALL}"
    assert "$99.00" in owner.see(page).text
    assert owner.send(page, when="next_rebill").status == 422, "the box is the confirmation"
    owner.sent(page, when="next_rebill", confirm="true")
    town.move(began + 5 * DAY)
    owner.sign_in()
    assert "Pro" in owner.see("/account/billing").text
    town.move(next_charge(agent, owner) + HOUR)
    assert owner.charges() == [19900, 9900]
    assert agent.get(f"/v1/subscriptions/{owner.plan}")["price_point"] == SMALL


def an_account_is_frozen_and_thawed(town: Town) -> None:
    """$9.99 a month from the next period on; whoever buys there is not charged meanwhile
    (A-5, A-3)."""
    agent = Program.of_platform(town)
    owner = open_account(town, MONTHLY)
    fan, shop = fan_of(town, owner)
    assert "$9.99 a month" in owner.see("/account/billing/freeze").text
    assert owner.sent("/account/billing/freeze").endswith("done=frozen")
    town.move(next_charge(agent, owner) + HOUR)
    assert owner.sign_in() == "/account"
    assert "frozen" in owner.see("/account").text
    assert owner.browse("GET", "/console").status == 403
    town.move(town.now() + 40 * DAY)
    assert owner.charges() == [19900, 999, 999]
    assert taken(town, fan) == [2999], "nobody is charged for what is frozen"
    owner.sign_in()
    assert owner.sent("/account/billing/freeze").endswith("done=thawed")
    assert owner.sign_in() == "/console"
    assert owner.charges()[:3] == [19900, 999, 999] and len(owner.charges()) == 4
    town.move(town.now() + DAY)
    assert shop.get(f"/v1/subscriptions/{fan}")["state"] == "active"
    assert taken(town, fan) == [2999, 2999]


def coming_back_on_day_89_and_on_day_91(town: Town) -> None:
    """With the email from before and within retention everything is back; else it is a new account
    (A-6, A-7)."""
    agent = Program.of_platform(town)
    left = {
        (day_of_return, same): open_account(town, MONTHLY)
        for day_of_return in (89, 91)
        for same in (True, False)
    }
    fans = {key: fan_of(town, owner)[0] for key, owner in left.items()}
    for owner in left.values():
        ended = next_charge(agent, owner)
        owner.sent("/account/billing/cancel", confirm="true")
    for day_of_return in (89, 91):
        town.move(ended + day_of_return * DAY + 2 * HOUR)
        for same in (True, False):
            before = left[day_of_return, same]
            kept = day_of_return == 89
            support = agent.get("/v1/accounts", username=before.username, email=before.email)
            assert support["standing"] == ("inactive" if kept else "erased")
            if kept:
                before.sign_in()
                told = before.see("/account").text
                assert f"kept until {day(ended + 90 * DAY)}" in told and before.email in told
            else:
                before.sign_in(expect=401)
            again = Owner(town, email=before.email if same else "", has_account=same and kept)
            again.sign_up()
            again.buys(MONTHLY)
            assert again.sign_in() == "/console"
            came_back = kept and same
            shown = again.see("/account").text
            assert (before.username in shown) is came_back
            assert (again.username in shown) is not came_back
    town.move(town.now() + 2 * DAY)
    charged = {key: taken(town, fan) for key, fan in fans.items()}
    only_once = {key: [2999] for key in left if key != (89, True)}
    assert charged == {**only_once, (89, True): [2999, 2999]}, "a new anchor, where all is back"


def support_is_asked_11_and_9_days_before_the_invoice(town: Town) -> None:
    """The platform wants ten: asked later, one more period is paid, and that is said first
    (X-8)."""
    agent = Program.of_platform(town)
    early, late = open_account(town, MONTHLY), open_account(town, MONTHLY)
    asked = {}
    for owner, days in ((early, 11), (late, 9)):
        due = next_charge(agent, owner)
        town.move(due - days * DAY)
        (sale,) = agent.get("/v1/orders", subscription=owner.plan)["data"]
        asked[days] = agent.post(
            "/v1/tickets",
            {
                "department": "billing",
                "email": owner.email,
                "subject": "Please cancel",
                "text": "Thank you.",
                "order": sale["id"],
                "wish": "cancel",
            },
        )
        agent.post(f"/v1/tickets/{asked[days]['id']}/approve")
    assert asked[11]["effect"]["charge_at"] is None
    assert asked[9]["effect"]["charge_at"] is not None, "said before it is approved"
    town.move(due + 32 * DAY)
    assert (early.charges(), late.charges()) == ([19900], [19900, 19900])
    assert early.sign_in() == late.sign_in() == "/account"


def a_cancellation_is_approved_after_the_charge_was_due(town: Town) -> None:
    """Cancels in the portal, where a person decides: what falls due waits.

    The subscription ends as of the day on which it was asked (H-4, X-1).
    """
    agent = Program.of(town, demo.MERCHANT)
    agent.patch("/v1/settings", {"self_cancel": "manual"})
    customer, email = Person(town), f"zoe{Owner(town).number}@example.com"
    subscription = buy(town, LIBRARY, email)["subscription"]
    (sale,) = agent.get("/v1/orders", subscription=subscription)["data"]
    due = instant(agent.get(f"/v1/subscriptions/{subscription}")["next_charge_at"])
    town.move(due - 3 * DAY)
    portal = f"/portal/{demo.MERCHANT}"
    login = {"order_id": sale["id"], "email": email}
    assert customer.browse("POST", f"{portal}/login", login).headers["location"] == portal
    customer.sent(f"{portal}/subscriptions/{subscription}/cancel")
    town.move(due + 6 * HOUR)
    assert taken(town, subscription) == [2999], "held"
    (ticket,) = [t for t in agent.get("/v1/tickets")["data"] if t["email"] == email]
    agent.post(f"/v1/tickets/{ticket['id']}/approve")
    town.move(due + 32 * DAY)
    ended = agent.get(f"/v1/subscriptions/{subscription}")
    assert (ended["state"], instant(ended["ends_at"])) == ("cancelled", due)
    assert taken(town, subscription) == [2999]
    agent.patch("/v1/settings", {"self_cancel": "automatic"})


STORIES: dict[Story, tuple[str, ...]] = {
    a_cancellation_is_approved_after_the_charge_was_due: ("H-4", "X-1"),
    a_trial_is_cancelled_on_day_13: ("A-2", "A-3"),
    the_guarantee_is_claimed_on_day_30_and_not_on_day_31: ("A-2", "H-3"),
    coming_back_on_day_89_and_on_day_91: ("A-6", "A-7"),
    support_is_asked_11_and_9_days_before_the_invoice: ("X-8",),
    a_downgrade_comes_at_the_next_rebill: ("A-4",),
    an_account_is_frozen_and_thawed: ("A-3", "A-5"),
}
"""Each with what it proves. Who goes on paying comes last: where they share a clock, it is their
rebills that take time."""


def fan_of(town: Town, owner: Owner) -> tuple[str, Program]:
    """A subscription of somebody who buys from an account, and the program that may look at it."""
    shop = Program.of(town, owner.username)
    fan = buy(town, shop.sells(), f"fan{owner.number}@example.com")
    return str(fan["subscription"]), shop


def next_charge(agent: Program, owner: Owner) -> datetime:
    """When the plan of an account is charged next."""
    return instant(agent.get(f"/v1/subscriptions/{owner.plan}")["next_charge_at"])


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def noon(since: datetime, days: int) -> datetime:
    """Noon of a later day, as calendars there count days."""
    then = since.astimezone(ZoneInfo(ZONE)) + timedelta(days=days)
    return then.replace(hour=12).astimezone(UTC)


def day(at: datetime) -> str:
    """A date as the platform's pages show it."""
    return formats.day(at, ZONE, "en")
