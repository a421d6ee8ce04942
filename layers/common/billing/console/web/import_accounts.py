"""An import of the subscriptions of a connected account, in the console (M-4, M-6)."""

from __future__ import annotations

from billing.console.web.imports import HERE, import_list
from billing.console.web.pages import Desk
from billing.kernel.errors import Invalid, Refused
from billing.migration.flows import listing
from billing.migration.flows.listing import Listing
from billing.web import http
from billing.web.problems import errors_of


def begin(desk: Desk) -> http.Answer:
    """Begins to read the subscriptions of the account that is chosen."""
    form = {name: value.strip() for name, value in desk.request.form().items()}
    gateway, _, account = form.get("account", "").partition(":")
    asked = Listing(
        gateway,
        account,
        quantity_confirmed=form.get("quantity_confirmed") == "yes",
        mails=form.get("mails") == "yes",
    )
    by = desk.session.holder.email or "console"
    try:
        begun = listing.begin(desk.ports, desk.session.merchant, asked, by=by, now=desk.now)
    except Invalid as error:
        return import_list(desk, typed=form, errors=errors_of(error.at("account")))
    except Refused as error:
        wrong = Invalid(error.reason, field="", **error.parameters)
        return import_list(desk, typed=form, errors={"": wrong})
    return http.redirect(f"{HERE}/{begun.found.id}")
