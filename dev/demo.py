"""The demo merchant: six products that use every type of price point (P-2)."""

from __future__ import annotations

import os
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from billing.accounts.accounts import GRANT
from billing.accounts.web import console_session
from billing.kernel import departments
from billing.kernel.catalog import (
    Cancellation,
    Cycle,
    Initial,
    Limit,
    PricePoint,
    PriceTerms,
    PriceType,
    Product,
)
from billing.kernel.customers import Address
from billing.kernel.gateways import SANDBOX, AccountRef
from billing.kernel.merchants import (
    ApiKey,
    Departments,
    GatewayAccount,
    Merchant,
    PortalKind,
    SelfService,
    Settings,
)
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Period, Span, Unit
from billing.kernel.ports import Ports
from billing.kernel.values import Value, replace
from billing.kernel.writes import Change, Insert, Write
from dev import PLATFORM

MERCHANT = "demo"
GARDEN = "garden"
KEY_FILE = "demo-api-key"


class Demo(Value):
    """The API key and links that a newcomer needs to begin."""

    api_key: str
    checkout_links: dict[str, str]
    portal_link: str
    paypal_link: str


def ensure(
    ports: Ports, *, base_url: str, account: AccountRef | None = None, paypal: AccountRef
) -> Demo:
    """Creates the demo merchant on the first start; what exists already stays as it is.

    Its products are sold at `account` from now on; None is the sandbox. Beside it stands one that
    sells at `paypal`.
    """
    now = ports.clock()
    if ports.store.merchant(MERCHANT) is None:
        ports.store.commit(*merchant(now), *catalog(now))
    if ports.store.merchant(GARDEN) is None:
        ports.store.commit(*garden(now, paypal))
    sell_at(ports, account)
    if ports.store.merchant(PLATFORM) is None:
        ports.store.commit(*platform(now))
    api_key = _api_key(Path(os.environ.get("DATA", ".perennial")) / KEY_FILE, ports)
    if ports.store.api_key(hash_of(api_key)) is None:
        ports.store.commit(Insert(ApiKey("key_demo", hash_of(api_key), MERCHANT, now)))
    products, _ = ports.store.catalog(MERCHANT)
    links = {
        product.name: f"{base_url}/checkout/{product.default_price_point}" for product in products
    }
    portal, club = f"{base_url}/portal/{MERCHANT}", f"{base_url}/checkout/{GARDEN}.club-1"
    return Demo(api_key, links, portal, club)


def sell_at(ports: Ports, account: AccountRef | None) -> None:
    """Sends new purchases to an account, once it is another.

    What was bought stays where it is (W-6).

    A product that was put on a gateway of its own stays there.
    """
    before = ports.store.merchant(MERCHANT)
    assert before is not None, "made above"
    known = {(a.gateway, a.id): replace(a, active=False) for a in before.gateway_accounts}
    if account is not None:
        known[account.gateway, account.account] = GatewayAccount(account.gateway, account.account)
    after = replace(before, gateway_accounts=tuple(known.values()))
    if after == before:
        return
    left = next((a.gateway for a in before.gateway_accounts if a.active), SANDBOX)
    chosen = account.gateway if account is not None else SANDBOX
    products, _ = ports.store.catalog(MERCHANT)
    moved = [
        Change(product, replace(product, gateways=(chosen,)))
        for product in products
        if product.gateways == (left,) and left != chosen
    ]
    ports.store.commit(Change(before, after), *moved)


def console_link(ports: Ports, base_url: str, now: datetime) -> str:
    """Returns a fresh link that signs in to the demo merchant's console."""
    keys = (key for key in ports.store.api_keys(MERCHANT) if key.is_live)
    return console_session.console_link(ports, next(keys), base_url, now)


def _api_key(path: Path, ports: Ports) -> str:
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            file.write(f"sk_{ports.new_id('key')}\n")
    return path.read_text().strip()


def hash_of(api_key: str) -> str:
    """Returns the hash under which the store keeps an API key."""
    return sha256(api_key.encode()).hexdigest()


def merchant(now: datetime) -> list[Write]:
    """Returns the writes that create the demo merchant."""
    address = Address("12 Harbor Lane", "Portland", "US", postal_code="04101", state="ME")
    harbor_lane = Merchant(
        id=MERCHANT,
        name="Harbor Lane Studio",
        email="hello@harborlane.example",
        created_at=now,
        lists_complete_at=now,
        catalog_listed_at=now,
        website="https://harborlane.example",
        address=address,
        settings=Settings.of_new_merchant(portal=PortalKind.STANDALONE),
    )
    return [Insert(harbor_lane)]


