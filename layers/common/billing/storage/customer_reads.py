"""Reads of one customer: before the first purchase, and all that is kept since."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from billing.kernel.cursors import position_in, seal
from billing.kernel.lists import Page
from billing.kernel.storage import History
from billing.kernel.values import replace
from billing.storage import index_keys, keys
from billing.storage.customer_parts import CustomerPartReads, history_of
from billing.storage.entity_keys import key_of
from billing.storage.items import Items

if TYPE_CHECKING:
    from billing.checkout.checkouts import Checkout
    from billing.checkout.trials import TrialUse
    from billing.helpdesk.messages import Message
    from billing.helpdesk.tickets import Thread, Ticket
    from billing.kernel.customers import Consent, Customer, PaymentMethod, PurchaseBillTo
    from billing.kernel.invoices import Invoice
    from billing.kernel.issued_documents import DocumentKind, IssuedDocument
    from billing.kernel.list_rows import ListRow
    from billing.kernel.orders import Order
    from billing.kernel.subscription import Subscription
    from billing.notices.reminders import Reminder
    from billing.outbox.suppressions import MailStop
    from billing.refunds.refunds import Refund
    from billing.storage.index_keys import ById


class CustomerReads(CustomerPartReads):
    """The questions of the Store port about one customer."""

    _items: Items

    def checkout(self, merchant: str, key: str) -> Checkout | None:
        """Get M#<merchant>#K#<attempt key> CHECKOUT."""
        return self._items.get(keys.checkout(merchant, key))

    def trial_use(self, merchant: str, subject: str) -> TrialUse | None:
        """Get M#<merchant>#U#<subject hash> TRIAL."""
        return self._items.get(keys.trial_use(merchant, subject))

    def customer(self, merchant: str, customer: str) -> Customer | None:
        """Get M#<merchant>#C#<customer> CUSTOMER."""
        return self._items.get(keys.customer(merchant, customer))

    def customer_by_email(self, merchant: str, email: str) -> str | None:
        """Get M#<merchant>#E#<email hash> CUSTOMER."""
        from billing.kernel.customers import email_hash

        pointer = self._items.get(keys.email_pointer(merchant, email_hash(merchant, email)))
        return None if pointer is None else pointer.customer

    def mail_stop(self, merchant: str, email: str) -> MailStop | None:
        """Get M#<merchant>#E#<email hash> MAIL_STOP."""
        from billing.kernel.customers import email_hash

        return self._items.get(keys.mail_stop(merchant, email_hash(merchant, email)))

    def history(self, merchant: str, customer: str) -> History:
        """Query M#<merchant>#C#<customer>, all of it."""
        return history_of(self._items.query(keys.history(merchant, customer)))

    def subscription(self, merchant: str, customer: str, subscription: str) -> Subscription | None:
        """Get M#<merchant>#C#<customer> SUB#<id>."""
        return self._items.get(keys.subscription(merchant, customer, subscription))

    def subscriptions(self, owners: Sequence[tuple[str, str, str]]) -> list[Subscription | None]:
        """Batch get of M#<merchant>#C#<customer> SUB#<id>."""
        return self._items.get_many([keys.subscription(*owner) for owner in owners])

    def subscriptions_of(self, merchant: str, customer: str) -> list[Subscription]:
        """Query M#<merchant>#C#<customer> SUB#*."""
        return self._items.query(keys.subscriptions_of(merchant, customer))

    def list_rows(self, merchant: str, customer: str) -> list[ListRow]:
        """Query M#<merchant>#R#<customer>, all of it."""
        return self._items.query(keys.list_rows(merchant, customer))

    def subscription_by_id(self, merchant: str, subscription: str) -> Subscription | None:
        """Index lookup M#<merchant>#ID#<id>, then get."""
        from billing.kernel.subscription import Subscription

        found = self._by_id(merchant, subscription)
        return found if isinstance(found, Subscription) else None

    def order_by_id(self, merchant: str, order: str) -> Order | None:
        """Index lookup M#<merchant>#ID#<id>, then get."""
        return self._order_by_id(merchant, order)

    def order_of_purchase(self, merchant: str, purchase: str) -> Order | None:
        """Index aux M#<merchant>#BOUGHT#<purchase>, then get."""
        rows = self._items.rows(index_keys.bought(merchant, purchase), limit=1)
        return self._items.get(rows[0].key) if rows else None

    def payment_method_by_id(self, merchant: str, method: str) -> PaymentMethod | None:
        """Index lookup M#<merchant>#ID#<id>, then get."""
        from billing.kernel.customers import PaymentMethod

        found = self._by_id(merchant, method)
        return found if isinstance(found, PaymentMethod) else None

    def _by_id(self, merchant: str, entity_id: str) -> ById | None:
        rows = self._items.rows(index_keys.by_id(merchant, entity_id), limit=1)
        return self._items.get(rows[0].key) if rows else None

    def invoice(self, merchant: str, customer: str, invoice: str) -> Invoice | None:
        """Get M#<merchant>#C#<customer> INVOICE#<owner>#<seq>."""
        return self._items.get(keys.invoice(merchant, customer, invoice))

    def invoices(self, invoices: Sequence[tuple[str, str, str]]) -> list[Invoice | None]:
        """Batch get of M#<merchant>#C#<customer> INVOICE#<owner>#<seq>."""
        return self._items.get_many([keys.invoice(*invoice) for invoice in invoices])

    def issued_document(
        self, merchant: str, customer: str, kind: DocumentKind, of: str
    ) -> IssuedDocument | None:
        """Get M#<merchant>#C#<customer> INVOICE#<owner>#<seq>#ISSUED or CREDIT_NOTE#<refund>."""
        return self._items.get(keys.issued_document(merchant, customer, kind, of))

    def refund(self, merchant: str, customer: str, refund: str) -> Refund | None:
        """Get M#<merchant>#C#<customer> REFUND#<invoice>:r<n>."""
        return self._items.get(keys.refund(merchant, customer, refund))

    def refunds(self, refunds: Sequence[tuple[str, str, str]]) -> list[Refund | None]:
        """Batch get of M#<merchant>#C#<customer> REFUND#<invoice>:r<n>."""
        return self._items.get_many([keys.refund(*refund) for refund in refunds])

    def refunds_of(self, merchant: str, customer: str, invoice: str) -> list[Refund]:
        """Query M#<merchant>#C#<customer> REFUND#<invoice>:*."""
        return self._items.query(keys.refunds_of(merchant, customer, invoice))

    def payment_method(self, merchant: str, customer: str, method: str) -> PaymentMethod | None:
        """Get M#<merchant>#C#<customer> CARD#<id>."""
        return self._items.get(keys.payment_method(merchant, customer, method))

    def reminder(self, merchant: str, customer: str, subscription: str) -> Reminder | None:
        """Get M#<merchant>#C#<customer> NOTICE#<subscription>."""
        return self._items.get(keys.reminder(merchant, customer, subscription))

    def bill_tos(self, purchases: Sequence[tuple[str, str, str]]) -> list[PurchaseBillTo | None]:
        """Batch get of M#<merchant>#C#<customer> BILL_TO#<purchase>."""
        return self._items.get_many([keys.bill_to(*purchase) for purchase in purchases])

    def consent(self, merchant: str, customer: str, purchase: str) -> Consent | None:
        """Get M#<merchant>#C#<customer> CONSENT#<purchase>."""
        return self._items.get(keys.consent(merchant, customer, purchase))

    def ticket(self, merchant: str, ticket: str) -> Ticket | None:
        """Get M#<merchant>#T#<ticket> TICKET."""
        return self._items.get(keys.ticket(merchant, ticket))

    def thread(self, merchant: str, ticket: str) -> Thread | None:
        """Query M#<merchant>#T#<ticket>, all of it."""
        return _thread(self._items.query(keys.thread(merchant, ticket)))

    def thread_page(
        self, merchant: str, ticket: str, *, limit: int, cursor: str | None = None
    ) -> Thread | None:
        """Query M#<merchant>#T#<ticket>, newest first; behind a cursor get of TICKET too."""
        bound = (merchant, "THREAD", ticket)
        whole = keys.thread(merchant, ticket)
        found: list[Ticket | Message] = []
        seen = None
        if cursor is not None:
            seen = position_in(cursor, *bound)
            behind = whole._replace(between=whole.between._replace(high=seen))
            asked = self.ticket(merchant, ticket)
            found += () if asked is None else (asked,)
            found += self._items.query(behind, newest_first=True, limit=limit + 2)
        else:
            # The ticket is behind its messages, and so the first of all.
            found += self._items.query(whole, newest_first=True, limit=limit + 2)
        page = _thread([each for each in found if key_of(each).sk != seen])
        if page is None:
            return None
        shown = page.messages[:limit]
        more = len(page.messages) > limit
        older = seal(key_of(shown[-1]).sk, *bound) if more else None
        return replace(page, messages=shown[::-1], older=older)

    def tickets_of(
        self, merchant: str, customer: str, *, limit: int, cursor: str | None = None
    ) -> Page[Ticket]:
        """Query M#<merchant>#C#<customer> TICKET#*, newest first, then batch get."""
        bound = (merchant, "TICKETS", customer)
        named = keys.tickets_of(merchant, customer)
        seen = None if cursor is None else position_in(cursor, *bound)
        if seen is not None:
            named = named._replace(between=named.between._replace(high=seen))
        rows = self._items.query(named, newest_first=True, limit=limit + 2)
        left = [row for row in rows if key_of(row).sk != seen]
        shown = left[:limit]
        found = self._items.get_many([keys.ticket(merchant, each.ticket) for each in shown])
        more = len(left) > limit
        return Page(
            tuple(e for e in found if e is not None),
            seal(key_of(shown[-1]).sk, *bound) if more else None,
        )


def _thread(found: Sequence[Ticket | Message]) -> Thread | None:
    """Returns a ticket with the messages found, in their order."""
    from billing.helpdesk.messages import Message
    from billing.helpdesk.tickets import Thread, Ticket

    messages = tuple(e for e in found if isinstance(e, Message))
    return next((Thread(e, messages) for e in found if isinstance(e, Ticket)), None)
