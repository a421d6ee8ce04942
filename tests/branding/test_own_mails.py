"""Mails in a merchant's own words and looks; what belongs to a letter stays in it (M-11, R-8)."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from billing.branding.flows import changes, dressing
from billing.kernel.branding import Branding, MailText
from billing.kernel.merchants import Merchant
from billing.kernel.subscription import When
from billing.kernel.values import replace
from billing.kernel.writes import Change
from tests.branding.pictures import picture
from tests.world import World


@pytest.fixture
def world() -> World:
    return World()


def merchant(world: World) -> Merchant:
    found = world.store.merchant(world.merchant.id)
    assert found is not None
    return found


def brand(world: World) -> Branding:
    seller = merchant(world)
    changes.set_logo(world.ports, seller, "", picture())
    found = changes.read(world.ports, merchant(world))
    assert found is not None
    fields = changes.checked("#7700ff", "Acme GmbH\n<b>Berlin</b>", "Acme Billing")
    return changes.change(world.ports, merchant(world), found.version, fields)


def say(world: World, letter: str, **words: str) -> None:
    given = {"subject": "", "opening": "", "closing": "", **words}
    text = changes.checked_text(merchant(world), letter, "en", **given)
    changes.set_text(world.ports, merchant(world), "", text)


def bought(world: World) -> EmailMessage:
    """The confirmation of a purchase."""
    world.buy()
    world.work()
    return world.mailer.sent[-1]


def html(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def plain(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


@pytest.mark.spec("M-11", "C-3")
def test_a_mail_has_the_merchants_looks_and_words_around_what_is_ours(world: World) -> None:
    ours = bought(World())
    brand(world)
    say(
        world,
        "confirmation",
        subject="Welcome to {product}!",
        opening="Hi, {product} is yours.",
        closing="See you <soon>\nAcme\n\nP.S. Bye",
    )
    mail = bought(world)
    product = world.store.catalog(world.merchant.id)[0][0].name
    assert str(mail["Subject"]).endswith(f"Welcome to {product}!")
    assert str(mail["From"]).startswith("Acme Billing <")
    for words in (f"Hi, {product} is yours.", "See you <soon>", "Acme GmbH", "<b>Berlin</b>"):
        assert words in plain(mail)
    seen = html(mail)
    assert "See you &lt;soon&gt;<br>Acme</p>" in seen and "P.S. Bye</p>" in seen
    assert "&lt;b&gt;Berlin&lt;/b&gt;" in seen
    assert 'src="https://' in seen and f'alt="{world.merchant.name}"' in seen
    assert "background:#7700ff;" in seen and "#0b6b5c" not in seen
    assert f"You bought {product}" not in plain(mail)
    for kept in ("Charged on", "Order ID", "Your next payment is", "How to cancel"):
        assert kept in plain(ours) and kept in plain(mail)


@pytest.mark.spec("M-11", "X-7")
def test_what_somebody_has_to_be_told_stays_behind_the_merchants_opening(world: World) -> None:
    say(world, "cancelled", opening="Sorry to see you go.")
    world.buy()
    world.cancel(When.NOW)
    world.work()
    mail = world.mailer.sent[-1]
    assert "Sorry to see you go." in plain(mail)
    assert "You won't be charged again" in plain(mail)


@pytest.mark.spec("M-11")
def test_a_text_that_cannot_be_used_is_ours_and_the_mail_goes_out(world: World) -> None:
    say(world, "confirmation", subject="Mine")
    (text,) = world.store.mail_texts(world.merchant.id, ["en/confirmation"])
    assert text is not None
    broken = replace(text, subject="{gone} {{7*7}}")
    found = merchant(world)
    world.store.commit(Change(text, broken), Change(found, replace(found, branding="another")))
    mail = bought(world)
    assert "Your purchase" in str(mail["Subject"])
    assert "{" not in str(mail["Subject"])


@pytest.mark.spec("M-11")
def test_each_version_is_read_once_and_nothing_for_who_has_none(world: World) -> None:
    asked: list[str] = []
    store = world.ports.store

    class Counting:
        def __getattr__(self, name: str) -> object:
            if name in ("branding", "mail_texts"):
                asked.append(name)
            return getattr(store, name)

    ports = replace(world.ports, store=Counting())  # type: ignore[arg-type]
    assert dressing.of_mail(ports, merchant(world), "en") is None
    assert dressing.of_pages(ports)(merchant(world)) is None
    assert asked == []
    brand(world)
    say(world, "receipt", subject="Thanks, number 42")
    for _ in range(3):
        assert dressing.of_mail(ports, merchant(world), "en") is not None
        assert dressing.of_mail(ports, merchant(world), "de") is not None
        assert dressing.of_pages(ports)(merchant(world)) is not None
    assert asked == ["branding", "mail_texts"]


@pytest.mark.spec("M-11")
def test_an_empty_text_is_none(world: World) -> None:
    changes.set_text(world.ports, merchant(world), "", MailText(world.merchant.id, "receipt", "en"))
    assert merchant(world).branding is None
