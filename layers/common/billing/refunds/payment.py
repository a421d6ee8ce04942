"""A payment as a refund of it needs it: with its subscription, and with its refunds so far."""

from __future__ import annotations

from billing.kernel.invoices import Invoice
from billing.kernel.money import Money
from billing.kernel.orders import Order
from billing.kernel.storage import History
from billing.kernel.subscription import Subscription
from billing.kernel.values import Value, replace
from billing.refunds import refunds, value
from billing.refunds.refunds import Refund


class Effect(Value):
    """The effect of refunding all that is left of a payment (B-7).

    `amount` goes back, with it `credit` of the subscription ends; `used` has paid for other periods
    as credit: it stays with the merchant unless they give it back by hand.
    """

    amount: Money
    credit: Money
    used: Money


def effect(
    invoice: Invoice,
    subscription: Subscription | None,
    opened: Invoice | None,
    *,
    by_hand: bool,
) -> Effect:
    """Returns the effect of a full refund now, by the merchant's hand or without it."""
    left, most = value.refundable(invoice), value.automatic(invoice, subscription, opened)
    amount = left if by_hand else most
    took, _ = refunds.take_back(subscription, invoice, amount)
    credit = 0 if took is None else took.credit_minor
    return Effect(amount, replace(left, amount_minor=credit), left - most)


class Payment(Value):
    """A payment with everything that a refund of it depends on, as it was read.

    `order` is its entry of the order list, `opened` the open invoice of its subscription. `refunds`
    are all of the payment.
    """

    order: Order
    invoice: Invoice
    subscription: Subscription | None
    opened: Invoice | None
    refunds: tuple[Refund, ...]

    @classmethod
    def of(cls, history: History, order: str) -> Payment:
        """Returns one payment of a customer, by its Order ID, as the store's `payment` read it."""
        paid = next(each for each in history.orders if each.id == order)
        invoice = history.invoice(paid.invoice)
        assert invoice is not None, "written with its order"
        subscription = history.subscription(invoice.subscription)
        opened = None if subscription is None else history.invoice(subscription.open_invoice)
        made = tuple(each for each in history.refunds if each.invoice == invoice.id)
        return cls(paid, invoice, subscription, opened, made)

    def refund(self, name: str | None) -> Refund | None:
        """Returns the refund of the payment that is called `name`, or None."""
        if name is None:
            return None
        named = refunds.refund_id(self.invoice.id, name)
        return next((each for each in self.refunds if each.id == named), None)

    def effect(self, *, by_hand: bool) -> Effect:
        """Returns the effect of refunding all that is left, by the merchant's hand or not."""
        return effect(self.invoice, self.subscription, self.opened, by_hand=by_hand)
