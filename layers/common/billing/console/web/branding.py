"""The merchant's branding in the console: logo, colour, footer, sender name (M-11)."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping

from billing.branding import colours, looks
from billing.branding.flows import changes
from billing.branding.flows.changes import UNSEEN, Wrong
from billing.console.web.pages import Desk, page
from billing.kernel.branding import Branding
from billing.kernel.errors import Conflict, Invalid
from billing.web import http

HERE = "/console/branding"
FIELDS = ("accent", "sender_name", "footer")
TYPED_MOST = 2000
DONE = frozenset({"changed", "logo", "logo_removed"})
DRAWN = "drawn"
"""The field of a preview that carries its logo."""

USUAL_ACCENT = "#0b6b5c"

Errors = Mapping[str, Invalid]


def branding_page(
    desk: Desk,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Errors | None = None,
    stale: bool = False,
) -> http.Answer:
    """Shows the branding; `stale` where somebody changed it since the form was shown."""
    merchant = desk.session.merchant
    found = changes.read(desk.ports, merchant)
    accent = USUAL_ACCENT if found is None else found.accent or USUAL_ACCENT
    what = desk.request.query().get("done")
    saved = None if found is None else looks.look(found)
    logo = saved is not None and saved.logo is not None
    return page(
        desk,
        "console/branding.html",
        status=422 if errors else 409 if stale else 200,
        sources=(http.OWN_IMAGES,) if logo else (),
        form=_form_of(found) if typed is None else typed,
        errors=errors or {},
        stale=stale,
        seen=UNSEEN if found is None else found.version,
        saved=saved,
        icon="" if saved is None else saved.logo_path,
        palette=colours.palette(accent),
        usual=USUAL_ACCENT,
        suggested=_suggested(errors),
        done=what if what in DONE and typed is None and not errors and not stale else None,
    )


def change(desk: Desk) -> http.Answer:
    """Changes colour, sender name and footer, unless somebody else did meanwhile."""
    typed = typed_of(desk)
    try:
        fields = changes.checked(**typed)
        seen = desk.request.form().get("seen", "")
        changes.change(desk.ports, desk.session.merchant, seen, fields)
    except Wrong as wrong:
        return branding_page(desk, typed=typed, errors=_errors(wrong))
    except Conflict:
        return branding_page(desk, typed=typed, stale=True)
    return http.redirect(f"{HERE}?done=changed")


def set_logo(desk: Desk) -> http.Answer:
    """Stores and shows a logo, uploaded or previewed before, unless somebody else changed the
    branding meanwhile; or previews it."""
    form = desk.request.form()
    seen = form.get("seen", "")
    try:
        if form.get("act") == "preview":
            return _logo_preview(desk, seen)
        content = desk.request.picture("logo") if DRAWN not in form else _previewed(form[DRAWN])
        changes.set_logo(desk.ports, desk.session.merchant, seen, content)
    except Invalid as error:
        return branding_page(desk, errors={"logo": error})
    except Conflict:
        return branding_page(desk, stale=True)
    return http.redirect(f"{HERE}?done=logo")


def _logo_preview(desk: Desk, seen: str) -> http.Answer:
    """Shows an uploaded logo as it would be drawn; the page itself carries it, and nothing is
    stored."""
    png, logo = changes.drawn(desk.request.picture("logo"))
    return page(
        *(desk, "console/branding_logo.html"),
        sources=("img-src data:",),
        drawn=b64encode(png).decode(),
        logo=logo,
        seen=seen,
    )


def _previewed(drawn: str) -> bytes:
    """Reads the logo that a preview carries: as little trusted as any upload."""
    try:
        return b64decode(drawn, validate=True)
    except ValueError:
        raise Invalid("image_broken", field="logo") from None


def remove_logo(desk: Desk) -> http.Answer:
    """Shows no logo from now on."""
    try:
        seen = desk.request.form().get("seen", "")
        changes.remove_logo(desk.ports, desk.session.merchant, seen)
    except Conflict:
        return branding_page(desk, stale=True)
    return http.redirect(f"{HERE}?done=logo_removed")


def wrong_preview(desk: Desk, typed: Mapping[str, str], wrong: Wrong) -> http.Answer:
    """Shows the form with what keeps it from being previewed."""
    return branding_page(desk, typed=typed, errors=_errors(wrong))


def typed_of(desk: Desk) -> dict[str, str]:
    """Returns the fields of the form as they were typed."""
    form = desk.request.form()
    return {name: form.get(name, "")[:TYPED_MOST] for name in FIELDS}


def _form_of(found: Branding | None) -> dict[str, str]:
    if found is None:
        return dict.fromkeys(FIELDS, "")
    return {
        "accent": found.accent or "",
        "sender_name": found.sender_name,
        "footer": found.footer,
    }


def _errors(wrong: Wrong) -> dict[str, Invalid]:
    return {error.field: error for error in wrong.errors}


def _suggested(errors: Errors | None) -> str | None:
    """Returns the colour that is offered in the place of one that cannot be read."""
    error = (errors or {}).get("accent")
    return None if error is None else error.parameters.get("nearest")
