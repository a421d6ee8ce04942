"""A shop whose customer's email is changed."""

from __future__ import annotations

from email.message import EmailMessage

from tests.web.shop import Shop
from tests.world import World

OLD, NEW, BOB = "ann@example.com", "ann@elsewhere.example", "bob@example.com"


def change(shop: Shop, new: str = NEW, old: str = OLD) -> None:
    """Changes an email as the merchant's program, and delivers the outbox."""
    customer = shop.world.store.customer_by_email("acme", old)
    answer = shop.api.call("PATCH", f"/v1/customers/{customer}", {"email": new})
    assert (answer.status, answer.json["email"]) == (200, new)
    shop.world.work()


def mailed(world: World, to: str, since: int = 0) -> list[str]:
    """Returns the subjects of the mails to an address."""
    sent = world.mailer.sent[since:]
    return [str(m["Subject"]).removeprefix("[TEST] ") for m in sent if str(m["To"]) == to]


def last(world: World, to: str) -> EmailMessage:
    return [m for m in world.mailer.sent if str(m["To"]) == to][-1]
