"""Replaces the one thing that the simulator takes out of the product: making documents and metrics.

A mail's words and a PDF are pure functions of what is simulated, cost more than everything else
together, and have tests of their own. What remains of a mail is the outbox event that it reports,
and of a PDF the text of what it shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

from billing.accounts.mail import letters as account_letters
from billing.cancel.mail import letters as cancel_letters
from billing.cards.mail import letters as card_letters
from billing.customers.mail import letters as customer_letters
from billing.declarations.mail import letters as declaration_letters
from billing.helpdesk.mail import letters as helpdesk_letters
from billing.invoices.flows import files
from billing.notices.mail import letters as reminder_letters
from billing.plans.mail import letters as plan_letters
from billing.rebill.mail import letters as payment_letters
from billing.refunds.mail import letters as refund_letters
from billing.refunds.mail import merchant_letters
from billing.render import mails
from billing.runtime import telemetry
from sim.document_writes import rendered


@contextmanager
def events_only() -> Iterator[None]:
    """Replaces documents and metrics for as long as a simulation runs, then puts them back for
    whoever shares the process.
    """
    stubs: list[tuple[ModuleType, str, object]] = [
        *((module, "written", _bare) for module in MAILS if hasattr(module, "written")),
        *((module, "text", lambda *_, **__: "") for module in MAILS if hasattr(module, "text")),
        *((module, "formats", _Blank("")) for module in MAILS if hasattr(module, "formats")),
        *(
            (module, name, _no_words)
            for module in MAILS
            for name in _WORDS
            if hasattr(module, name)
        ),
        (helpdesk_letters, "_from", lambda department, message, envelope: message),
        (helpdesk_letters, "_to", lambda ticket, message: message),
        (files, "invoice_pdf", SimpleNamespace(render=rendered)),
        (telemetry, "tally", lambda counts, prefix="": None),
        (telemetry, "happened", lambda what, **_: None),
        (telemetry, "messages_failed", lambda errors: None),
    ]
    with ExitStack() as undo:
        for module, name, stub in stubs:
            undo.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, stub)
        yield


MAILS = (
    account_letters,
    cancel_letters,
    card_letters,
    customer_letters,
    declaration_letters,
    helpdesk_letters,
    mails,
    merchant_letters,
    payment_letters,
    plan_letters,
    refund_letters,
    reminder_letters,
)
"""All of them, imported before their words are taken out: else one would keep the stub for good."""

_WORDS = ("_lines", "next_payment", "cancelling", "filled")


def _words_of(module: ModuleType) -> list[str]:
    return [name for name in _WORDS if hasattr(module, name)]


def _no_words(*_: Any, **__: Any) -> tuple[str, ...]:
    return ()


class _Blank:
    """A module whose every function makes the same empty result."""

    def __init__(self, nothing: str) -> None:
        self._nothing = nothing

    def __getattr__(self, name: str) -> Any:
        return lambda *_: self._nothing


class BareMail(dict[str, Any]):
    """A mail without words."""

    def get_body(self, _: Any) -> None:
        return None


def _bare(
    letter: Any, envelope: Any, pdf: bytes | None = None, *_: Any, **__: Any
) -> dict[str, Any]:
    """Returns a mail reduced to its outbox event, its address and what is attached."""
    to = SimpleNamespace(addresses=(SimpleNamespace(addr_spec=envelope.to.email),))
    return BareMail({"Message-ID": envelope.event_id, "To": to, "pdf": pdf})
