"""Mutants of taxes, numbers and issued documents (C-7, M-7)."""

from __future__ import annotations

from typing import Any

from billing.invoices.flows import documents, numbers
from billing.kernel import taxes
from billing.kernel.invoices import Invoice
from billing.kernel.taxes import UNTAXED, Taxes
from billing.refunds import refunds, value
from billing.tax import sums
from sim.mutants.mutant import Mutant
from sim.mutants.removing import always, committing_blindly


def denied(original: Any) -> Any:
    """Answers a question, which is a property, with no."""
    return property(lambda self: False)


def issuing_anew(original: Any) -> Any:
    """Makes a document of what its invoice and its seller are now, whatever was issued."""

    def mutant(ports: Any, merchant: Any, invoice: Any) -> Any:
        return documents.invoice_issuer(ports, merchant, invoice)(invoice)

    return mutant


def rounding_down(original: Any) -> Any:
    return lambda numerator, denominator: numerator // denominator


def no_taxes(original: Any) -> Any:
    """Takes all of a refund for money before tax."""
    return lambda invoice, amount: (0,) * len(invoice.tax_lines)


def nothing_returned(original: Any) -> Any:
    """Adds refunds to no sum of tax."""
    return lambda invoice, net_minor, taxes: [(0, 0, 0)] * len(taxes)


def of_all(reserve: Any) -> Any:
    """Refunds as much as the tax, but in proportion, of the time that was paid for too."""
    return lambda *args, of_tax=False, **kwargs: reserve(*args, **kwargs)


DOCUMENTS: tuple[Mutant, ...] = (
    Mutant("documents: issued anew for each look", ((documents, "issued_invoice", issuing_anew),)),
    Mutant("tax: rounded down", ((taxes, "half_up", rounding_down),)),
    Mutant("tax: credit without its taxes", ((Taxes, "of", always(UNTAXED)),)),
    Mutant("tax: a refund returns none", ((value, "taxes_in", no_taxes),)),
    Mutant(
        "tax: tax alone goes back as a part of all",
        ((refunds, "reserve", of_all),),
        scene="proves it owes no tax",
    ),
    Mutant(
        "tax: taken off again once it was refunded",
        ((Invoice, "has_its_tax_refunded", denied),),
        scene="proves it owes no tax",
    ),
    Mutant("tax: refunds are not reported", ((sums, "of_refund", nothing_returned),)),
    Mutant("numbers: counter unconditional", ((documents, "numbered", committing_blindly),)),
    Mutant(
        "numbers: the counter of a batch unconditional", ((numbers, "_number", committing_blindly),)
    ),
)
