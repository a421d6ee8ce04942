"""The merchant as its documents name it, in the console, by the input of /v1 (M-13, C-7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from billing.accounts.flows import settings
from billing.accounts.web.merchant_inputs import SettingsChangeInput
from billing.console.web.pages import Desk, page
from billing.kernel.errors import Conflict, Invalid
from billing.kernel.identities import UNSAID
from billing.kernel.merchants import Merchant
from billing.web import http
from billing.web.inputs import read
from billing.web.problems import errors_of
from billing.web.sessions import digest

HERE = "/console/settings/business"
ADDRESS = ("country", "line1", "line2", "city", "postal_code", "state")
TYPED_MOST = 600
IDS_TYPED_MOST = 2000


def business_page(
    desk: Desk,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, Invalid] | None = None,
    stale: bool = False,
) -> http.Answer:
    """Shows the form; `stale` where somebody changed it since it was shown."""
    merchant = desk.session.merchant
    return page(
        *(desk, "console/business.html"),
        status=422 if errors else 409 if stale else 200,
        form=_typed(merchant) if typed is None else typed,
        errors=errors or {},
        stale=stale,
        seen=seen(merchant),
        done=desk.request.query().get("done") == "changed" and typed is None,
    )


def change(desk: Desk) -> http.Answer:
    """Changes what documents say from now on; issued ones stay as they are."""
    form, merchant = desk.request.form(), desk.session.merchant
    typed = {
        name: value.strip()[: IDS_TYPED_MOST if name == "tax_ids" else TYPED_MOST]
        for name, value in form.items()
        if name not in ("csrf", "seen") and value.strip()
    }
    if form.get("seen") != seen(merchant):
        return business_page(desk, typed=typed, stale=True)
    try:
        wanted = read(SettingsChangeInput, {"identity": _document(typed)}).given()
        settings.change(desk.ports, merchant, wanted)
    except Invalid as error:
        found = {_field(name): each for name, each in errors_of(error).items()}
        return business_page(desk, typed=typed, errors=found)
    except Conflict:
        return business_page(desk, typed=typed, stale=True)
    return http.redirect(f"{HERE}?done=changed")


def seen(merchant: Merchant) -> str:
    """Returns a mark of what the page showed; after any change it is another."""
    return digest(repr((merchant.identity, merchant.address)))[:16]


def _document(typed: Mapping[str, str]) -> dict[str, Any]:
    address = {name: typed[name] for name in ADDRESS if name in typed}
    return {
        "legal_name": typed.get("legal_name"),
        "address": address or None,
        "tax_ids": [
            _tax_id(line) for line in typed.get("tax_ids", "").splitlines() if line.strip()
        ],
        "invoice_note": typed.get("invoice_note", ""),
        "untaxed_reason": typed.get("untaxed_reason", ""),
        "e_invoices": "e_invoices" in typed,
    }


def _tax_id(line: str) -> dict[str, str]:
    """Reads `DE DE123456789`, the country first; without a space it is the number's beginning."""
    country, _, number = line.strip().partition(" ")
    if not number:
        country, number = line.strip()[:2], line.strip()
    country = country.upper()
    return {"country": "GR" if country == "EL" else country, "number": number.strip()}


def _field(path: str) -> str:
    """Returns the form's field for a path of /v1."""
    name = path.removeprefix("identity.").removeprefix("address.")
    return "tax_ids" if name.startswith("tax_ids") else "line1" if name == "address" else name


def _typed(merchant: Merchant) -> dict[str, str]:
    found = merchant.identity or UNSAID
    form = {
        "legal_name": found.legal_name,
        "tax_ids": "\n".join(f"{each.country} {each.number}" for each in found.tax_ids),
        "invoice_note": found.invoice_note,
        "untaxed_reason": found.untaxed_reason,
        "e_invoices": "true" if found.e_invoices else "",
    }
    if merchant.address is not None:
        form |= {name: getattr(merchant.address, name) for name in ADDRESS}
    return {name: value for name, value in form.items() if value}
