"""Mutants of announced prices, and of the notices that tell of them (X-12, P-18)."""

from __future__ import annotations

from typing import Any

from billing.kernel.flows import consumers
from billing.kernel.price_changes import PriceChange
from billing.kernel.subscription_funds import FundedAgreement
from billing.notices.flows import proofs, remind
from billing.notices.records import NoticeRecord
from billing.outbox.flows import mailing
from billing.plans.flows import announce_price
from sim.mutants.mutant import Mutant
from sim.mutants.removing import always, blind, committing_blindly, unchanged


def from_its_start(original: Any) -> Any:
    """Charges a price from the day it starts, told of or not."""
    return lambda change, scheduled: scheduled >= change.starts_at


def however_late(original: Any) -> Any:
    """Charges a price that was told of, however late."""
    return lambda change, scheduled: scheduled >= change.starts_at and change.told_at is not None


def as_announced(original: Any) -> Any:
    """Counts a price as told when it was written that it is, however late its mail."""
    return lambda ports, subscription, now: subscription


def telling_blindly(original: Any) -> Any:
    """Drops the condition that the announced price is as it was read."""
    told = blind("Subscription")(original)
    return lambda *args: list(told(*args))


def for_all(original: Any) -> Any:
    """Tells all consumers again of a notice whose mail went nowhere."""
    return lambda ports, event: event


PRICES: tuple[Mutant, ...] = (
    Mutant("price: charged untold", ((PriceChange, "is_for", from_its_start),)),
    Mutant("price: charged however late it was told", ((PriceChange, "is_for", however_late),)),
    Mutant("price: never charged", ((FundedAgreement, "at_its_price", unchanged),)),
    Mutant("price: what was withheld counts as told", ((proofs, "withhold", always(None)),)),
    Mutant(
        "price: what came back counts as told",
        ((proofs, "came_back", always(False)),),
        scene="untold",
    ),
    Mutant(
        "price: a report before its proof is lost",
        ((mailing, "_look_back", always(None)),),
        scene="untold",
    ),
    Mutant(
        "price: told when it is written", ((proofs, "mailed", as_announced),), scene="told late"
    ),
    Mutant(
        "price: told without a look at what was announced",
        ((remind, "_notices", telling_blindly),),
        scene="costs more",
    ),
    Mutant(
        "price: taken back without a look",
        ((announce_price, "take_back", committing_blindly),),
        scene="costs more",
    ),
    Mutant("notice: any report is of its mail", ((NoticeRecord, "is_of", always(True)),)),
    Mutant(
        "notice: told to all again",
        ((consumers, "for_mail_alone", for_all),),
    ),
)
