"""Files of subscriptions for tests of imports, and a shop that imports them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Period
from tests.web.shop import Shop

MONTHLY = PriceTerms(PriceType.RECURRING, Money(2999, Currency.USD), Period.MONTHLY)
NEXT = "2026-02-20T15:00:00Z"
ROW: dict[str, str] = {
    "external_id": "sub_1",
    "email": "ann@example.com",
    "name": "Ann",
    "country": "US",
    "price": "29.99",
    "currency": "USD",
    "period": "1m",
    "status": "active",
    "started_at": "2025-12-20T15:00:00Z",
    "next_charge_at": NEXT,
    "zone": "UTC",
    "payment_method": "pm_1",
}
"""A row that is fine for a shop that sells monthly at 29.99."""


def table(*rows: Mapping[str, str], separator: str = ",") -> str:
    """A file of rows; its columns are those of all of them."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    written = io.StringIO()
    writer = csv.DictWriter(written, names, delimiter=separator, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue()


def many(count: int, **fields: str) -> str:
    return table(*({**ROW, "external_id": f"sub_{n}", **fields} for n in range(1, count + 1)))


def selling() -> Shop:
    """A shop with one product at 29.99 a month."""
    shop = Shop()
    shop.world.product(MONTHLY)
    return shop


def sent(shop: Shop, text: str, **query: str) -> dict[str, Any]:
    """An import of a text, once it is looked at."""
    answer = send(shop, text.encode().decode("latin-1"), **query)
    assert answer.status == 201, answer.json
    return done(shop, answer.json["id"])


def send(shop: Shop, body: str, **query: str) -> Any:
    """Sends bytes, each as a character."""
    from base64 import b64encode

    from tests.web.calls import event

    address = "/v1/imports?" + "&".join(f"{name}={value}" for name, value in query.items())
    headers = {"content-type": "text/csv", "authorization": "Bearer sk_acme"}
    raw = b64encode(body.encode("latin-1")).decode()
    return shop.api.send(event("POST", address, raw, headers=headers, is_base64=True))


def done(shop: Shop, import_id: str) -> dict[str, Any]:
    shop.world.tick()
    answer = shop.api.get(f"/v1/imports/{import_id}")
    assert answer.status == 200
    return dict(answer.json)


def rows(shop: Shop, import_id: str, **query: str) -> list[dict[str, Any]]:
    answer = shop.api.get(f"/v1/imports/{import_id}/rows", **query)
    assert answer.status == 200, answer.json
    return list(answer.json["data"])


def reasons(shop: Shop, text: str, **query: str) -> list[list[str]]:
    """The reasons that were found in each row, in the order of the file."""
    found = rows(shop, sent(shop, text, **query)["id"])
    return [
        [each["reason"] for each in row["problems"]]
        for row in sorted(found, key=lambda row: int(row["number"]))
    ]
