"""Texts of errors: looked up by reason and parameters in the catalog of the reader's language.

They are in the section `error` of `messages/<language>.errors.toml`; what only sellers and callers
of the API can meet is in `en.refusals.toml`, in English alone.
"""

from __future__ import annotations

from billing.kernel.errors import BillingError, Refused
from billing.kernel.money import Money
from billing.render import messages


def error_text(error: Exception, language: str) -> str:
    """Returns what happened and what to do next, in a language.

    Where the language lacks a text for the reason, the text of the code or of the error's class
    stands in: nobody reads English on a German page. An error that is none of the family is ours,
    and is never quoted.
    """
    assert isinstance(error, Exception), "a page is given errors, not sentences"
    language = messages.known(language)
    if not isinstance(error, BillingError):
        error = BillingError()
    key = next(key for key in _keys(error) if messages.has(key, language))
    values = {name: _written(value, language) for name, value in error.parameters.items()}
    return messages.text(language, key, **values)


UNSENT = frozenset({"malformed", "method_not_allowed", "too_large", "unsupported_media_type"})
"""Codes of requests that none of our forms sends: their words are for programs."""


def page_text(error: Exception, language: str, section: str = "") -> str:
    """Returns the words of an error on a page: plain ones for what only programs send.

    `section` is where the catalog has a page's own words, by reason: in the console nobody is
    asked to write to the seller.
    """
    if not isinstance(error, BillingError):
        return error_text(error, language)
    own = f"{section}.{error.reason}"
    if messages.has(own, language):
        return messages.text(language, own)
    return error_text(Refused("refused") if error.code in UNSENT else error, language)


def _keys(error: BillingError) -> list[str]:
    """Returns the keys of a text, from the exact one to those that stand in.

    A gateway may word a refusal of its own: `gateway.<name>.error.<reason>`.
    """
    classes = [c.code for c in type(error).__mro__ if issubclass(c, BillingError)]
    stands_in = classes if type(error) is BillingError else [*classes[:-1], Refused.code]
    ours = [f"error.{name}" for name in (error.reason, error.code, *stands_in)]
    gateway = error.parameters.get("gateway")
    return ours if gateway is None else [f"gateway.{gateway}.error.{error.reason}", *ours]


def _written(value: int | str | Money, language: str) -> int | str:
    if not isinstance(value, Money):
        return value
    # Imported here: few errors name money, and formatting it takes a cold start 60 ms.
    from billing.render import formats

    return formats.money(value, language)
