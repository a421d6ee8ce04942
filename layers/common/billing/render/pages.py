"""Pages as HTML, from templates here and in the gateways' packages, with what each is given.

Values of `page`, objects of the core unless said otherwise:

checkout/form.html         merchant, product, terms: PriceTerms, quote: Quote, test: bool,
                           attempt_key, payment_methods: test cards to choose from,
                           element: template of the gateway's frame or None, and its
                           publishable_key, gateway: its name,
                           others: names of the other gateways to choose from,
                           form: mapping of what was typed, handed: fields of the
                           merchant's program in it, and the same as handed_query,
                           errors: mapping of field name to Invalid, already_purchased: bool,
                           offer_changed: bool, decline_code or None
checkout/done.html         merchant, checkout: Checkout (paid), portal_url and
                           site_url or None, test
checkout/declined.html     merchant, checkout (its decline_code), again_url, test
checkout/processing.html   merchant, checkout, refresh_seconds: int, test
checkout/action.html       merchant, checkout (its action_url), test
checkout/onward.html       merchant, url of another's page, why: card or bank, gateway, test
checkout/unavailable.html  merchant or None, again_url or None, test
sandbox/authenticate.html  description, amount: Money, test
directory.html             listings: sequence of directory.Listing
error.html                 problem: mapping with code, detail and, if ours, request_id; and if known
                           merchant, and way: words and address of what to do next

`form` and `errors` of the checkout go by the names of its fields: email, name, line1, line2, city,
postal_code, state, country, payment_method, confirm_repeat; what is wrong with the whole has the
name "".

For those who write templates: `t(key, **values)` is the text in the page's language; filters are
`money`, `day(zone)`, `short_day(zone)`, `moment(zone)`, `machine_instant`, `span`, `lasting`,
`every`, `terms`, `country`, `means` of a payment method, `brand` of a gateway, `error_text` of an
error; global functions `country_options(selected)` and `has_text(key)`. A value that was not given
is an error, everything is escaped.
Start with `{% extends "base.html" %}` (`room.html` where there is navigation around the page) and
`{% import "macros.html" as m %}`. Where this is packaged, `make build` has made Python modules of
them: to parse those of one page takes 65 ms of a cold start.
"""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from billing.gateways import registry
from billing.render import errors, formats, messages, wording

if TYPE_CHECKING:
    from jinja2 import BaseLoader, Environment

_TEMPLATES = Path(__file__).parent / "templates"


def page(template: str, language: str, *, nonce: str, **values: object) -> str:
    """Renders a page; `nonce` lets its style past the content security policy.

    `branded` is the look of its merchant; None, or not given, is ours (M-11).
    """
    return html(template, language, nonce=nonce, **values)


def html(template: str, language: str, **values: object) -> str:
    """Renders HTML that is no page of ours, such as a mail."""
    return _rendered(template, language, values)


def plain(template: str, language: str, **values: object) -> str:
    """Renders a template whose name ends in .txt, in which nothing is escaped."""
    assert template.endswith(".txt"), "what is not escaped is not HTML"
    return _rendered(template, language, values)


def _rendered(template: str, language: str, values: dict[str, object]) -> str:
    language = messages.known(language)
    return _environment(language).get_template(template).render(values, language=language)


def compile_into(folder: Path) -> None:
    """Compiles every template to a Python module, for all languages."""
    environment = _made("en", _sources())
    environment.filters |= dict.fromkeys((*_IN_A_LANGUAGE, "error_text"), _not_beforehand)
    environment.compile_templates(
        folder, zip=None, filter_func=lambda name: not name.endswith(".typ"), ignore_errors=False
    )


def _not_beforehand(*_: object, **__: object) -> str:
    """Keeps Jinja from computing a filter of a constant in the language of the compiler.

    An error raised here leaves the filter for when the page is made.
    """
    raise LookupError("The language is known when the page is made.")


@cache
def _environment(language: str) -> Environment:
    # Imported here: Jinja adds 25 ms to a cold start, and most callers seldom render.
    from jinja2 import ModuleLoader

    # One per language, so that macros have their texts and filters without passing a context on.
    compiled = messages.COMPILED
    there = compiled.is_dir()
    return _made(language, ModuleLoader(compiled) if there else _sources())


def _sources() -> BaseLoader:
    """Returns a loader of the templates here, and of each gateway's by `<its name>/..`."""
    from jinja2 import ChoiceLoader, FileSystemLoader, PrefixLoader

    theirs = {
        name: FileSystemLoader(spec.folder / "templates") for name, spec in registry.specs().items()
    }
    return ChoiceLoader([FileSystemLoader(_TEMPLATES), PrefixLoader(theirs)])


_IN_A_LANGUAGE = (
    "money",
    "day",
    "short_day",
    "short_period",
    "moment",
    "span",
    "lasting",
    "every",
    "terms",
    "country",
    "means",
    "month",
    "language_name",
)
"""Filters that are functions of `formats`, given the page's language."""


def _made(language: str, loader: BaseLoader) -> Environment:
    from jinja2 import Environment, StrictUndefined, select_autoescape

    environment = Environment(
        loader=loader,
        autoescape=select_autoescape(
            disabled_extensions=("txt",), default=True, default_for_string=True
        ),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals.update(
        t=partial(messages.text, language),
        has_text=messages.has,
        country_options=partial(formats.country_options, language=language),
        disclosure_of=partial(wording.disclosure, language=language),
        coupon_words=partial(wording.coupon, language=language),
        cancelling_of=partial(wording.cancelling, language=language),
        decline_words=partial(wording.decline, language=language),
        by_gateway=partial(wording.by_gateway, language=language),
        branded=None,
        merchants_reason=wording.merchants_reason,
        changed_elsewhere=partial(wording.changed_elsewhere, language=language),
    )
    for name in _IN_A_LANGUAGE:
        environment.filters[name] = partial(getattr(formats, name), language=language)
    environment.filters["error_text"] = partial(errors.error_text, language=language)
    environment.filters["brand"] = formats.brand
    environment.filters["machine_instant"] = formats.machine_instant
    return environment