def garden(now: datetime, paypal: AccountRef) -> list[Write]:
    """Returns the writes that create a merchant who takes PayPal and nothing else (W-2)."""
    shop = Merchant(
        id=GARDEN,
        name="Harbor Lane Garden",
        email="garden@harborlane.example",
        created_at=now,
        lists_complete_at=now,
        catalog_listed_at=now,
        settings=Settings.of_new_merchant(portal=PortalKind.STANDALONE),
        gateway_accounts=(GatewayAccount(paypal.gateway, paypal.account),),
    )
    terms = PriceTerms(PriceType.RECURRING, _usd(1200), Period.MONTHLY)
    point = PricePoint(f"{GARDEN}.club-1", GARDEN, "prod_club", terms, now)
    club = Product(
        id="prod_club",
        merchant=GARDEN,
        name="Garden Club",
        created_at=now,
        gateways=(paypal.gateway,),
        grants=("prod_club",),
        price_points=(point.id,),
        default_price_point=point.id,
        refund_days=30,
    )
    return [Insert(shop), Insert(club), Insert(point)]


def platform(now: datetime) -> list[Write]:
    """Returns the writes of the platform, whose products are the plans of accounts (A-1).

    It takes cards only.
    """
    house = Merchant(
        id=PLATFORM,
        name="Perennial",
        email="billing@perennial.example",
        created_at=now,
        lists_complete_at=now,
        catalog_listed_at=now,
        settings=Settings.of_new_merchant(
            portal=PortalKind.STANDALONE,
            self_refund=SelfService.MANUAL,
            departments=Departments(all=departments.PLATFORM),
            notice_days=10,
        ),
    )
    delayed, recurring = Cancellation.DELAYED, PriceType.RECURRING
    trial = _after(100, 14)
    plans = {
        "starter": ("Starter", 9900, (Limit("products", 10), Limit("subscriptions", 1000))),
        "pro": ("Pro", 19900, ()),
    }
    writes: list[Write] = [Insert(house)]
    for key, (name, price, limits) in plans.items():
        monthly = PriceTerms(recurring, _usd(price), Period.MONTHLY, cancellation=delayed)
        tried = replace(monthly, initial=trial, trial_guard=True)
        points = [
            PricePoint(f"{PLATFORM}.{key}-{n}", PLATFORM, f"prod_{key}", terms, now)
            for n, terms in enumerate((tried, monthly), 1)
        ]
        product = Product(
            id=f"prod_{key}",
            merchant=PLATFORM,
            name=name,
            created_at=now,
            gateways=("sandbox",),
            grants=(GRANT,),
            price_points=tuple(point.id for point in points),
            default_price_point=points[0].id,
            refund_days=30,
            limits=limits,
        )
        writes += [Insert(product), *(Insert(point) for point in points)]
    return writes


def _usd(amount_minor: int) -> Money:
    return Money(amount_minor, Currency.USD)


def _after(amount_minor: int, days: int) -> Initial:
    return Initial(amount_minor, Span(days, Unit.DAY))


def catalog(now: datetime) -> list[Write]:
    """Returns the writes of each product with its price points, the default first."""
    delayed, instant = Cancellation.DELAYED, Cancellation.INSTANT
    one_time, recurring = PriceType.ONE_TIME, PriceType.RECURRING
    monthly, yearly = Period.MONTHLY, Period.YEARLY
    offers: dict[str, tuple[str, list[PriceTerms]]] = {
        "sourdough": ("Sourdough from Scratch", [PriceTerms(one_time, _usd(4900))]),
        "portrait": (
            "Portrait Workshop",
            [PriceTerms(one_time, _usd(19900), initial=_after(100, 14))],
        ),
        "library": (
            "Pattern Library",
            [
                PriceTerms(recurring, _usd(2999), monthly, cancellation=delayed),
                PriceTerms(recurring, _usd(29900), yearly, cancellation=delayed),
            ],
        ),
        "studio": (
            "Studio Membership",
            [
                PriceTerms(
                    recurring, _usd(2999), monthly, initial=_after(0, 14), cancellation=instant
                )
            ],
        ),
        "bootcamp": (
            "Small Business Bootcamp",
            [PriceTerms(PriceType.INSTALLMENT, _usd(9900), Period.EVERY_2_WEEKS, 4)],
        ),
        "mentoring": (
            "Yearly Mentoring",
            [PriceTerms(PriceType.RECURRING_INSTALLMENT, _usd(9900), monthly, 3, Cycle.YEARLY)],
        ),
    }
    writes: list[Write] = []
    for key, (name, terms) in offers.items():
        points = [
            PricePoint(f"{MERCHANT}.{key}-{n}", MERCHANT, f"prod_{key}", each, now)
            for n, each in enumerate(terms, 1)
        ]
        product = Product(
            id=f"prod_{key}",
            merchant=MERCHANT,
            name=name,
            created_at=now,
            gateways=("sandbox",),
            grants=(f"prod_{key}",),
            price_points=tuple(point.id for point in points),
            default_price_point=points[0].id,
            public_listing=True,
            refund_days=30,
        )
        writes += [Insert(product), *(Insert(point) for point in points)]
    return writes
