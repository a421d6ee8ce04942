"""Every text on a page, in a mail or on an invoice is in the catalogs, and every text is used."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from billing.adapters import sandbox_gateway
from billing.catalog import Cancellation, Cycle, PriceType
from billing.merchants import SelfService
from billing.orders import OrderKind
from billing.periods import Period, Unit
from billing.render import messages
from billing.subscription import State

RENDER = Path(messages.__file__).parent
TEMPLATES = sorted((RENDER / "templates").rglob("*.html")) + sorted(
    (RENDER / "templates").rglob("*.txt")
)
SOURCES = sorted(RENDER.parent.rglob("*.py"))
ENGLISH = messages._catalog("en")
TRANSLATED = sorted({path.name.partition(".")[0] for path in RENDER.glob("messages/*.toml")})

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


def placeholders(entry: messages.Entry) -> set[str]:
    forms = [entry] if isinstance(entry, str) else entry.values()
    return {name for form in forms for _, name, _, _ in Formatter().parse(form) if name}


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
    cards = sandbox_gateway.TEST_CARDS
    assert cards
    for token, card in cards.items():
        name = messages.text("en", f"sandbox.{token}.name")
        assert name.lower().startswith(card.brand)
        assert name.endswith(card.last4)
        assert messages.has(f"sandbox.{token}.outcome")


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalog_has_every_text_with_the_placeholders_of_the_english_one(language: str) -> None:
    assert language in messages.LANGUAGES
    catalog = messages._catalog(language)
    assert catalog.keys() == ENGLISH.keys()
    for key, entry in catalog.items():
        assert placeholders(entry) == placeholders(ENGLISH[key]), key
        assert isinstance(entry, str) == isinstance(ENGLISH[key], str), key


def test_the_fifteen_languages_are_known_and_any_other_is_english() -> None:
    assert len(messages.LANGUAGES) == 15
    for language in messages.LANGUAGES:
        assert messages.known(language) == language
        assert messages.locale(language).language in {language, "nb"}
    assert messages.known("pt-BR") == messages.known("pt_PT") == "pt"
    for unknown in ("ja", "", "../../etc/passwd", "xx-YY"):
        assert messages.known(unknown) == "en"


def test_a_text_that_a_language_lacks_is_english() -> None:
    assert messages.text("sv", "checkout.due_today") == "Due today"


def test_a_text_that_english_lacks_is_an_error() -> None:
    with pytest.raises(KeyError, match=r"checkout\.nowhere"):
        messages.text("en", "checkout.nowhere")


def test_a_number_chooses_the_plural_form() -> None:
    assert messages.text("en", "span.days", count=1) == "1 day"
    assert messages.text("en", "span.days", count=14) == "14 days"


def test_what_people_typed_is_never_read_as_a_placeholder() -> None:
    said = messages.text("en", "mail.hello", name="{name.__class__} {0}")
    assert said == "Hello {name.__class__} {0},"
