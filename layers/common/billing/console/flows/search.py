"""The search over all that a merchant has: an id or email names one, words find several (M-4)."""

from __future__ import annotations

from datetime import datetime

from billing.catalog.flows import product_lists
from billing.console.flows import numbers
from billing.helpdesk.tickets import Ticket
from billing.kernel.catalog import Product
from billing.kernel.customers import Customer
from billing.kernel.lists import Page
from billing.kernel.merchants import Merchant
from billing.kernel.orders import Order, typed_order_id
from billing.kernel.ports import Ports
from billing.kernel.search_words import Search, split
from billing.kernel.subscription import Subscription
from billing.kernel.values import Value

CUSTOMERS_SHOWN, PRODUCTS_SHOWN = 20, 20

Hit = Customer | Order | Product | Subscription | Ticket
"""The one object that an id, a number or an email names."""


class Results(Value):
    """The results of words; `more` and `more_products` where more begin so than are shown."""

    customers: tuple[Customer, ...]
    products: tuple[Product, ...]
    more: bool
    more_products: bool


def exact(ports: Ports, merchant: Merchant, text: str, *, now: datetime) -> Hit | None:
    """Returns what an Order ID as typed, an id, the number of an invoice or of a ticket, or a whole
    email names; None for other text."""
    if numbers.INVOICE.fullmatch(text.upper()) or numbers.TICKET.fullmatch(text):
        ticket = numbers.ticket(ports, merchant, text, now=now)
        return ticket or numbers.invoice(ports, merchant, text, now=now)
    if (order_id := typed_order_id(text)) is not None:
        return ports.store.order_by_id(merchant.id, order_id)
    if "@" in text:
        found = ports.store.customer_by_email(merchant.id, text)
        return (found and ports.store.customer(merchant.id, found)) or None
    if text.startswith("prod_"):
        return ports.store.product(merchant.id, text)
    if text.startswith("cus_"):
        return ports.store.customer(merchant.id, text)
    if text.startswith("pur_"):
        return ports.store.order_of_purchase(merchant.id, text.partition(".")[0])
    if "_" not in text:
        return None  # a word
    # An invoice is named by its purchase and a number: sub_x.3.
    return ports.store.subscription_by_id(merchant.id, text.partition(".")[0])


def words(ports: Ports, merchant: Merchant, text: str) -> Results:
    """Finds customers by the beginnings of words of name and email, products by those of names."""
    search = Search.of(text)
    found: Page[Customer] = Page((), None)
    if search is not None:
        found = ports.store.customers_found(merchant.id, search, limit=CUSTOMERS_SHOWN)
    named: Page[Product] = Page((), None)
    if split(text):
        named = product_lists.made(
            ports, merchant, lambda product: is_named(product, text), limit=PRODUCTS_SHOWN
        )
    return Results(found.data, named.data, found.next is not None, named.next is not None)


def is_named(product: Product, text: str) -> bool:
    """Tests whether each word of a text begins a word of a product's name."""
    known, sought = split(product.name), split(text)
    return bool(sought) and all(any(k.startswith(s) for k in known) for s in sought)
