"""The rules by region, as data: REGIONS.md's rows, letter for letter (X-10).

A new region, or a change of law, is a row here and there. No source gave labels in Danish, Finnish,
Swedish, Portuguese, Romanian, Slovak, Bulgarian and Norwegian: they are English until checked.
"""

from __future__ import annotations

from datetime import date

from billing.cancel.regions.added import ADDED
from billing.cancel.regions.rules import (
    Certainty,
    Duty,
    Field,
    Offers,
    Receipt,
    Rule,
    Step,
    Window,
)

CHECKED = date(2026, 11, 28)

UNCHECKED_LABELS = frozenset({"da", "fi", "sv", "pt", "ro", "sk", "bg", "no"})
"""Languages in which no source gave the labels of the EU's withdrawal function."""

_TWO_STEPS = (Step.FORM, Step.RECEIPT)
_WITHDRAWAL_FIELDS = (Field.NAME, Field.CONTRACT, Field.CONTACT)
_EU_DAYS = 14

_LABELS = {
    "en": "withdraw from contract here",
    "de": "Vertrag widerrufen",
    "fr": "renoncer au contrat ici",
    "it": "recedere dal contratto qui",
    "nl": "hier de overeenkomst herroepen",
    "es": "desistir del contrato aquí",
    "pl": "odstąp od umowy tutaj",
}
_CONFIRMATIONS = {
    "en": "confirm withdrawal",
    "de": "Widerruf bestätigen",
    "fr": "confirmer la rétractation",
    "it": "confermare il recesso",
    "nl": "herroeping bevestigen",
    "es": "confirmar desistimiento",
    "pl": "potwierdź odstąpienie od umowy",
}


def _withdrawal(
    region: str,
    speaks: str,
    source: str,
    certainty: Certainty,
    wording: tuple[str, ...],
    valid_from: date = date(2026, 6, 19),
) -> Rule:
    """Builds a member state's row of the directive's withdrawal function."""
    everywhere = region == "EU"
    return Rule(
        region=region,
        duty=Duty.WITHDRAWAL,
        valid_from=valid_from,
        scope="contracts concluded online, for 14 days",
        speaks=speaks,
        labels=_LABELS if everywhere else {speaks: _LABELS[speaks]},
        confirmations=_CONFIRMATIONS if everywhere else {speaks: _CONFIRMATIONS[speaks]},
        fields=_WITHDRAWAL_FIELDS,
        steps=_TWO_STEPS,
        login_allowed=False,
        offers=Offers.NONE,
        self_cancel_required=True,
        receipt=Receipt.DURABLE_MEDIUM,
        days=_EU_DAYS,
        source=source,
        checked_on=CHECKED,
        certainty=certainty,
        wording=wording,
    )


_DIRECTIVE = "the directive's language versions"

WITHDRAWALS = (
    _withdrawal(
        "EU",
        "en",
        "Directive (EU) 2023/2673 art. 11a",
        Certainty.A,
        (
            "name, what identifies the contract, electronic contact",
            "reachable for all of the 14 days; receipt on a durable medium with content, date and "
            "time; no login needed",
        ),
    ),
    _withdrawal("DE", "de", "§ 356a BGB", Certainty.A, ("as EU", "no login")),
    _withdrawal(
        "FR",
        "fr",
        "art. L. 221-21, D. 221-5 code de la consommation",
        Certainty.A,
        ("as EU", ""),
    ),
    _withdrawal("IT", "it", _DIRECTIVE, Certainty.B, ("as EU", "")),
    _withdrawal("NL", "nl", _DIRECTIVE, Certainty.B, ("as EU", "")),
    _withdrawal("ES", "es", _DIRECTIVE, Certainty.B, ("as EU", "")),
    _withdrawal("PL", "pl", _DIRECTIVE, Certainty.B, ("as EU", "")),
    _withdrawal("AT", "de", "one source", Certainty.B, ("as EU", ""), date(2026, 10, 1)),
)

