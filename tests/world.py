"""A whole world in memory: one merchant, the sandbox, a clock that is turned by hand.

The flows in it are the product's own; only what touches AWS is replaced, by code that does the
same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from itertools import count
from math import ceil
from typing import Any, NamedTuple, TypeVar

from billing.aws import ses_mailer
from billing.aws.sqs_queue import LEASES_PER_MESSAGE, SqsQueue, leases_of
from billing.cancel.flows import cancel
from billing.cancel.flows.cancel import Ending
from billing.checkout.checkouts import Checkout
from billing.checkout.flows import submit as checkout_submit
from billing.checkout.flows.submit import Submission, Visitor
from billing.declarations.flows import look
from billing.gateways.sandbox.gateway import SandboxGateway
from billing.gateways.sandbox.ledger import MemoryLedger
from billing.helpdesk.flows import decision
from billing.jobs.flows import sweep as jobs_sweep
from billing.jobs.flows import work as jobs_work
from billing.kernel.catalog import PricePoint, PriceTerms, PriceType, Product
from billing.kernel.customers import Address
from billing.kernel.due import DueKind
from billing.kernel.merchants import Merchant
from billing.kernel.money import Currency, Money
from billing.kernel.operation import Operation
from billing.kernel.orders import Order, order_id
from billing.kernel.periods import Period
from billing.kernel.receivers import Answer
from billing.kernel.storage import Due, History
from billing.kernel.subscription import Source, Subscription, When
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Remove
from billing.notices.flows import remind
from billing.outbox.flows import deliver
from billing.privacy.flows import erase
from billing.rebill.flows import sweep as rebill_sweep
from billing.rebill.flows import worker
from billing.runtime import handlers, job_kinds
from billing.runtime.wiring import assemble, one_by_one
from billing.storage import store
from billing.storage.audit_rows import MemoryAudit
from billing.storage.memory.ephemeral import MemoryEphemeral
from billing.storage.memory.objects import MemoryObjects
from billing.webhooks.flows import alarms, attempt
from billing.webhooks.flows import sweep as webhooks_sweep
from dev import ses
from dev.sqs import Sqs
from tests.memory_keys import MemoryKeys

T = TypeVar("T")

START = datetime(2026, 1, 31, 15, 0, tzinfo=UTC)
ADDRESS = Address("1 Main Street", "Springfield", "US", postal_code="12345", state="IL")
TICK = timedelta(minutes=1)

MONTHLY = PriceTerms(PriceType.RECURRING, Money(2999, Currency.USD), Period.MONTHLY)


class MemoryQueue:
    """A queue that keeps its messages as SQS would carry them."""

    def __init__(self, name: str = "ChargeQueue", per_message: int = LEASES_PER_MESSAGE) -> None:
        self.name = name
        self.bodies: list[str] = []
        self._per_message = per_message

    def send(self, leases: Sequence[Due]) -> None:
        client = Sqs(lambda body: self.bodies.append(body))
        SqsQueue("https://queue", client, per_message=self._per_message).send(leases)

    def waiting(self) -> int:
        return sum(len(leases_of(body)) for body in self.bodies)


class MemoryMailer:
    """Mails as their recipients get them from SES, oldest first."""

    def __init__(self) -> None:
        self.sent: list[EmailMessage] = []
        self.tags: list[dict[str, str]] = []
        """The tags of each, which SES repeats when it reports on one."""

    def send(self, message: EmailMessage, *, now: datetime) -> str:
        tags = ses_mailer.take_tags(message)
        ses.check(message, tags)
        number = len(self.sent) + 1
        seen = ses.seen_as(f"0100019c{number:08x}-5f0c2b7a-4d1e-4c52-9a57-000000", "us-east-1")
        self.sent.append(ses.delivered(message, seen, now))
        self.tags.append(tags)
        return seen


class MemoryWorkers:
    """Workers that are started, and have not begun."""

    def __init__(self) -> None:
        self.started: list[list[Due]] = []

    def start(self, leases: Sequence[Due]) -> None:
        self.started.append(list(leases))


class MemoryReceivers:
    """Receivers on the internet, by address; whoever is not there answers 200."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[Post], Answer]] = {}
        self.posts: list[Post] = []

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        post = Post(url, dict(headers), body)
        self.posts.append(post)
        answer = self.answers.get(url)
        return Answer(200) if answer is None else answer(post)

    def answer(self, url: str, status: int | None, **fields: Any) -> None:
        """Lets a receiver answer so from now on."""
        self.answers[url] = lambda post: Answer(status, **fields)


