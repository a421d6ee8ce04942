"""Finds which tax each line of an invoice is under, as e-invoices must say it (M-13, C-10).

An invoice has net lines, then a line for each rate with the net amount that it is on. Lines that
were taxed alike add up to that amount; what is left over was not taxed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from billing.kernel.invoices import InvoiceLine

SEARCH_MOST = 100_000
"""The most ways of grouping that are tried; an invoice has a handful of lines."""


def grouped(lines: Sequence[InvoiceLine]) -> tuple[InvoiceLine | None, ...] | None:
    """Returns the line of tax that each net line is under, None for an untaxed one.

    None altogether where no grouping adds up: several taxes on one line, as in the US.
    """
    net = [line.amount.amount_minor for line in lines if not line.is_tax]
    taxes = [line for line in lines if line.is_tax]
    wanted = [line.tax.taxable_minor for line in taxes if line.tax is not None]
    if len(wanted) < len(taxes) or (len(taxes) + 1) ** len(net) > SEARCH_MOST:
        return None
    found = next(_groupings(net, wanted), None)
    if found is None:
        return None
    return tuple(None if place == len(taxes) else taxes[place] for place in found)


def _groupings(net: Sequence[int], left: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Yields the ways to give each amount a group, so that nothing is left of any group's sum; the
    group after the last is of what is not taxed."""
    if not net:
        if not any(left):
            yield ()
        return
    first, *others = net
    for group in range(len(left)):
        after = [rest - first if place == group else rest for place, rest in enumerate(left)]
        yield from ((group, *rest) for rest in _groupings(others, after))
    yield from ((len(left), *rest) for rest in _groupings(others, left))