_GERMAN_SOURCE = (
    "§ 312k BGB; BGH I ZR 161/24 (2025-05-22) and I ZR 200/25 (2026-07-16), "
    "OLG Köln 6 U 62/24, OLG Düsseldorf 20 UKl 3/23"
)

CANCELLATIONS = (
    Rule(
        region="DE",
        duty=Duty.CANCELLATION,
        valid_from=date(2022, 7, 1),
        scope="continuing contracts, one-time payments for continuing services too",
        speaks="de",
        labels={"de": "Verträge hier kündigen"},
        confirmations={"de": "jetzt kündigen"},
        fields=(
            Field.KIND,
            Field.REASON,
            Field.NAME,
            Field.CONTRACT,
            Field.DATE,
            Field.CONTACT,
        ),
        steps=_TWO_STEPS,
        login_allowed=False,
        offers=Offers.NONE,
        self_cancel_required=True,
        receipt=Receipt.TEXT_FORM,
        source=_GERMAN_SOURCE,
        checked_on=CHECKED,
        certainty=Certainty.A,
        wording=(
            "ordinary or extraordinary (then a reason), who, which contract, which date (default: "
            "the earliest), address for the receipt",
            "no login; button visible at once wherever the contract can be made; one page; nothing "
            "but the statutory fields and the button on it, so no offer, picture or survey; also "
            "one-time payments for continuing services; receipt in text form at once, with "
            "content, date and time of receipt, end date; no or a wrong button: the customer may "
            "end at any time",
        ),
    ),
    Rule(
        region="FR",
        duty=Duty.CANCELLATION,
        valid_from=date(2023, 6, 1),
        scope="contracts that can be concluded online",
        speaks="fr",
        labels={"fr": "résilier votre contrat"},
        fields=(
            Field.NAME,
            Field.CONTACT,
            Field.CONTRACT,
            Field.DATE,
            Field.KIND,
            Field.REASON,
        ),
        steps=(Step.FORM, Step.SUMMARY, Step.RECEIPT),
        login_allowed=False,
        self_cancel_required=True,
        receipt=Receipt.DURABLE_MEDIUM,
        source="art. L. 215-1-1, D. 215-1 ff.",
        checked_on=CHECKED,
        certainty=Certainty.A,
        wording=(
            "name, email or postal address, reference of the contract, date; for a legitimate "
            "reason: the reason and a way to send proof",
            "free; no account may be forced; may show notice period and consequences",
        ),
    ),
    Rule(
        region="US-CA",
        duty=Duty.CANCELLATION,
        valid_from=date(2025, 7, 1),
        scope="automatic renewals, effective at once",
        labels={"en": "click to cancel"},
        fields=(Field.NAME, Field.CONTACT, Field.CONTRACT),
        steps=_TWO_STEPS,
        self_cancel_required=True,
        source="Bus. & Prof. Code § 17602",
        checked_on=CHECKED,
        certainty=Certainty.A,
        wording=("", "same medium as sign-up; an offer only with the way out beside it"),
    ),
    *(
        Rule(
            region=f"US-{state}",
            duty=Duty.CANCELLATION,
            scope="automatic renewals",
            fields=(Field.NAME, Field.CONTACT, Field.CONTRACT),
            steps=_TWO_STEPS,
            offers=offers,
            self_cancel_required=True,
            source="one source",
            checked_on=CHECKED,
            certainty=Certainty.B,
            wording=("", "MN: offers only if the customer agrees to see them"),
        )
        for state, offers in (
            ("NY", Offers.BESIDE),
            ("MA", Offers.BESIDE),
            ("MN", Offers.ASK_FIRST),
            ("CO", Offers.NONE),
        )
    ),
    Rule(
        region="GB",
        duty=Duty.CANCELLATION,
        in_force=False,
        scope="not in force, expected 2027",
        source="DMCC Act 2024",
        checked_on=CHECKED,
        certainty=Certainty.A,
        wording=("", "keep the rows ready, switched off"),
    ),
)