class Post(NamedTuple):
    """A post that a receiver got."""

    url: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> str:
        return self.headers["webhook-id"]


class MemoryKey:
    """The master key of an installation."""

    def __call__(self, *, create: bool = False) -> bytes:
        return b"master" * 6


class Ids:
    """Ids that are drawn the same in each run."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def __call__(self, kind: str) -> str:
        number = next(self._numbers)
        if kind == "order":
            return order_id(number * 7_919_000_000_000_000_003)
        return f"{number:032d}" if kind == "key" else f"{kind}_{number:016d}"


class World:
    """A test's world: its clock, its schedules, its customers."""

    def __init__(self, now: datetime = START, **operation: Any) -> None:
        self.now = now
        self.queue = MemoryQueue()
        self.jobs = MemoryQueue("JobsQueue", per_message=1)
        self.mailer = MemoryMailer()
        self.receivers = MemoryReceivers()
        self.webhook_workers = MemoryWorkers()
        self.audit = MemoryAudit()
        self.objects = MemoryObjects(lambda: self.now)
        self.store = store.in_memory()
        self.keys = MemoryKeys()
        self.sandbox = SandboxGateway(MemoryLedger(), lambda: self.now, draw=lambda: "secret" * 8)
        self.ports = replace(
            assemble(
                Operation(public_url="https://pay.example.com", **operation),
                clock=lambda: self.now,
                store=self.store,
                ephemeral=MemoryEphemeral(),
                audit=self.audit,
                objects=self.objects,
                gateways={"sandbox": lambda account: self.sandbox},
                queue=self.queue,
                jobs=self.jobs,
                mailer=self.mailer,
                draw=Ids(),
                key_store=self.keys,
                receivers=self.receivers,
                webhook_workers=self.webhook_workers,
                webhook_key=MemoryKey(),
            ),
            each=one_by_one,
        )
        self.merchant = Merchant("acme", "Acme Courses", "hello@acme.example", now)
        self.store.commit(Insert(self.merchant))
        self._attempts = count(1)

    def change_merchant(self, **fields: Any) -> None:
        changed = replace(self.merchant, **fields)
        self.store.commit(Change(self.merchant, changed))
        self.merchant = changed

    def product(self, *terms: PriceTerms, **fields: Any) -> Product:
        """Put a product on sale; its first price point is the default."""
        number = next(self._attempts)
        points = [
            PricePoint(f"acme.price{number}x{n}", "acme", f"prod_{number}", each, self.now)
            for n, each in enumerate(terms or (MONTHLY,), 1)
        ]
        product = Product(
            **{
                "id": f"prod_{number}",
                "merchant": "acme",
                "name": "Course",
                "created_at": self.now,
                "gateways": ("sandbox",),
                "grants": ("course",),
                "price_points": tuple(p.id for p in points),
                "default_price_point": points[0].id,
                **fields,
            }
        )
        self.store.commit(Insert(product), *(Insert(point) for point in points))
        return product

    def submission(self, email: str = "ann@example.com", **fields: Any) -> Submission:
        return Submission(
            **{
                "attempt_key": f"attempt-{next(self._attempts):08d}",
                "email": email,
                "name": "Ann Example",
                "address": ADDRESS,
                "payment_method": "pm_card_visa",
                **fields,
            }
        )

    def submit(self, price_point: str, form: Submission) -> Checkout:
        visitor = Visitor("192.0.2.1", "https://pay.example.com/return")
        return checkout_submit.submit(self.ports, price_point, form, visitor, now=self.now)

    def buy(self, product: Product | None = None, **fields: Any) -> Checkout:
        """Buy a product's default price point."""
        product = product or self.product()
        return self.submit(product.default_price_point, self.submission(**fields))

    def cancel(
        self, when: When = When.PERIOD_END, email: str = "ann@example.com", **fields: Any
    ) -> Ending:
        """The customer's own request to end their one subscription."""
        return cancel.request(
            self.ports,
            self.subscription(email),
            when=when,
            source=Source.CUSTOMER,
            now=self.now,
            **fields,
        )

    def sweep(self) -> Counter[str]:
        return rebill_sweep.due(self.ports, now=self.now)

    def work(self) -> Counter[str]:
        """Lets the workers take every message, and delivers the outbox."""
        tally: Counter[str] = Counter()
        while self.queue.bodies:
            leases = leases_of(self.queue.bodies.pop(0))
            tally += worker.take(self.ports, leases, now=self.now)
        tally += self.work_jobs()
        tally += deliver.sweep(self.ports, now=self.now + timedelta(minutes=3))
        return tally + self.work_webhooks()

    def work_webhooks(self) -> Counter[str]:
        """Lets the workers of webhooks make their attempts; none of them waits for the next."""
        tally: Counter[str] = Counter()
        while self.webhook_workers.started:
            leases = self.webhook_workers.started.pop(0)
            tally += attempt.take(self.ports, leases, keep_going=lambda: True).tally
        return tally

    def work_jobs(self, keep_going: Callable[[], bool] = lambda: True) -> Counter[str]:
        """Lets the workers of background jobs take every message; `keep_going` is each slice's."""
        tally: Counter[str] = Counter()
        errors: list[Exception] = []
        while self.jobs.bodies:
            (lease,) = leases_of(self.jobs.bodies.pop(0))
            done = jobs_work.take(
                self.ports, job_kinds.KINDS, lease, now=self.now, keep_going=keep_going
            )
            errors += done.errors
            tally[f"job_{done.outcome}"] += 1
        if errors:
            raise errors[0]
        return tally

    def tick(self) -> Counter[str]:
        """One tick of the schedules, and all the work that follows from it."""
        swept = self.sweep() + cancel.sweep(self.ports, now=self.now)
        swept += look.sweep(self.ports, now=self.now)
        swept += decision.sweep(self.ports, now=self.now)
        swept += erase.sweep(self.ports, now=self.now)
        swept += jobs_sweep.sweep(self.ports, now=self.now)
        swept += webhooks_sweep.sweep(self.ports, now=self.now)
        swept += alarms.sweep(self.ports, now=self.now)
        return swept + self.remind() + self.work()

    def remind(self) -> Counter[str]:
        """Looks at the subscriptions whose reminders are due."""
        return remind.sweep(self.ports, now=self.now, access_ended=handlers.log_access_ended)

    def advance(self, *, to: datetime | None = None, **span: float) -> Counter[str]:
        """Move the clock from one due instant to the next, ticking at each."""
        until = to or self.now + timedelta(**span)
        tally: Counter[str] = Counter()
        while (due := self._next_due()) is not None and due <= until and self.now <= until:
            ticks = max(0, ceil((due - self.now) / TICK))
            self.now = min(until, self.now + ticks * TICK)
            tally += self.tick()
            if self.now < until and self._next_due() == due:
                self.now += TICK  # what is due again at once, the next tick finds
            elif self._next_due() == due:
                break
        self.now = until
        return tally + self.tick()

    def history(self, email: str = "ann@example.com") -> History:
        customer = self.store.customer_by_email("acme", email)
        assert customer is not None
        return self.store.history("acme", customer)

    def subscription(self, email: str = "ann@example.com") -> Subscription:
        (subscription,) = self.history(email).subscriptions
        return subscription

    def orders(self, email: str = "ann@example.com") -> list[Order]:
        return list(self.history(email).orders)

    def book_on_customer(self, attempt_key: str, email: str = "ann@example.com") -> None:
        """Book a declined attempt on the owner of its email, as earlier versions did."""
        attempt = self.store.checkout("acme", attempt_key)
        assert attempt is not None and attempt.invoice.failed_order_id is not None
        order = self.store.order_by_id("acme", attempt.invoice.failed_order_id)
        customer = self.store.customer_by_email("acme", email)
        assert order is not None and order.customer is None and customer is not None
        self.store.commit(Remove(order), Insert(replace(order, customer=customer)))

    def charges(self) -> list[dict[str, Any]]:
        """The gateway's own ledger, oldest first."""
        return list(reversed(self.sandbox.charges()))

    def subjects(self) -> list[str]:
        return [str(message["Subject"]) for message in self.mailer.sent]

    def _next_due(self) -> datetime | None:
        far = datetime(9000, 1, 1, tzinfo=UTC)
        rows = [
            row.due_at
            for kind in set(DueKind) - {DueKind.DECIDE}  # a person's, which no sweep acts on
            for shard in range(self.ports.operation.shards)
            for row in self.store.due(kind, shard, far, 1)
        ]
        return min(rows, default=None)


def meanwhile(act: Callable[[], T]) -> T:
    """Runs what another process does just then: logs of either do not get the other's context."""
    return Context().run(act)
