"""The input of a charge: a subscription, its merchant and its invoice, open or to be opened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from billing.kernel import charge_eligibility
from billing.kernel.invoices import UNDER_WAY, Invoice, InvoiceState
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.kernel.values import Value
from billing.kernel.writes import Transaction


class ChargeJob(Value):
    """One subscription on its way through the steps; `invoice` is the open one, if any."""

    merchant: Merchant
    subscription: Subscription
    invoice: Invoice | None = None

    @property
    def open_invoice(self) -> Invoice:
        assert self.invoice is not None, "opened before it is charged"
        return self.invoice

    @property
    def is_under_way(self) -> bool:
        return self.invoice is not None and self.invoice.state in UNDER_WAY

    @property
    def is_last_authentication(self) -> bool:
        """Tells whether the buyer's time to authenticate the last attempt has ended (R-4)."""
        invoice = self.open_invoice
        counted = invoice.attempt - invoice.uncounted
        attempts = self.merchant.settings.retry_schedule.attempts
        regular = not invoice.changes_plan
        return regular and self.waits_for_buyer and counted >= attempts

    def has_lapsed(self, ports: Ports, now: datetime) -> bool:
        """Tells whether a change of plan was not paid while its quote was fresh (A-4)."""
        if not self.changes_plan:
            return False
        return now - self.open_invoice.opened_at >= timedelta(hours=ports.operation.checkout_hours)

    @property
    def changes_plan(self) -> bool:
        return self.invoice is not None and self.invoice.changes_plan

    @property
    def waits_for_buyer(self) -> bool:
        return self.open_invoice.state is InvoiceState.ACTION_REQUIRED

    @property
    def is_elsewhere(self) -> bool:
        """Tells whether its card is at another gateway account than its open invoice (W-6)."""
        opened, agreed = self.open_invoice, self.subscription
        return (opened.gateway, opened.gateway_account) != (
            agreed.gateway,
            agreed.gateway_account,
        )

    def held(self, ports: Ports) -> charge_eligibility.Hold | None:
        return ports.hold(self.subscription, self.merchant)


class Renewal(Value):
    """A payment that is due, with no invoice open: `invoice` is made and not written yet.

    `subscription` is as it was read. `moves` are the writes of its access to another plan.
    `reference` is the payment that was prepared.
    """

    merchant: Merchant
    subscription: Subscription
    invoice: Invoice
    moves: Transaction
    reference: str | None = None

    def opened(self, invoice: Invoice) -> ChargeJob:
        """Returns the job as the write that opens this invoice leaves it."""
        after = self.subscription.renewing().opened(invoice.id)
        return ChargeJob(self.merchant, after, invoice)


def committed(
    ports: Ports, jobs: Sequence[ChargeJob], writes: Sequence[Transaction], tally: Counter[str]
) -> list[ChargeJob]:
    """Commits the writes and returns the jobs that went through.

    The others met another writer and come back on their due date.
    """
    if not jobs:
        return []
    conflicts = ports.store.commit_each(writes)
    tally["conflict"] += sum(1 for conflict in conflicts if conflict)
    return [job for job, conflict in zip(jobs, conflicts, strict=True) if conflict is None]
