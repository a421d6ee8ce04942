"""The fields of a gateway's keys, and what was typed into them; the gateways' specs say which."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from billing.gateways import registry
from billing.kernel.errors import Invalid, NotFound
from billing.kernel.values import Value
from billing.web.problems import Misshapen

LONGEST = 300
TYPED = re.compile(r"[!-~]*")


class KeyField(Value):
    """A field of a gateway's keys; one that is `public` may be shown again, a `switch` is
    ticked."""

    name: str
    title: str
    hint: str
    required: bool
    public: bool
    switch: bool


class KeyForm(Value):
    """The form of a gateway's keys; `keys_at` is the page where they are found."""

    gateway: str
    company: str
    fields: tuple[KeyField, ...]
    keys_at: str


def connectable() -> dict[str, str]:
    """Returns the gateways whose accounts can be added by hand, with their companies' names."""
    return {name: spec.display_name for name, spec in registry.specs().items() if spec.set_up}


def of(gateway: str, *, test: bool) -> KeyForm:
    """Returns the form of a gateway; raises `NotFound` for one that takes no keys."""
    spec = registry.specs().get(gateway)
    if spec is None or spec.set_up is None:
        raise NotFound(code="unknown_gateway", gateway=gateway)
    fields = tuple(
        KeyField(each.name, each.title, each.hint, each.required, each.public, each.shape is bool)
        for each in spec.secrets
        if each.title
    )
    return KeyForm(gateway, spec.display_name, fields, spec.keys_at.get(test, ""))


def given(form: KeyForm, typed: Mapping[str, str]) -> dict[str, Any]:
    """Reads the keys of a form; raises `Misshapen`, which quotes nothing of them."""
    keys: dict[str, Any] = {}
    wrong: list[Invalid] = []
    for field in form.fields:
        value = typed.get(field.name, "").strip()
        if field.switch:
            keys[field.name] = value == "true"
        elif not value:
            if field.required:
                wrong.append(Invalid("required", field=field.name))
        elif len(value) > LONGEST:
            wrong.append(Invalid("too_long", field=field.name, count=LONGEST))
        elif not TYPED.fullmatch(value):
            wrong.append(Invalid("printable_characters", field=field.name))
        else:
            keys[field.name] = value
    if wrong:
        raise Misshapen(wrong)
    return keys


def shown(form: KeyForm, keys: Mapping[str, Any]) -> dict[str, str]:
    """Returns what of keys may be shown again: publishable ones, and switches."""
    public = {field.name for field in form.fields if field.public}
    words = {True: "true", False: ""}
    return {
        name: words[value] if isinstance(value, bool) else str(value)
        for name, value in keys.items()
        if name in public
    }
