"""Each question of the store port costs the calls of docs/access-patterns.md, and no others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from billing.event_log.logged_events import id_at
from billing.figures.month_totals import CountedMonth, MonthTotals, Scope
from billing.figures.sums import FigureSums
from billing.helpdesk.tickets import TicketOf
from billing.jobs import jobs
from billing.kernel.customers import EmailPointer, PurchaseBillTo, email_hash
from billing.kernel.due import DueKind
from billing.kernel.gateways import AccountRef
from billing.kernel.issued_documents import DocumentKind
from billing.kernel.list_rows import SubscriptionFilter, of_customer, of_subscription
from billing.kernel.merchants import ApiKey, Merchant
from billing.kernel.money import Currency
from billing.kernel.search_words import Search
from billing.kernel.storage import Due, Store
from billing.kernel.values import replace
from billing.kernel.writes import ConditionCheck, Insert, Transaction
from billing.tax.rates import Place
from billing.tax.sums import SalesYear, TaxDay
from tests.storage.conftest import Backend
from tests.storage.examples import (
    BILL_TO,
    DAY,
    MERCHANT,
    T0,
    customer,
    invoice,
    issued_document,
    order,
    outbox_event,
    payment_method,
    price_point,
    product,
    subscription,
)
from tests.storage.test_store_tickets import ticket

Calls = dict[str, int]
Ask = Callable[[Store], object]

GET: Calls = {"GetItem": 1}
MANY: Calls = {"BatchGetItem": 1}
QUERY: Calls = {"Query": 1}
INDEX_THEN_GET: Calls = {"Query": 1, "GetItem": 1}
INDEX_THEN_MANY: Calls = {"Query": 1, "BatchGetItem": 1}

CUSTOMER = (MERCHANT, "cus_1")
DUE = Due(DueKind.BILL, T0 + 31 * DAY, (*CUSTOMER, "sub_1"))
ACCOUNT = AccountRef(MERCHANT, "sandbox", "acct_1")
SPAN: dict[str, Any] = {"since": T0, "until": T0 + timedelta(hours=2), "limit": 50}
"""Within one month: each month more is one query more."""

TAX_DAY = TaxDay(MERCHANT, T0.date(), "DE", "VAT", 190_000, Currency.EUR, False, 0)
FIGURE_SUMS = FigureSums(MERCHANT, "2026-01", Currency.EUR, 0)
COUNTED_MONTH = CountedMonth(MERCHANT, "2026-01", False, "2026-01-31", 1)
MONTH_TOTALS = MonthTotals(MERCHANT, "2026-01", False, "gold", "DE", "", "2026-01-31", "[]")
SALES_YEAR = SalesYear(MERCHANT, 2026, "DE", Currency.EUR, 0)

PATTERNS: dict[str, tuple[Ask, Calls]] = {
    "merchant": (lambda s: s.merchant(MERCHANT), GET),
    "merchants": (lambda s: s.merchants(), INDEX_THEN_MANY),
    "merchants_after": (lambda s: s.merchants_after("", limit=50), INDEX_THEN_MANY),
    "api_key": (lambda s: s.api_key("hash"), GET),
    "api_keys": (lambda s: s.api_keys(MERCHANT), INDEX_THEN_MANY),
    "catalog": (lambda s: s.catalog(MERCHANT), QUERY),
    "products_made": (lambda s: s.products_made(MERCHANT, limit=50), INDEX_THEN_MANY),
    "points_made": (lambda s: s.points_made(MERCHANT, "prod_1"), INDEX_THEN_MANY),
    "newest_price_points": (lambda s: s.newest_price_points([price_point().id]), MANY),
    "price_points": (lambda s: s.price_points([(price_point().id, 1)]), MANY),
    "product": (lambda s: s.product(MERCHANT, "prod_1"), GET),
    "price_point": (lambda s: s.price_point(f"{MERCHANT}.pp1"), QUERY),
    "listed_products": (lambda s: s.listed_products(limit=50), INDEX_THEN_MANY),
    "checkout": (lambda s: s.checkout(MERCHANT, "attempt-1"), GET),
    "customer": (lambda s: s.customer(*CUSTOMER), GET),
    "customer_by_email": (lambda s: s.customer_by_email(MERCHANT, BILL_TO.email), GET),
    "mail_stop": (lambda s: s.mail_stop(MERCHANT, BILL_TO.email), GET),
    "history": (lambda s: s.history(*CUSTOMER), QUERY),
    "holdings": (lambda s: s.holdings(*CUSTOMER), {"Query": 2, "BatchGetItem": 1}),
    "payment": (
        lambda s: s.payment(*CUSTOMER, "sub_1.0001"),
        {"BatchGetItem": 1, "Query": 1},  # it is not paid yet: one query less
    ),
    "payment_of_order": (
        lambda s: s.payment_of_order(MERCHANT, order(2).id),
        {"Query": 1, "GetItem": 1, "BatchGetItem": 1},  # and its refunds, where it is paid
    ),
    "disputed_payment": (
        lambda s: s.disputed_payment(*CUSTOMER, "sub_1.0001"),
        {"BatchGetItem": 1, "Query": 3},
    ),
    "entitlements": (lambda s: s.entitlements(*CUSTOMER, "course"), QUERY),
    "chargebacks": (lambda s: s.chargebacks(*CUSTOMER), QUERY),
    "order": (lambda s: s.order(*CUSTOMER, order().id, since=order().at), QUERY),
    "orders_of": (lambda s: s.orders_of(*CUSTOMER, limit=50), QUERY),
    "products": (lambda s: s.products([(MERCHANT, "prod_1")]), MANY),
    "subscription": (lambda s: s.subscription(*CUSTOMER, "sub_1"), GET),
    "subscriptions": (
        lambda s: s.subscriptions([(*CUSTOMER, f"sub_{n}") for n in range(100)]),
        MANY,
    ),
    "invoice": (lambda s: s.invoice(*CUSTOMER, "sub_1.0001"), GET),
    "invoices": (lambda s: s.invoices([(*CUSTOMER, "sub_1.0001")]), MANY),
    "issued_document": (
        lambda s: s.issued_document(*CUSTOMER, DocumentKind.INVOICE, "sub_1.0001"),
        GET,
    ),
    "refund": (lambda s: s.refund(*CUSTOMER, "sub_1.0001:r1"), GET),
    "refunds": (lambda s: s.refunds([(*CUSTOMER, "sub_1.0001:r1")]), MANY),
    "refunds_of": (lambda s: s.refunds_of(*CUSTOMER, "sub_1.0001"), QUERY),
    "payment_method": (lambda s: s.payment_method(*CUSTOMER, "pm_1"), GET),
    "reminder": (lambda s: s.reminder(*CUSTOMER, "sub_1"), GET),
    "account": (lambda s: s.account(MERCHANT), GET),
    "account_email": (lambda s: s.account_email(BILL_TO.email), GET),
    "job": (lambda s: s.job(MERCHANT, "erase"), GET),
    "job_line": (lambda s: s.job_line(MERCHANT), GET),
    "jobs_of": (lambda s: s.jobs_of([(MERCHANT, "exp_1")]), MANY),
    "jobs": (lambda s: s.jobs(50), INDEX_THEN_MANY),
    "domain": (lambda s: s.domain("pay.example.com"), GET),
    "trial_use": (lambda s: s.trial_use(MERCHANT, "hash"), GET),
    "ticket": (lambda s: s.ticket(MERCHANT, "tic_1"), GET),
    "thread": (lambda s: s.thread(MERCHANT, "tic_1"), QUERY),
    "thread_page": (lambda s: s.thread_page(MERCHANT, "tic_1", limit=50), QUERY),
    "tickets_of": (lambda s: s.tickets_of(*CUSTOMER, limit=50), INDEX_THEN_MANY),
    "waiting_tickets": (lambda s: s.waiting_tickets(MERCHANT, "billing", 50), INDEX_THEN_MANY),
    "tickets": (lambda s: s.tickets(MERCHANT, **SPAN), INDEX_THEN_MANY),
    "bill_tos": (lambda s: s.bill_tos([(*CUSTOMER, "sub_1")]), MANY),
    "billed": (lambda s: s.billed(*CUSTOMER, ["sub_1"]), MANY),
    "invoice_counter": (lambda s: s.invoice_counter(MERCHANT, test=False), GET),
    "owner_of_payment": (lambda s: s.owner_of_payment(ACCOUNT, "pi_1"), GET),
    "tax_setup": (lambda s: s.tax_setup(MERCHANT), GET),
    "tax_places": (lambda s: s.tax_places(MERCHANT, 1, [Place("DE")]), MANY),
    "tax_table": (lambda s: s.tax_table(MERCHANT, 1, 50), QUERY),
    "tax_tables": (lambda s: s.tax_tables(MERCHANT, 50), QUERY),
    "tax_days": (lambda s: s.tax_days(MERCHANT, T0.date(), T0.date(), 50), QUERY),
    "tax_sums": (lambda s: s.tax_sums([TAX_DAY]), MANY),
    "sales_years": (lambda s: s.sales_years([SALES_YEAR]), MANY),
    "team": (lambda s: s.team(MERCHANT), GET),
    "merchant_and_team": (lambda s: s.merchant_and_team(MERCHANT), MANY),
    "person": (lambda s: s.person("person_1"), GET),
    "persons": (lambda s: s.persons(["person_1"]), MANY),
    "person_email": (lambda s: s.person_email("a@example.com"), GET),
    "coupon": (lambda s: s.coupon(MERCHANT, "SPRING"), GET),
    "coupons": (lambda s: s.coupons(MERCHANT, limit=50), QUERY),
    "figure_books": (lambda s: s.figure_books([MERCHANT]), MANY),
    "customer_figures": (lambda s: s.customer_figures(*CUSTOMER), GET),
    "figures_of_customers": (lambda s: s.figures_of_customers(MERCHANT, limit=50), QUERY),
    "figure_sums": (lambda s: s.figure_sums([FIGURE_SUMS]), MANY),
    "figure_spans": (lambda s: s.figure_spans(MERCHANT, "2026-01", "2026-06"), QUERY),
    "closed_days": (lambda s: s.closed_days(MERCHANT, "2026-01", "2026-06"), QUERY),
    "counted_months": (lambda s: s.counted_months(MERCHANT, "2026-01", "2026-06"), QUERY),
    "counted": (lambda s: s.counted([COUNTED_MONTH]), MANY),
    "month_totals": (
        lambda s: s.month_totals(MERCHANT, "2026-01", "2026-06", Scope("gold"), "", test=False),
        QUERY,
    ),
    "same_totals": (lambda s: s.same_totals([MONTH_TOTALS]), MANY),
    "movements": (
        lambda s: s.movements(MERCHANT, T0.date(), T0.date(), limit=50),
        QUERY,
    ),
    "coupon_uses_of": (lambda s: s.coupon_uses_of(MERCHANT, "hash", 50), QUERY),
    "coupon_uses": (lambda s: s.coupon_uses(MERCHANT, "SPRING", ["hash"]), MANY),
    "export": (lambda s: s.export(MERCHANT, "exp_1"), GET),
    "exports": (lambda s: s.exports(MERCHANT, limit=50), QUERY),
    "import_": (lambda s: s.import_(MERCHANT, "imp_1"), GET),
    "imports": (lambda s: s.imports(MERCHANT, limit=50), QUERY),
    "import_mapping": (lambda s: s.import_mapping(MERCHANT, "kartra"), GET),
    "import_mappings": (lambda s: s.import_mappings(MERCHANT), QUERY),
    "imported_row": (lambda s: s.imported_row(MERCHANT, "imp_1", 1), MANY),
    "imported_rows": (lambda s: s.imported_rows(MERCHANT, "imp_1", limit=50), QUERY),
    "import_claims": (lambda s: s.import_claims(MERCHANT, "canonical", ["sub_1"]), MANY),
    "customers_named": (lambda s: s.customers_named([CUSTOMER]), MANY),
    "payment_methods": (lambda s: s.payment_methods([(*CUSTOMER, "pm_1")]), MANY),
    "consents": (lambda s: s.consents([(*CUSTOMER, "sub_1")]), MANY),
    "ledger_of": (lambda s: s.ledger_of(*CUSTOMER, "sub_1.0001"), QUERY),
    "branding": (lambda s: s.branding(MERCHANT), GET),
    "mail_texts": (lambda s: s.mail_texts(MERCHANT, ["de/receipt", "en/receipt"]), MANY),
    "declaration": (lambda s: s.declaration(MERCHANT, "dec_1"), GET),
    "declarations": (lambda s: s.declarations(MERCHANT, limit=50), QUERY),
    "notice_record": (lambda s: s.notice_record(*CUSTOMER, "sub_1", "event"), GET),
    "notice_records": (lambda s: s.notice_records(*CUSTOMER, None, 50), QUERY),
    "missed_notice": (lambda s: s.missed_notice(MERCHANT, "notice_1"), GET),
    "missed_notices": (lambda s: s.missed_notices(MERCHANT, limit=50), QUERY),
    "declarations_of": (lambda s: s.declarations_of(*CUSTOMER, 50), QUERY),
    "consent": (lambda s: s.consent(*CUSTOMER, "sub_1"), GET),
    "billing_switch": (lambda s: s.billing_switch(), GET),
    "merchants_and_switch": (lambda s: s.merchants_and_switch([MERCHANT]), MANY),
    "sample_place": (lambda s: s.sample_place(MERCHANT), GET),
    "forecast_rollup": (lambda s: s.forecast_rollup(MERCHANT), GET),
    "failure": (lambda s: s.failure(DUE), GET),
    "failures": (lambda s: s.failures(MERCHANT), QUERY),
    "event_hour": (lambda s: s.event_hour(MERCHANT, T0), GET),
    "event_hours": (lambda s: s.event_hours(MERCHANT, T0, T0 + DAY, 50), QUERY),
    "logged_events_named": (
        lambda s: s.logged_events_named([(MERCHANT, id_at(T0, "a"))] * 2),
        MANY,
    ),
    "webhook_endpoint": (lambda s: s.webhook_endpoint(MERCHANT, "we_1"), GET),
    "webhook_endpoints_named": (
        lambda s: s.webhook_endpoints_named([(MERCHANT, "we_1")] * 2),
        MANY,
    ),
    "webhook_endpoints": (lambda s: s.webhook_endpoints(MERCHANT), QUERY),
    "delivery": (lambda s: s.delivery(MERCHANT, "we_1", "evt_1"), GET),
    "deliveries_named": (
        lambda s: s.deliveries_named([(MERCHANT, "we_1", "evt_1")] * 2),
        MANY,
    ),
    "deliveries_before": (
        lambda s: s.deliveries_before(MERCHANT, "we_1", before="evt_1", limit=50),
        QUERY,
    ),
    "deliveries_after": (
        lambda s: s.deliveries_after(MERCHANT, "we_1", after="evt_1", limit=50),
        QUERY,
    ),
    "logged_events": (
        lambda s: s.logged_events(MERCHANT, T0, after=id_at(T0), until=id_at(T0 + DAY), limit=50),
        QUERY,
    ),
    "outbox_event": (lambda s: s.outbox_event(0, T0, "fact_1"), GET),
    "subscription_by_id": (lambda s: s.subscription_by_id(MERCHANT, "sub_1"), INDEX_THEN_GET),
    "order_by_id": (lambda s: s.order_by_id(MERCHANT, "ORD-00001"), INDEX_THEN_GET),
    "order_of_purchase": (lambda s: s.order_of_purchase(MERCHANT, "pur_1"), INDEX_THEN_GET),
    "payment_method_by_id": (
        lambda s: s.payment_method_by_id(MERCHANT, "cus_s:pm_1"),
        INDEX_THEN_GET,
    ),
    "orders": (lambda s: s.orders(MERCHANT, **SPAN), INDEX_THEN_MANY),
    "subscriptions_started": (lambda s: s.subscriptions_started(MERCHANT, **SPAN), INDEX_THEN_MANY),
    "subscriptions_where": (
        lambda s: s.subscriptions_where(
            MERCHANT, SubscriptionFilter(product="prod_1"), now=T0, limit=50
        ),
        INDEX_THEN_MANY,
    ),
    "subscriptions_of": (lambda s: s.subscriptions_of(*CUSTOMER), QUERY),
    "customers": (lambda s: s.customers(MERCHANT, limit=50), INDEX_THEN_MANY),
    "customers_found": (
        lambda s: s.customers_found(MERCHANT, Search("buy", ("buy",)), limit=50),
        INDEX_THEN_MANY,
    ),
    "list_rows": (lambda s: s.list_rows(*CUSTOMER), QUERY),
    "due": (lambda s: s.due(DueKind.BILL, 0, T0 + 60 * DAY, 50), QUERY),
    "lease_each": (
        lambda s: s.lease_each([_due(n) for n in range(1, 4)], T0 + 40 * DAY),
        {"TransactWriteItems": 1},
    ),
    "undelivered": (lambda s: s.undelivered(0, T0 + DAY, 50), QUERY),
    "commit": (
        lambda s: s.commit(Insert(order(900)), ConditionCheck(subscription(), ("state",))),
        {"TransactWriteItems": 1},
    ),
    "commit_each": (
        lambda s: s.commit_each([_two(n) for n in range(50)]),
        {"TransactWriteItems": 1},
    ),
}
"""Questions about what is stored, and the calls that each may take."""


def _due(n: int) -> Due:
    return Due(DueKind.BILL, T0 + 31 * DAY, (*CUSTOMER, f"sub_{n}"))


def _two(n: int) -> Transaction:
    """Two writes: fifty of these are as many as one call may have."""
    return (Insert(order(1_000 + n)), Insert(replace(outbox_event(1_000 + n))))


@pytest.fixture
def stocked(dynamodb: Backend) -> Backend:
    """A little of everything that is found by an index, or read together."""
    asked = ticket()
    entities = [
        Merchant(MERCHANT, "Acme", "a@example.com", T0),
        ApiKey("key_1", "hash", MERCHANT, T0),
        replace(product(), public_listing=True),
        price_point(),
        customer(),
        EmailPointer(MERCHANT, email_hash(MERCHANT, BILL_TO.email), "cus_1"),
        *(subscription(n) for n in range(1, 4)),
        *of_subscription(subscription()),
        *of_customer(customer()),
        PurchaseBillTo(MERCHANT, "cus_1", "sub_1", BILL_TO),
        invoice(),
        issued_document(),
        payment_method(),
        order(),
        replace(order(2), invoice="pur_1.0001"),
        outbox_event(),
        asked,
        TicketOf(MERCHANT, "cus_1", asked.id, asked.requested_at),
        jobs.new(MERCHANT, "erase", "erase", T0),
    ]
    dynamodb.store.commit_each([(Insert(entity),) for entity in entities])
    return dynamodb


def test_each_question_costs_its_calls(stocked: Backend, calls: Counter[str]) -> None:
    found: dict[str, Calls] = {}
    for question, (ask, _) in PATTERNS.items():
        calls.clear()
        ask(stocked.store)
        found[question] = dict(calls)
    assert found == {question: expected for question, (_, expected) in PATTERNS.items()}


def test_no_question_is_without_its_budget() -> None:
    asked = {name for name in dir(Store) if not name.startswith("_")}
    assert set(PATTERNS) == asked
