"""The oracle's record of the world so far, by which it judges the next write."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from billing.checkout.checkouts import Checkout
from billing.gateways.sandbox.ledger import Row
from billing.kernel.customers import PaymentMethod
from billing.kernel.invoices import Invoice
from billing.kernel.issued_documents import IssuedDocument
from billing.kernel.money import Money
from billing.kernel.outbox_events import LeftOut, OutboxEvent
from billing.kernel.subscription import State, Subscription
from sim.virtual_clock import instant

if TYPE_CHECKING:
    from sim.price_writes import Told

ASKED = "asked"
"""The beginning of the reason of a refund without a key: one wish, one refund."""

OF_TAX = "tax"
"""The word after it in the reason of a refund of tax alone."""


class Seen:
    """Entities as they were written and charges as the gateway booked them, and only what is
    needed.
    """

    def __init__(self, now_us: Callable[[], int]) -> None:
        self.collects_tax = False
        self.invoices: dict[str, Invoice] = {}
        self.checkouts: dict[str, Checkout] = {}
        self.succeeded: dict[str, list[Row]] = defaultdict(list)
        self.events: dict[str, OutboxEvent] = {}
        self.mailed: Counter[str] = Counter()
        self._in_outbox: dict[tuple[str, int], dict[str, OutboxEvent]] = defaultdict(dict)
        self.by_hand: set[str] = set()
        """The declarations whose money a person gives back, or not, by hand."""
        self._mailed_by: dict[str, tuple[str, int, int]] = {}
        self.left_out: dict[str, LeftOut | None] = {}
        self.stopped_since: dict[str, datetime] = {}
        self.disarmed_since: dict[str, datetime] = {}
        self.ever_disarmed: set[str] = set()
        self.cancelled: dict[str, datetime] = {}
        self.tally: Counter[str] = Counter()
        self.freezes: set[str] = set()
        self.documents: dict[str, IssuedDocument] = {}
        self._rendered: dict[str, bytes] = {}
        self._reserving: dict[str, dict[str, int]] = defaultdict(dict)
        self._reserved: dict[str, int] = {}
        self.open_refunds: dict[str, set[str]] = defaultdict(set)
        self.offers_ended: dict[str, datetime] = {}
        self.skips: set[str] = set()
        self.skipped: dict[str, set[int]] = defaultdict(set)
        self.announced: dict[str, list[tuple[Money, datetime]]] = defaultdict(list)
        """The prices that a merchant announced for a subscription, each with when it starts."""
        self.told: dict[str, list[Told]] = defaultdict(list)
        self.dropped: set[str] = set()
        """The announced prices that nobody is charged any more, or yet."""
        self.comes_back: set[str] = set()
        """The notices whose mail came back, or is about to, and that were not told again."""
        self.returned_at: dict[str, datetime] = {}
        self.stopped: dict[tuple[str, str], datetime | None] = {}
        """The addresses that took no mail, each with when that was over."""
        self.payments_lapse = False
        self.let_go: set[str] = set()
        self._now_us = now_us
        self.renewed: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self._methods: dict[str, PaymentMethod] = {}
        self._chosen: set[str] = set()
        self._renewed_at: dict[str, datetime] = {}
        self._subscriptions: dict[str, Subscription] = {}
        self._interrupted: dict[tuple[str, State], Subscription] = {}
        self._open: dict[str, set[str]] = defaultdict(set)
        self._charged_on: dict[str, dict[date, str]] = defaultdict(dict)
        self._keys: dict[str, str] = {}
        self._declined: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._frozen_periods: Counter[str] = Counter()
        self._authenticated: set[str] = set()
        self._emails: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
        self._stood: dict[str, tuple[Subscription | None, Invoice | None]] = {}
        self._untold: dict[str, set[str]] = defaultdict(set)
        self._untrue_since: dict[str, datetime] = {}
        self._changed: set[str] = set()
        self._as_before_since: dict[str, datetime] = {}
        self._claimed: dict[tuple[str, str], datetime] = {}
        self._claims: dict[tuple[str, str], datetime | None] = {}
        self.retry_attempts: Callable[[str], int] = lambda merchant: 4
        self.catch_up: Callable[[str], timedelta] = lambda merchant: timedelta(days=7)
        self.asks_buyer: Callable[[str], None] = lambda reference: None
        self.invocation: Callable[[], str] = lambda: ""
        self.overdue: Callable[[Subscription], None] = lambda subscription: None

    def subscription(self, subscription: str | None) -> Subscription | None:
        """Returns a subscription as it stands."""
        return self._subscriptions.get(subscription or "")

    def method(self, method: str) -> PaymentMethod | None:
        """Returns a card as it stands."""
        return self._methods.get(method)

    def _now(self) -> datetime:
        return instant(self._now_us())