def _notice(
    region: str, duty: Duty, wording: str, *windows: Window, rise_needs_consent: bool = False
) -> Rule:
    return Rule(
        region=region,
        duty=duty,
        windows=windows,
        source="REGIONS.md, gathered from public sources",
        checked_on=CHECKED,
        certainty=Certainty.B,
        rise_needs_consent=rise_needs_consent,
        wording=(wording,),
    )


_ONCE_A_YEAR = "reminder once a year"
_MONTH, _YEAR = 31, 364

NOTICES = (
    _notice(
        "*",
        Duty.TRIAL_ENDS,
        "7 or more before the first charge after a trial; for trials under 14 days half of it",
        Window(7, half_of_short=True),
    ),
    _notice("*", Duty.PRICE_CHANGE, "7 or more", Window(7)),
    _notice(
        "*",
        Duty.OTHER,
        "receipt at sign-up also for $0, with a way to cancel; first charge after a trial is named "
        "so on the statement",
    ),
    _notice("US-CA", Duty.TRIAL_ENDS, "over 31 days: 3 to 21", Window(3, 21, over_days=31)),
    _notice(
        "US-CA", Duty.RENEWAL, "term of a year or more: 15 to 45", Window(15, 45, over_days=_YEAR)
    ),
    _notice("US-CA", Duty.PRICE_CHANGE, "7 to 30", Window(7, 30)),
    _notice(
        "US-CA",
        Duty.YEARLY_REMINDER,
        "reminder once a year; consent kept 3 years or 1 after the end, the longer",
    ),
    _notice("US-NY", Duty.TRIAL_ENDS, "over a month: 3 to 21", Window(3, 21, over_days=_MONTH)),
    _notice(
        "US-NY",
        Duty.RENEWAL,
        "a year: 15 to 45 before the last day to cancel",
        Window(15, 45, over_days=_YEAR, before_last_day=True),
    ),
    _notice(
        "US-NY",
        Duty.PRICE_CHANGE,
        "5 to 30; a rise needs consent, or 14 days to cancel with refund",
        Window(5, 30),
        rise_needs_consent=True,
    ),
    _notice("US-MA", Duty.TRIAL_ENDS, "5 to 30", Window(5, 30)),
    _notice(
        "US-MA",
        Duty.RENEWAL,
        "over 31 days: 5 to 30 before the last day to cancel; up to 31 days: with every charge",
        Window(5, 30, over_days=_MONTH, before_last_day=True),
    ),
    _notice("US-MA", Duty.OTHER, "dates, not periods, at checkout"),
    _notice("US-MN", Duty.TRIAL_ENDS, "over 30 days: 5 to 30", Window(5, 30, over_days=30)),
    _notice("US-MN", Duty.YEARLY_REMINDER, _ONCE_A_YEAR),
    _notice("US-CT", Duty.YEARLY_REMINDER, _ONCE_A_YEAR),
    _notice("US-MD", Duty.TRIAL_ENDS, "over 14 days: 3 to 21", Window(3, 21, over_days=14)),
)

TRIAL_DAYS, RENEWAL_DAYS, PRICE_CHANGE_DAYS = 7, 25, 21
"""Our default days before, which fit every window of the table."""

DEFAULT_WORDING = (
    "7 (short trials: half)",
    "a year or more: 25",
    "21",
    "once a year; cancel link in every receipt",
)

RULES = (*WITHDRAWALS, *CANCELLATIONS, *NOTICES, *ADDED)

SOONEST_DAYS = 1 + max(
    window.least + window.before_last_day
    for rule in RULES
    if rule.duty is Duty.RENEWAL
    for window in rule.windows
)
"""The days before a renewal by which a look at it is in time for each window."""
