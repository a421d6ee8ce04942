"""Checks the ledger's accounts against the gateway's books, account by account (2, 11, 18).

The names of the accounts stand here a second time: money that is posted to another account than
the gateway that moved it, or to nobody's revenue, balances as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from billing.kernel.invoices import FINAL
from billing.kernel.ledger import LedgerEntry
from sim import taxes
from sim.invariants import Violation
from sim.world import World

Balances = Counter[tuple[str, str]]
"""Minor units by merchant and account."""


def balances_agree(world: World, found: Mapping[type, list[Any]]) -> None:
    """Checks that each account of each merchant stands at what the gateway says."""
    expected, booked = _by_gateway(world), Counter[tuple[str, str]]()
    taxes.booked_rightly(found, expected)
    for entry in found[LedgerEntry]:
        for posting in entry.postings:
            booked[entry.merchant, posting.account] += posting.amount_minor
    for key in expected.keys() | booked.keys():
        if expected[key] != booked[key]:
            merchant, account = key
            text = f"{merchant}: {account} is {booked[key]}, by the gateway {expected[key]}"
            raise Violation("18", text)


def _by_gateway(world: World) -> Balances:
    """Returns the balances that payments, refunds and disputes in the gateway's books make.

    A payment that is charged and not settled yet is in no account.
    """
    balances: Balances = Counter()
    for row in world.gateway.books.rows():
        invoice = world.oracle.invoices.get(row.get("invoice", ""))
        charged = row.get("state") == "succeeded"
        if invoice is None or not charged or invoice.state not in FINAL:
            continue
        of, merchant = f"{invoice.gateway}:{invoice.gateway_account}", invoice.merchant
        went = [each["amount"] for each in row["refunds"].values() if "failure" not in each]
        kept = row["amount"] - sum(went)
        for dispute in row.get("disputes", ()):
            amount, standing = dispute["amount"], dispute["standing"]
            if standing == "open":
                balances[merchant, f"assets:disputed:{of}"] += amount
            elif standing == "lost":
                balances[merchant, "expenses:chargebacks"] += amount
            kept -= 0 if standing == "won" else amount
        balances[merchant, f"assets:gateway:{of}"] += kept
        balances[merchant, "revenue:sales"] -= row["amount"] - sum(went)
    return balances
