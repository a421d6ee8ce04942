"""Public registers of tax ids (C-7)."""

from __future__ import annotations

from typing import Protocol

from billing.kernel.errors import Unavailable
from billing.kernel.values import Value


class RegisterAnswer(Value):
    """The answer of a register about a tax id.

    `reference` is the register's own number of this answer, as evidence; None where it gives none.
    """

    is_known: bool
    reference: str | None = None


class TaxIdRegister(Protocol):
    """A register that knows the tax ids of businesses."""

    def look_up(self, tax_id: str, *, asker: str | None) -> RegisterAnswer:
        """Returns what the register says of a tax id with its country's prefix.

        `asker` is the tax id of who wants to know: without one there is no reference. Raises
        `Unavailable` where the register does not say.
        """
        ...


class NoRegister:
    """The register where none is asked: it never says anything."""

    def look_up(self, tax_id: str, *, asker: str | None) -> RegisterAnswer:
        raise Unavailable("No register of tax ids is asked here.")


NO_REGISTER = NoRegister()
