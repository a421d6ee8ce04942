"""Looks up what a row names: its price point, coupon, gateway account, and the tax of its buyer.

What is not certain blocks the row in words; nothing is chosen for the merchant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from billing.coupons.coupons import Coupon, Duration, code_of
from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.customers import BillTo
from billing.kernel.discounts import Discount
from billing.kernel.errors import Invalid, NotFound
from billing.kernel.gateways import SANDBOX, AccountRef
from billing.kernel.merchants import Merchant
from billing.kernel.money import Money
from billing.kernel.plans import Plan
from billing.kernel.ports import Ports
from billing.kernel.subscription import State
from billing.kernel.values import replace
from billing.migration.agreements import Resolved, schedule_of
from billing.migration.flows.price_points import CATALOG_MOST, Found, PricePoints
from billing.migration.import_rows import ImportRow, Problem, problem
from billing.migration.imports import Import
from billing.tax import decision
from billing.tax.flows.taxation import today
from billing.tax.registrations import TaxSetup

_NO_REASON = "tax_needs_country"
_NAMES = ("price_point", "next_price_point")


class Lookup:
    """The things that rows of one merchant name, each read once for many rows."""

    def __init__(self, ports: Ports, merchant: Merchant, now: datetime) -> None:
        self._ports, self._merchant, self._now = ports, merchant, now
        self._points = PricePoints(ports, merchant)
        self._coupons: dict[str, Coupon | None] = {}
        self._setup: TaxSetup | None = None
        if merchant.tax_since is not None:
            self._setup = ports.store.tax_setup(merchant.id)

    def expect(self, rows: Iterable[Mapping[str, str]]) -> None:
        """Reads the price points that some rows name by their cells, all at once."""
        names = (row.get(each, "").strip() for row in rows for each in _NAMES)
        self._points.read(name for name in names if name)

    def of(self, asked: Import, row: ImportRow) -> Resolved | tuple[Problem, ...]:
        """Returns what a row names, or all that blocks it."""
        found: list[Problem] = []
        row = _of_one(row, asked, found)
        plan = self._plan(row, found)
        account = self._account(row, found)
        self._check_card(row, found)
        self._check_tax(row, found)
        self._check_frozen(row, found)
        discount = None if plan is None else self._discount(row, plan, found)
        later = self._later(row, plan, found)
        if found or plan is None or account is None:
            return tuple(found)
        return Resolved(
            plan=plan,
            gateway=account.gateway,
            gateway_account=account.account,
            test=self._ports.gateway(account).capabilities.test,
            next_plan=later,
            discount=discount,
        )

    def checked(self, asked: Import, row: ImportRow) -> Resolved | tuple[Problem, ...]:
        """Returns what a row names, where its schedule can be kept too; else all that blocks it."""
        found = self.of(asked, row)
        if not isinstance(found, Resolved):
            return found
        scheduled = schedule_of(row, found.plan.terms, self._now)
        return (scheduled,) if isinstance(scheduled, Problem) else found

    def warnings(self, row: ImportRow, resolved: Resolved) -> tuple[Problem, ...]:
        """Returns what the merchant should look at, though it blocks nothing."""
        found = schedule_of(row, resolved.plan.terms, self._now)
        more = () if isinstance(found, Problem) else found.problems
        if row.announced_price is None:
            return more
        price = row.announced_price
        return (*more, problem("price_not_announced", "announced_price", blocks=False, value=price))

    def _plan(self, row: ImportRow, found: list[Problem]) -> Plan | None:
        fits = self._named(row, found) if row.price_point else self._priced(row, found)
        if fits is None:
            return None
        point, product = fits
        if not point.terms.rebills or point.terms.type is PriceType.ONE_TIME:
            found.append(problem("price_point_once", "price_point", value=point.id))
            return None
        return Plan.of(point, product)

    def _named(self, row: ImportRow, found: list[Problem]) -> Found | None:
        """Returns the price point that a row names, if its price and period are the row's."""
        assert row.price_point is not None
        fits = self._points.named(row.price_point)
        if fits is None:
            found.append(problem("price_point_unknown", "price_point", value=row.price_point))
            return None
        terms = fits[0].terms
        differs = _difference(row, terms)
        if differs is not None:
            known = _told(terms, differs)
            found.append(
                problem("price_point_differs", differs, value=row.price_point, known=known)
            )
            return None
        return fits

    def _priced(self, row: ImportRow, found: list[Problem]) -> Found | None:
        """Returns the one price point on sale that has a row's price and period."""
        fits = self._points.priced(lambda point: _difference(row, point.terms) is None)
        if fits is None:
            found.append(problem("price_among_too_many", "price_point", most=CATALOG_MOST))
            return None
        if len(fits) == 1 and row.price is not None:
            return fits[0]
        price = "" if row.price is None else f"{row.price.decimal} {row.price.currency}"
        period = "" if row.period is None else row.period.value
        reason = "price_unmatched" if not fits else "price_matches_many"
        found.append(problem(reason, "price_point", price=price, period=period, count=len(fits)))
        return None

    def _later(self, row: ImportRow, plan: Plan | None, found: list[Problem]) -> Plan | None:
        if row.next_price_point is None or row.next_price_point == row.price_point:
            return None
        fits = self._points.named(row.next_price_point)
        if fits is None:
            value = row.next_price_point
            found.append(problem("price_point_unknown", "next_price_point", value=value))
            return None
        point, product = fits
        if plan is not None and point.terms.price.currency is not plan.terms.price.currency:
            found.append(problem("next_price_currency", "next_price_point"))
        return Plan.of(point, product)

    def _account(self, row: ImportRow, found: list[Problem]) -> AccountRef | None:
        """Returns the gateway account that a row is charged at: its own, or the only one."""
        gateway = row.gateway or self._only_gateway()
        if gateway is None:
            found.append(problem("gateway_missing", "gateway"))
            return None
        if row.gateway_account is not None:
            known = self._merchant.accounts_at(gateway)
            account = AccountRef(self._merchant.id, gateway, row.gateway_account)
            if account in known:
                return account
            value = row.gateway_account
            found.append(problem("account_unknown", "gateway_account", value=value))
            return None
        try:
            return self._merchant.account_at(gateway)
        except NotFound:
            found.append(problem("gateway_without_account", "gateway", value=gateway))
            return None

    def _only_gateway(self) -> str | None:
        active = {each.gateway for each in self._merchant.gateway_accounts if each.active}
        if not active:
            return SANDBOX
        return active.pop() if len(active) == 1 else None

    def _check_card(self, row: ImportRow, found: list[Problem]) -> None:
        if row.payment_method is None and row.gateway_customer is None:
            found.append(problem("card_missing", "payment_method"))

    def _check_frozen(self, row: ImportRow, found: list[Problem]) -> None:
        if State.FROZEN in {row.status, row.paused_from} or row.thaws_to is not None:
            found.append(problem("frozen", "status"))
        if row.paused_from is State.PAST_DUE:
            found.append(problem("past_due", "paused_from", value=row.paused_from))

    def _check_tax(self, row: ImportRow, found: list[Problem]) -> None:
        """Finds what the tax of a row's buyer cannot do without (C-10)."""
        if self._setup is None:
            return
        on, country = today(self._merchant, self._now), row.address.country
        if not country:
            if any(each.collects(on) for each in self._setup.registrations):
                found.append(problem(_NO_REASON, "country"))
            return
        reason = _lacking(self._setup, row.bill_to, on)
        if reason is not None:
            found.append(problem(reason[0], reason[1]))

    def _discount(self, row: ImportRow, plan: Plan, found: list[Problem]) -> Discount | None:
        if row.coupon is None:
            return None
        coupon = self._coupon(row.coupon)
        if coupon is None:
            found.append(problem("coupon_unknown", "coupon", value=row.coupon))
            return None
        discount = coupon.discount
        fits = discount.is_for(plan.product, plan.price_point)
        off = coupon.amount_off
        if not fits or (off is not None and off.currency is not plan.terms.price.currency):
            found.append(problem("coupon_not_for_this", "coupon", value=row.coupon))
            return None
        if row.coupon_charges_left == 0:
            return None
        if row.coupon_charges_left is None and coupon.duration is not Duration.FOREVER:
            found.append(problem("coupon_charges_missing", "coupon_charges_left"))
            return None
        return replace(discount, charges_left=row.coupon_charges_left)

    def _coupon(self, typed: str) -> Coupon | None:
        code = code_of(typed)
        if code is None:
            return None
        if code not in self._coupons:
            self._coupons[code] = self._ports.store.coupon(self._merchant.id, code)
        return self._coupons[code]


