"""The words of a merchant's program about a purchase, sent along with its buyer (C-1)."""

from __future__ import annotations

from billing.kernel.values import Value

ENTRIES_MOST = 10
NAME_MOST = 40
TEXT_MOST = 200


class Metadatum(Value):
    """A named text of the merchant's program."""

    name: str
    text: str


class HandOff(Value):
    """The words of a merchant's program about a purchase, which mean nothing to us.

    They come by the buyer's browser, so that they prove nothing: no email, no customer, no payment.
    """

    reference: str | None = None
    metadata: tuple[Metadatum, ...] = ()


def reference_of(given: HandOff | None) -> str | None:
    return None if given is None else given.reference


def metadata_of(given: HandOff | None) -> dict[str, str]:
    return {} if given is None else {each.name: each.text for each in given.metadata}


def of(reference: str | None, metadata: dict[str, str]) -> HandOff | None:
    """Returns what was said; None where nothing was, so that nothing is stored."""
    if reference is None and not metadata:
        return None
    return HandOff(reference, tuple(Metadatum(name, metadata[name]) for name in sorted(metadata)))
