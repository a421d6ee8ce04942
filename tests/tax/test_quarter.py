"""A quarter of sales: the report, its CSV, the ledger and the documents agree to the cent (C-7)."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest

from billing.coupons.coupons import Duration
from billing.invoices.flows import documents
from billing.kernel.catalog import TaxBehavior
from billing.kernel.customers import Address
from billing.kernel.issued_documents import IssuedDocument
from billing.kernel.money import Currency, Money
from billing.kernel.storage import History
from billing.kernel.subscription import Source, When
from billing.kernel.values import replace
from billing.refunds.flows import refund
from billing.tax.countries import EU
from billing.tax.registrations import Registration
from tests.coupons.couponing import coupon
from tests.tax.taxing import (
    BERLIN,
    BUDAPEST,
    CALIFORNIA,
    LONG_AGO,
    LOS_ANGELES,
    OSS,
    collecting,
)
from tests.web.shop import Shop
from tests.world import MONTHLY, World

PARIS = Address("1 rue de Rivoli", "Paris", "FR", postal_code="75001")
LONDON = Address("1 Strand", "London", "GB", postal_code="WC2N")
BOSTON = Address("1 Beacon Street", "Boston", "US", postal_code="02108", state="MA")
BUYERS = {
    "ann": (BERLIN, None, "USD"),
    "bob": (BUDAPEST, "SHARE", "USD"),
    "cleo": (LOS_ANGELES, "SHARE", "USD"),
    "dan": (LONDON, "THRICE", "EUR"),
    "eve": (BERLIN, "THRICE", "EUR"),
    "fay": (PARIS, None, "EUR"),
    "gus": (PARIS, "FIXED", "USD"),
    "hal": (BOSTON, "SHARE", "USD"),
}
"""Where somebody lives, their coupon, and the currency of what they buy."""

ZONE = ZoneInfo("America/New_York")
FROM, TO = datetime(2026, 4, 1, tzinfo=ZONE), datetime(2026, 7, 1, tzinfo=ZONE)
SPAN = "?from=2026-04-01&to=2026-06-30"
Sums = Counter[tuple[str, str]]
"""Tax in minor units, by jurisdiction and currency."""


def mail(name: str) -> str:
    return f"{name}@example.com"


def within(at: datetime | None) -> bool:
    return at is not None and FROM <= at < TO


def lived() -> Shop:
    """Half a year in which everybody pays each month, some get money back, and two stop."""
    shop = Shop(collecting(World(), OSS, CALIFORNIA, Registration("gb", "GB", began_on=LONG_AGO)))
    world = shop.world
    coupon(world, "SHARE", basis_points=3333, duration=Duration.FOREVER)
    coupon(world, "THRICE", basis_points=1250, duration=Duration.REPEATING, charges=3)
    coupon(world, "FIXED", amount_off=Money(777, Currency.USD), duration=Duration.FOREVER)
    for number, (name, (address, code, currency)) in enumerate(BUYERS.items()):
        price = Money(2999 + 101 * number, Currency(currency))
        kind = TaxBehavior.INCLUSIVE if number % 3 == 0 else TaxBehavior.EXCLUSIVE
        product = world.product(replace(MONTHLY, price=price, tax=kind))
        given = {} if code is None else {"coupon": code}
        world.buy(product, email=mail(name), address=address, **given)
        world.now += timedelta(hours=5)
    for day in range(0, 200, 7):
        world.advance(days=7)
        if day in {63, 91, 126, 133}:
            for name in ("bob", "cleo", "eve"):
                given_back(world, mail(name), 100 + day)
        if day == 98:
            world.cancel(When.NOW, mail("fay"))
            given_back(world, mail("fay"), None)
    return shop


def given_back(world: World, email: str, amount: int | None) -> None:
    world.now += timedelta(seconds=1)
    paid = world.history(email).invoices[-1]
    refund.request(
        world.ports,
        refund.payment(world.ports, "acme", paid.order_id),
        amount_minor=amount,
        source=Source.MERCHANT,
        now=world.now,
    )


def booked(world: World) -> Sums:
    """The taxes in the ledger's entries of the quarter."""
    sums: Sums = Counter()
    for name in BUYERS:
        for entry in world.history(mail(name)).ledger:
            for posting in entry.postings if within(entry.at) else ():
                account, _, place = posting.account.rpartition(":")
                if account == "liabilities:tax":
                    sums[place, entry.currency.value] -= posting.amount_minor
    return +sums