def _of_one(row: ImportRow, asked: Import, found: list[Problem]) -> ImportRow:
    """Returns a row as one unit at its price times its quantity, once the merchant confirmed."""
    if row.quantity == 1:
        return row
    if not asked.quantity_confirmed:
        found.append(problem("quantity", "quantity", value=row.quantity))
        return row
    if row.price is None:
        found.append(problem("price_missing", "price"))
        return row
    price = Money(row.price.amount_minor * row.quantity, row.price.currency)
    return replace(row, price=price, quantity=1)


def _difference(row: ImportRow, terms: PriceTerms) -> str | None:
    """Returns the first column in which a row differs from terms."""
    if row.currency is not None and row.currency is not terms.price.currency:
        return "currency"
    given = {
        "price": (row.price, terms.price),
        "period": (row.period, terms.period),
        "installments": (row.installments, terms.installments),
        "cycle": (row.cycle, terms.cycle),
        "tax_behaviour": (row.tax_behaviour, terms.tax),
    }
    by_price = row.price_point is None
    for name, (asked, ours) in given.items():
        needed = by_price and name in {"installments", "cycle"}
        if (asked is not None or needed) and asked != ours:
            return name
    return None


def _told(terms: PriceTerms, name: str) -> str:
    known = {
        "price": terms.price.decimal,
        "currency": terms.price.currency.value,
        "period": terms.period,
        "installments": terms.installments,
        "cycle": terms.cycle,
        "tax_behaviour": terms.tax,
    }[name]
    return "-" if known is None else str(known)


def _lacking(setup: TaxSetup, buyer: BillTo, on: date) -> tuple[str, str] | None:
    """Returns reason and column of what an address lacks; the rates do not matter for that."""
    try:
        decision.decide(setup, (), buyer, None, on)
    except Invalid as error:
        return error.reason, error.field.removeprefix("address.")
    return None
