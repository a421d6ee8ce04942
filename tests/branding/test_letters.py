"""A merchant's own words of a mail are plain, with placeholders of that letter alone (M-11)."""

from __future__ import annotations

import pytest

from billing.branding import letters, words
from billing.branding.letters import LETTERS
from billing.kernel.branding import MailText
from billing.kernel.errors import Invalid
from billing.render.messages import LANGUAGES, text
from tests.render.written import catalogs

RTL = "\u202e"


def wrong(field: str, given: str, letter: str = "receipt") -> str:
    fields = {"subject": "", "opening": "", "closing": "", field: given}
    with pytest.raises(Invalid) as refused:
        letters.checked("acme", letter, "en", **fields)
    assert refused.value.field == field
    return refused.value.reason


@pytest.mark.spec("M-11")
def test_words_with_the_placeholders_of_the_letter_are_taken() -> None:
    found = letters.checked(
        "acme", "receipt", "de", " Danke für {amount} ", "Hallo,\r\n\r\n{amount} für {product}.", ""
    )
    assert found == MailText(
        "acme", "receipt", "de", "Danke für {amount}", "Hallo,\n\n{amount} für {product}."
    )


@pytest.mark.spec("M-11")
@pytest.mark.parametrize(
    ("field", "given", "reason"),
    [
        ("subject", "Hi\r\nBcc: all@example.com", "hidden_characters"),
        ("subject", "Hi\x00", "hidden_characters"),
        ("subject", f"Hi {RTL}gpj.exe", "hidden_characters"),
        ("subject", "x" * 151, "too_long"),
        ("subject", "See https://example.com", "link_not_whole"),
        ("subject", "{code}", "placeholder_unknown"),
        ("opening", "{{7*7}} {amount}", "braces"),
        ("opening", "{amount} {pro{product}duct}", "braces"),
        ("opening", "{amount} {product.__class__}", "braces"),
        ("opening", "{amount} {", "braces"),
        ("opening", "{amount} {order_id}", "placeholder_unknown"),
        ("opening", "Thanks.", "placeholder_missing"),
        ("opening", f"{{amount}} {RTL}abc", "hidden_characters"),
        ("opening", "{amount}\n" + "x\n" * 40, "too_many_lines"),
        ("opening", "{amount}" + "x" * 1_000_000, "too_long"),
        ("closing", "http://example.com", "link_not_whole"),
        ("closing", "www.example.com", "link_not_whole"),
        ("closing", "javascript:alert(1)", "link_not_whole"),
        ("closing", "data:text/html,x", "link_not_whole"),
        ("closing", "https://user@example.com/", "link_not_whole"),
        ("closing", "https://example", "link_not_whole"),
        ("closing", "https://127.0.0.1/", "link_not_whole"),
        ("closing", "https://example.com:8443/", "link_not_whole"),
        ("closing", "https://example.com/{product}", "link_not_whole"),
        ("closing", "https://exämple.com/", "link_not_whole"),
        ("closing", "ftp://example.com", "link_not_whole"),
        ("closing", "\u2028", "hidden_characters"),
    ],
)
def test_other_words_are_refused_at_their_field(field: str, given: str, reason: str) -> None:
    assert wrong(field, given) == reason


@pytest.mark.spec("M-11")
def test_a_whole_address_and_plain_punctuation_are_taken() -> None:
    closing = (
        "Read more (https://example.com/help?a=b#c). Note: 10:30, a/b, and <b>this</b> & that."
    )
    assert letters.checked("acme", "receipt", "en", "", "", closing).closing == closing


@pytest.mark.spec("M-11")
def test_an_unknown_placeholder_is_refused_with_those_there_are() -> None:
    with pytest.raises(Invalid) as refused:
        letters.checked("acme", "receipt", "en", "", "{amount} {nom}", "")
    assert refused.value.parameters == {
        "name": "{nom}",
        "values": "{amount}, {product}, {merchant}",
    }


@pytest.mark.spec("M-11")
def test_a_stored_text_that_would_not_be_taken_today_is_not_used() -> None:
    assert letters.usable(MailText("acme", "receipt", "en", opening="{gone}")) is None
    assert letters.usable(MailText("acme", "no_such_letter", "en", subject="Hi")) is None
    assert letters.usable(MailText("acme", "receipt", "en", subject="Hi")) is not None


@pytest.mark.spec("M-11", "C-5")
def test_each_letter_has_our_words_in_every_language() -> None:
    assert catalogs()
    anything = dict.fromkeys(
        ("subject", "code", *["product", "merchant", "email", "name", "amount"]), "x"
    )
    anything |= dict.fromkeys(["date", "card", "month", "number", "department"], "x")
    for kind in LETTERS.values():
        assert set(kind.required) <= set(kind.placeholders)
        for language in LANGUAGES:
            assert text(language, f"mail.{kind.texts}.subject", **anything)
            assert text(language, f"mail.{kind.texts}.text", **anything)


@pytest.mark.spec("M-11")
@pytest.mark.parametrize(
    "name",
    [
        "Acme\r\nBcc: all@example.com",
        f"Acme {RTL}",
        "x" * 61,
        "support@paypal.com",
        "Acme <ceo@example.com>",
        '"Acme"',
        "www.example.com",
    ],
)
def test_a_sender_name_is_a_name(name: str) -> None:
    with pytest.raises(Invalid):
        words.sender_name(name)


@pytest.mark.spec("M-11")
def test_names_and_footers_of_any_script_are_taken() -> None:
    for name in ("Bäckerei Müller & Söhne", "日本の店", "متجر", "Shop 👩‍🍳"):
        assert words.sender_name(f" {name} ") == name
    assert words.footer("Acme GmbH\r\nHRB 1\rBerlin\n") == "Acme GmbH\nHRB 1\nBerlin"
    for bad in ("a\nb\nc\nd\ne", "x" * 501, "a\x1bb", f"{RTL}a"):
        with pytest.raises(Invalid):
            words.footer(bad)