def issued(world: World, history: History) -> Iterator[IssuedDocument]:
    for paid in history.invoices:
        owner = (world.ports, world.merchant, paid.customer)
        document = documents.issued_invoice(*owner[:2], documents.numbered(*owner, paid.id))
        assert document.total == paid.total
        yield document


def credited(world: World, history: History) -> Iterator[IssuedDocument]:
    for gone in history.refunds:
        paid = history.invoice(gone.invoice)
        assert paid is not None
        numbered = documents.numbered_refund(world.ports, world.merchant, paid, gone.id)
        note = documents.issued_credit_note(world.ports, world.merchant, paid, numbered)
        assert note.total == gone.amount
        yield note


def documented(world: World) -> Sums:
    """The taxes of the invoices of the quarter, less those of its credit notes; each document is
    issued, and its total is that of its payment or refund."""
    sums: Sums = Counter()
    for name in BUYERS:
        history = world.history(mail(name))
        for document in (*issued(world, history), *credited(world, history)):
            for line in document.lines if within(document.issued_at) else ():
                if line.tax is not None:
                    sums[line.kind, document.total.currency.value] += line.amount.amount_minor
    return +sums


@pytest.mark.spec("C-7", "C-8", "C-10", "M-7")
@pytest.mark.slow
def test_a_quarters_report_is_its_ledger_and_its_documents_to_the_cent() -> None:
    shop = lived()
    rows = shop.api.get(f"/v1/tax/report{SPAN}").json["data"]
    reported: Sums = Counter()
    for row in rows:
        place = row["country"] if row["state"] is None else f"{row['country']}-{row['state']}"
        reported[place, row["tax"]["currency"]] += row["tax"]["amount"]
    assert reported == booked(shop.world) == documented(shop.world)
    places = {("DE", "USD"), ("HU", "USD"), ("US-CA", "USD"), ("GB", "EUR"), ("DE", "EUR")}
    assert set(reported) >= places | {("FR", "EUR"), ("FR", "USD")}, "and nothing of Boston"
    assert not any(place == "US-MA" for place, _ in reported)

    file = shop.api.get(f"/v1/tax/report.csv{SPAN}").body
    written: Sums = Counter()
    for line in csv.DictReader(StringIO(file)):
        place = f"{line['country']}-{line['state']}".rstrip("-")
        written[place, line["currency"]] += round(float(line["tax"]) * 100)
    assert written == reported

    # A quarter of the one-stop shop is what its member states say, each currency by itself.
    oss: Counter[str] = Counter()
    for (place, currency), minor in reported.items():
        if place in EU:
            oss[currency] += minor
    ledger: Counter[str] = Counter()
    for (place, currency), minor in booked(shop.world).items():
        if place in {"DE", "HU", "FR"}:
            ledger[currency] += minor
    assert oss == ledger and set(oss) == {"USD", "EUR"}


@pytest.mark.spec("C-7")
def test_the_quarters_are_the_year() -> None:
    """Nothing stands in two spans, and nothing between them."""
    shop = Shop(collecting(World(now=datetime(2026, 3, 31, 20, tzinfo=UTC))))
    for hours, name in ((0, "ann"), (7, "bob"), (9, "cleo")):  # the day ends between the last two
        shop.world.now = datetime(2026, 3, 31, 20, tzinfo=UTC) + timedelta(hours=hours)
        shop.world.buy(email=mail(name), address=BERLIN)
        shop.world.tick()

    def taxed(span: str) -> int:
        rows = shop.api.get(f"/v1/tax/report{span}").json["data"]
        return sum(row["tax"]["amount"] for row in rows)

    first, second = "?from=2026-01-01&to=2026-03-31", "?from=2026-04-01&to=2026-06-30"
    assert (taxed(first), taxed(second)) == (2 * 570, 570)
    assert taxed("?from=2026-01-01&to=2026-12-31") == 3 * 570
