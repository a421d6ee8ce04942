"""The helpdesk's departments in the console, by the input and the flow of /v1 (H-1, M-2)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from unicodedata import normalize

from billing.accounts.flows import settings
from billing.accounts.web.merchant_inputs import SettingsChangeInput
from billing.console.web.pages import Desk, page
from billing.kernel.departments import Ask, Department, named
from billing.kernel.errors import BillingError, Conflict, Invalid, NotFound, Refused
from billing.web import http
from billing.web.inputs import read
from billing.web.problems import errors_of
from billing.web.sessions import digest

HERE = "/console/settings/departments"
ASK = "ask_"
FIELDS = ("name", "scope", "email")
TYPED_MOST = 3000
ID_MOST = 60
DONE = frozenset({"changed", "added", "removed"})

Errors = Mapping[str, BillingError]


def list_page(desk: Desk, *, refused: BillingError | None = None) -> http.Answer:
    """Lists the departments with what they are for, and which one takes requests of the portal."""
    what = desk.request.query().get("done")
    return page(
        *(desk, "console/departments.html"),
        status=409 if refused else 200,
        departments=desk.session.merchant.settings.departments,
        done=what if what in DONE and not refused else None,
        refused=refused,
    )


def form_page(
    desk: Desk,
    department: str | None,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Errors | None = None,
    stale: bool = False,
) -> http.Answer:
    """Shows the form of a department, or of a new one."""
    found = None if department is None else _found(desk, department)
    shown = {} if found is None else _typed(found)
    return page(
        *(desk, "console/department.html"),
        status=422 if errors else 409 if stale else 200,
        department=found,
        form=shown if typed is None else typed,
        errors=errors or {},
        asks=tuple(Ask),
        stale=stale,
        seen=seen(desk),
    )


def save(desk: Desk, department: str | None) -> http.Answer:
    """Adds a department, or changes one; somebody else's change meanwhile is told first."""
    form = desk.request.form()
    typed = {n: v.strip()[:TYPED_MOST] for n, v in form.items() if n not in ("csrf", "seen")}
    before = desk.session.merchant.settings.departments.all
    if department is not None:
        _found(desk, department)
    if form.get("seen") != seen(desk):
        return form_page(desk, department, typed=typed, stale=True)
    wanted = _document(typed, department or _new_id(typed.get("name", ""), before))
    places = [each.id for each in before]
    documents = [_of(each) for each in before]
    place = len(places) if department is None else places.index(department)
    documents[place : place + 1] = [wanted]
    try:
        _change(desk, documents)
    except Invalid as error:
        under = f"departments.all[{place}]."
        found = {name.removeprefix(under): each for name, each in errors_of(error).items()}
        return form_page(desk, department, typed=typed, errors=found)
    except Conflict:
        return form_page(desk, department, typed=typed, stale=True)
    return http.redirect(f"{HERE}?done={'added' if department is None else 'changed'}")


def remove(desk: Desk, department: str) -> http.Answer:
    """Removes a department that has nothing left to do and takes no requests of the portal."""
    _found(desk, department)
    all_of_them = desk.session.merchant.settings.departments
    left = [_of(each) for each in all_of_them.all if each.id != department]
    try:
        if department in (all_of_them.cancel, all_of_them.refund):
            raise Refused("department_routed")
        _change(desk, left)
    except (Invalid, Refused) as error:
        return list_page(desk, refused=error)
    return http.redirect(f"{HERE}?done=removed")


def seen(desk: Desk) -> str:
    """Returns a mark of the departments as a page showed them; after any change it is another."""
    return digest(repr(desk.session.merchant.settings.departments))[:16]


def _change(desk: Desk, documents: Sequence[Mapping[str, Any]]) -> None:
    given = read(SettingsChangeInput, {"departments": {"all": list(documents)}}).given()
    settings.change(desk.ports, desk.session.merchant, given)


def _found(desk: Desk, department: str) -> Department:
    found = named(desk.session.merchant.settings.departments.all, department)
    if found is None:
        raise NotFound("department_unknown")
    return found


def _document(typed: Mapping[str, str], department: str) -> dict[str, Any]:
    return {
        "id": department,
        "name": typed.get("name", ""),
        "scope": typed.get("scope", ""),
        "asks": [ask for ask in Ask if typed.get(f"{ASK}{ask}")],
        "email": typed.get("email") or None,
    }


def _of(known: Department) -> dict[str, Any]:
    return {
        "id": known.id,
        "name": known.name,
        "scope": known.scope,
        "asks": list(known.asks),
        "email": known.email,
    }


def _typed(known: Department) -> dict[str, str]:
    form = {name: getattr(known, name) or "" for name in FIELDS}
    return form | {f"{ASK}{ask}": "true" for ask in known.asks}


def _new_id(name: str, before: Sequence[Department]) -> str:
    """Returns an id that is no other department's, from the letters of the name."""
    plain = normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:ID_MOST] or "department"
    taken = {each.id for each in before}
    tries = (slug if number == 1 else f"{slug}-{number}" for number in range(1, len(taken) + 2))
    return next(each for each in tries if each not in taken)
