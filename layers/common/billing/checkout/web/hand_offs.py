"""The words of a merchant's program: in the checkout's address, in its form, in JSON (C-1).

It comes by the buyer's browser, where anybody can write it. So it is bounded, it is shown to nobody
but the merchant, an email is only filled in, and an address is shown only if the merchant listed
it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlencode

from billing.kernel import hand_off
from billing.kernel.customers import EMAIL_MOST
from billing.kernel.hand_off import HandOff

REFERENCE, RETURN = "client_reference", "return_url"
_METADATUM = re.compile(r"metadata\[(.*)\]", re.DOTALL)


def linked(query: Mapping[str, str]) -> dict[str, str]:
    """Returns the fields of the form that a link to the checkout fills in; raises `Misshapen` for
    what the form would refuse."""
    fields = carried(query)
    document, _ = nested({name: fields[name] for name in fields if name != RETURN})
    if document:
        from billing.checkout.web.forms import HandOffInput
        from billing.web.inputs import read

        read(HandOffInput, document)
    email = query.get("email", "").strip()
    return fields | ({"email": email[:EMAIL_MOST]} if email else {})


def carried(typed: Mapping[str, str]) -> dict[str, str]:
    """Returns what was handed over among fields, as a form or an address has it."""
    return {
        name: text
        for name, text in typed.items()
        if text and (name in (REFERENCE, RETURN) or _METADATUM.fullmatch(name))
    }


def nested(typed: Mapping[str, str]) -> tuple[dict[str, object], dict[str, str]]:
    """Splits fields into what was handed over, as JSON has it, and the others."""
    handed: dict[str, object] = {}
    metadata, others = {}, {}
    for name, text in typed.items():
        found = _METADATUM.fullmatch(name)
        if found:
            metadata[found[1]] = text
        elif name in (REFERENCE, RETURN):
            handed |= {name: text} if text else {}
        else:
            others[name] = text
    return handed | ({"metadata": metadata} if metadata else {}), others


def query_of(given: HandOff | None, return_url: str | None) -> str:
    """Returns the query that hands the same over again; empty where nothing was."""
    fields = {f"metadata[{name}]": text for name, text in hand_off.metadata_of(given).items()}
    if given is not None and given.reference is not None:
        fields[REFERENCE] = given.reference
    if return_url is not None:
        fields[RETURN] = return_url
    return f"?{urlencode(fields)}" if fields else ""
