"""The types of a region's rules (X-10 .. X-12); the rules themselves are in `table`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

from billing.kernel.values import Value, field


class Duty(StrEnum):
    """A duty of a seller. The last five are notices, with windows of days."""

    WITHDRAWAL = "withdrawal"
    CANCELLATION = "cancellation"
    TRIAL_ENDS = "trial_ends"
    RENEWAL = "renewal"
    PRICE_CHANGE = "price_change"
    YEARLY_REMINDER = "yearly_reminder"
    OTHER = "other"


FUNCTIONS = (Duty.WITHDRAWAL, Duty.CANCELLATION)
NOTICES = (Duty.TRIAL_ENDS, Duty.RENEWAL, Duty.PRICE_CHANGE, Duty.YEARLY_REMINDER, Duty.OTHER)


class Certainty(StrEnum):
    """The certainty of a row: A, several sources or the text; B, one source; C, not verified."""

    A = "A"
    B = "B"
    C = "C"


class Offers(StrEnum):
    """Whether something may be offered to a buyer who is about to cancel (X-11)."""

    NONE = "none"
    ASK_FIRST = "ask_first"
    BESIDE = "beside"


class Field(StrEnum):
    """A field of a declaration's form."""

    KIND = "kind"
    NAME = "name"
    CONTRACT = "contract"
    DATE = "date"
    REASON = "reason"
    CONTACT = "contact"


class Step(StrEnum):
    """A page on the way of a declaration, in order."""

    FORM = "form"
    SUMMARY = "summary"
    RECEIPT = "receipt"


class Receipt(StrEnum):
    """The form of the receipt that a declaration gets at once."""

    DURABLE_MEDIUM = "durable_medium"
    TEXT_FORM = "text_form"
    ANY = "any"


class Window(Value):
    """A notice's window: between `most` and `least` days before, None for no earliest day.

    It is for trials, promotions or terms of more than `over_days`; `before_last_day` counts from
    the last day to cancel. `half_of_short`: no earlier than half of a trial that is shorter than
    twice as long.
    """

    least: int
    most: int | None = None
    over_days: int = 0
    before_last_day: bool = False
    half_of_short: bool = False


class Rule(Value):
    """One duty in one region: a country, a state as `US-CA`, `EU`, or `*` for everywhere.

    `valid_from` is None where a duty is not in force, or its table gives no day; `in_force` tells
    the two apart. `labels` and `confirmations` are by language, of which `speaks` is the region's.
    `wording` are the cells of REGIONS.md that the typed fields stand for. `checked_on` is the day
    on which its source was last looked at. `rise_needs_consent`: a higher price is charged only of
    a customer who agreed to it.
    """

    region: str
    duty: Duty
    source: str
    checked_on: date
    certainty: Certainty
    valid_from: date | None = None
    in_force: bool = True
    scope: str = ""
    speaks: str = "en"
    labels: Mapping[str, str] = field(default_factory=dict)
    confirmations: Mapping[str, str] = field(default_factory=dict)
    fields: tuple[Field, ...] = ()
    steps: tuple[Step, ...] = ()
    login_allowed: bool = True
    offers: Offers = Offers.BESIDE
    self_cancel_required: bool = False
    receipt: Receipt = Receipt.ANY
    days: int | None = None
    windows: tuple[Window, ...] = ()
    rise_needs_consent: bool = False
    wording: tuple[str, ...] = ()

    def label(self, language: str) -> str | None:
        """Returns the label of its button in a language, else in the region's own."""
        return self.labels.get(language) or self.labels.get(self.speaks)

    def confirmation(self, language: str) -> str | None:
        """Returns the label of the last click in a language, else in the region's own."""
        return self.confirmations.get(language) or self.confirmations.get(self.speaks)

    def applies_on(self, day: date) -> bool:
        """Tests whether the duty holds on a day; without a day of its own it always has."""
        return self.in_force and (self.valid_from is None or self.valid_from <= day)

    @property
    def is_function(self) -> bool:
        return self.duty in FUNCTIONS
