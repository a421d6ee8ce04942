"""Every text on a page, in a mail or on an invoice is in the catalogs, and every text is used."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from string import Formatter

import pytest

from billing.gateways.sandbox import cards as sandbox_cards
from billing.kernel.catalog import Cancellation, Cycle, PriceType
from billing.kernel.merchants import SelfService
from billing.kernel.money import Currency, Money
from billing.kernel.orders import OrderKind
from billing.kernel.periods import Period, Unit
from billing.kernel.subscription import State
from billing.render import formats, messages
from tests.render.written import RENDER, catalogs, templates

TEMPLATES = sorted(path for path in templates().values() if path.suffix in {".html", ".txt"})
SOURCES = sorted(RENDER.parent.rglob("*.py"))
ENGLISH = messages._catalog("en")
CATALOGS = catalogs()

MERCHANTS_PARTS = {
    *(
        "account",
        "branding",
        "chargebacks",
        "console",
        "coupons",
        "declared",
        "evidence",
        "webhooks",
        "hand_off",
        "gateways",
        "desk",
        "export",
        "import",
        "keys",
        "links",
        "mail_again",
        "moving",
        "products",
        "prices",
        "refusals",
        "settings",
        "taxes",
        "team",
        "figures",
        "figure_cohorts",
        "tickets",
    ),
}
"""Parts of the catalogs that only sellers read: in English alone."""
CUSTOMERS_PARTS = [
    path for path in messages.parts("en") if path.name.split(".")[1] not in MERCHANTS_PARTS
]
SHARED_WITH_AGENTS = RENDER / "templates" / "helpdesk" / "macros.html"
CUSTOMERS_TEMPLATES = [
    path
    for path in TEMPLATES
    if path.parent.name not in {"account", "console"} and path != SHARED_WITH_AGENTS
]

# t("a.key" or t("a.prefix." ~ …
CALL = re.compile(r'\bt\(\s*"([^"]+)"')
STRING = re.compile(r'"([a-z][\w.]*)"')


def keys_in_python(path: Path) -> Iterator[str]:
    """Texts in a source file that may be keys, or their beginnings where the end is computed."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            first = node.values[0] if node.values else None
            if isinstance(first, ast.Constant):
                yield str(first.value)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def named(key: str, use: str) -> bool:
    return use == key or ("." in use and key.startswith(use if use.endswith(".") else f"{use}."))


def texts_of(path: Path) -> dict[str, messages.Entry]:
    """One part of a catalog, in the order in which it stands."""
    return dict(messages._flat(tomllib.loads(path.read_text(encoding="utf-8")), ""))


def forms_of(entry: messages.Entry) -> list[str]:
    return [entry] if isinstance(entry, str) else list(entry.values())


def placeholders(entry: messages.Entry) -> set[str]:
    """The names that a text fills in, whichever of its plural forms is chosen."""
    return {n for words in forms_of(entry) for _, n, _, _ in Formatter().parse(words) if n}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_key_that_a_template_names_is_in_the_english_catalog(path: Path) -> None:
    for use in CALL.findall(path.read_text(encoding="utf-8")):
        assert use in ENGLISH or any(named(key, use) for key in ENGLISH), use


def test_every_text_of_the_english_catalog_is_used() -> None:
    uses = {use for path in SOURCES for use in keys_in_python(path)}
    for path in TEMPLATES:
        uses.update(STRING.findall(path.read_text(encoding="utf-8")))
    unused = [key for key in ENGLISH if not any(named(key, use) for use in uses)]
    assert unused == []


def test_every_key_that_is_made_from_a_code_is_there() -> None:
    wanted = [f"every.{period}" for period in (*Period, *Cycle)]
    wanted += [f"span.{unit}" for unit in Unit]
    wanted += [f"subscription.state.{state}" for state in State]
    wanted += [f"order.kind.{kind}" for kind in OrderKind]
    wanted += [f"terms.initial.{price}.{kind}" for price in ("free", "paid") for kind in PriceType]
    wanted += [f"cancelling.how.{mode}" for mode in SelfService]
    wanted += [f"cancelling.effect.{how}" for how in Cancellation]
    assert [key for key in wanted if not messages.has(key)] == []


def test_every_test_card_is_described_with_the_digits_that_the_sandbox_gives_it() -> None:
    cards = sandbox_cards.TEST_CARDS
    assert cards
    for token, card in cards.items():
        name = messages.text("en", f"sandbox.{token}.name")
        assert name.lower().startswith(card.brand)
        assert name.endswith(card.last4)
        assert messages.has(f"sandbox.{token}.outcome")


@pytest.mark.spec("C-5")
@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.name)
def test_a_part_has_the_texts_and_placeholders_of_the_same_part_in_english(path: Path) -> None:
    language, _, rest = path.name.partition(".")
    assert language in messages.LANGUAGES
    here, english = texts_of(path), texts_of(path.with_name(f"en.{rest}"))
    assert list(here) == list(english)
    for key, entry in here.items():
        assert placeholders(entry) == placeholders(english[key]), key
        assert isinstance(entry, str) == isinstance(english[key], str), key
        for words in forms_of(entry):
            assert words.strip() == words != "", key


@pytest.mark.spec("C-5", "B-11")
@pytest.mark.parametrize("language", sorted(messages.LANGUAGES))
def test_each_of_the_fifteen_languages_has_the_parts_that_customers_read(language: str) -> None:
    """Each part that is there is complete, as the test above holds."""
    wanted = [path.with_name(path.name.replace("en", language, 1)) for path in CUSTOMERS_PARTS]
    assert set(wanted) - set(messages.parts(language)) == set()


@pytest.mark.spec("C-5", "B-11")
@pytest.mark.parametrize("path", CUSTOMERS_TEMPLATES, ids=lambda path: path.name)
def test_what_customers_read_is_in_the_parts_that_every_language_has(path: Path) -> None:
    texts = {key for part in CUSTOMERS_PARTS for key in texts_of(part)}
    for use in CALL.findall(path.read_text(encoding="utf-8")):
        assert use in texts or any(named(key, use) for key in texts), use


@pytest.mark.spec("C-5")
@pytest.mark.parametrize("language", sorted(messages.LANGUAGES))
def test_no_sentence_ends_in_two_full_stops(language: str) -> None:
    """Where a date or an amount ends in one, as in 31 януари 2026 г. and 29,99 kr."""
    day = formats.day(datetime(2026, 1, 31, tzinfo=UTC), "UTC", language)
    shown = {name: [day] for name in ("date", "charge", "end")}
    shown["month"] = [formats.month("2026-01", language)]
    shown["amount"] = [formats.money(Money(2999, each), language) for each in Currency]
    dotted = [name for name, values in shown.items() if any(v.endswith(".") for v in values)]
    for key, entry in messages._catalog(language).items():
        doubled = [n for n in dotted for words in forms_of(entry) if f"{{{n}}}." in words]
        assert doubled == [], key


@pytest.mark.spec("C-5")
@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.name)
def test_a_text_with_a_number_has_the_plural_forms_of_its_language(path: Path) -> None:
    rule = messages.locale(path.name.partition(".")[0]).plural_form
    known = {*rule.tags, "other"}
    wanted = {rule(count) for count in range(1000)} | {"other"}
    for key, entry in texts_of(path).items():
        if not isinstance(entry, str):
            assert wanted <= entry.keys() <= known, key


def test_the_fifteen_languages_are_known_and_any_other_is_english() -> None:
    assert len(messages.LANGUAGES) == 15
    for language in messages.LANGUAGES:
        assert messages.known(language) == language
        assert messages.locale(language).language in {language, "nb"}
    assert messages.known("pt-BR") == messages.known("pt_PT") == "pt"
    for unknown in ("ja", "", "../../etc/passwd", "xx-YY"):
        assert messages.known(unknown) == "en"


def test_a_text_that_a_language_lacks_is_english() -> None:
    """The merchants' own pages are in English alone."""
    assert messages.text("sv", "console.sign_in.title") == ENGLISH["console.sign_in.title"]


def test_a_text_that_english_lacks_is_an_error() -> None:
    with pytest.raises(KeyError, match=r"checkout\.nowhere"):
        messages.text("en", "checkout.nowhere")


def test_a_number_chooses_the_plural_form() -> None:
    assert messages.text("en", "span.days", count=1) == "1 day"
    assert messages.text("en", "span.days", count=14) == "14 days"


def test_what_people_typed_is_never_read_as_a_placeholder() -> None:
    said = messages.text("en", "mail.hello", name="{name.__class__} {0}")
    assert said == "Hello {name.__class__} {0},"
