"""A visitor reads the checkout, the portal's door and the helpdesk in their language, errors too
(C-5, B-11)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.message import EmailMessage
from functools import cache

import pytest

from billing.helpdesk.flows import ticket as threads
from billing.kernel.departments import Department
from billing.kernel.merchants import VISITORS_OWN, Departments, PortalKind, Settings
from billing.kernel.values import Value
from billing.render import messages
from functions.checkout import app as checkout
from functions.helpdesk import app as helpdesk
from functions.portal import app as portal
from tests.render.html import Element, read
from tests.web.calls import Answer, Client
from tests.world import World

FORM = {
    "attempt_key": "attempt-1",
    "email": "ann@example.com",
    "name": "Ann",
    "line1": "1 Main Street",
    "city": "Sofia",
    "country": "BG",
    "payment_method": "pm_card_chargeDeclinedInsufficientFunds",
}


TEAM = Department("team", "Crew", "")


class Spoken(Value):
    """The texts that a page must show in a language, written down here by hand."""

    language: str
    offer: tuple[str, ...]
    button: str
    wrong: tuple[str, ...]
    declined: tuple[str, ...]
    login: tuple[str, ...]
    failed: str
    helped: tuple[str, ...]
    lost: str
    listed: str


GERMAN = Spoken(
    "de",
    offer=("Heute fällig", "29,99 $ monatlich", "So kündigen Sie", "28. Februar 2026"),
    button="Zahlungspflichtig abonnieren: 29,99 $",
    wrong=(
        "Bitte prüfen Sie 2 Angaben",
        "Diese Angabe fehlt.",
        "Geben Sie eine gültige E-Mail-Adresse ein",
    ),
    declined=("Ihre Zahlung wurde abgelehnt", "Ihre Karte ist nicht ausreichend gedeckt."),
    login=("Kundenportal", "Bestellnummer", "Anmelden"),
    failed="Bestellnummer und E-Mail-Adresse passen nicht zusammen",
    helped=("Wie können wir helfen?", "Worum geht es?", "um welche Bestellung", "Ihrer Nachricht"),
    lost="Unter dieser Adresse gibt es nichts.",
    listed="Produkte, die Sie hier kaufen können.",
)
BULGARIAN = Spoken(
    "bg",
    offer=("Дължимо днес", "29,99 щ.д. всеки месец", "Как да прекратите", "28 февруари 2026 г."),
    button="Абонамент със задължение за плащане: 29,99 щ.д.",
    wrong=("Има 2 проблема", "Това поле е задължително.", "Въведете валиден имейл адрес"),
    declined=("Плащането Ви беше отказано", "По картата Ви няма достатъчно средства."),
    login=("Клиентски портал", "Номер на поръчката", "Вход"),
    failed="Номерът на поръчката и имейлът не съвпадат",
    helped=(
        "Как можем да помогнем?",
        "С какво можем да помогнем?",
        "за коя поръчка",
        "съобщението Ви",
    ),
    lost="На този адрес няма нищо.",
    listed="Продукти, които може да купите тук.",
)


def words_of(answer: Answer, language: str) -> str:
    """The words of a page that is in that language alone: no text of the catalog is in English."""
    page = read(answer.body)
    assert page.one("html").attributes["lang"] == language
    lines = {line for element in (page, *page.all()) for line in lines_of(element)}
    assert lines & texts(language), "the page says something"
    assert in_english(lines, language) == []
    return page.text.replace("\N{NO-BREAK SPACE}", " ")


def in_english(lines: Iterable[str], language: str) -> list[str]:
    """Lines that are texts of the English catalog, filled in or not, and of no other."""
    english, filled_in = english_of(language)
    return [line for line in lines if line in english or filled_in.fullmatch(line)]


@cache
def english_of(language: str) -> tuple[frozenset[str], re.Pattern[str]]:
    """The texts as they stand, and those of three words or more with anything in their gaps."""
    english = frozenset(texts("en") - texts(language))
    long = [each for each in english if len(re.sub(r"\{\w+\}", "", each).split()) > 2]
    patterns = [re.sub(r"\\{\w+\\}", ".+", re.escape(each)) for each in sorted(long)]
    return english, re.compile("|".join(patterns))


def lines_of(element: Element) -> set[str]:
    own = (" ".join(child.split()) for child in element.children if isinstance(child, str))
    return {element.text, *own} - {""}


def texts(language: str) -> set[str]:
    return {entry for entry in messages._catalog(language).values() if isinstance(entry, str)}


@pytest.fixture
def world() -> World:
    world = World()
    world.change_merchant(
        settings=Settings(
            language=VISITORS_OWN,
            portal=PortalKind.STANDALONE,
            departments=Departments(all=(TEAM,), cancel=TEAM.id, refund=TEAM.id),
        )
    )
    return world


@pytest.mark.spec("C-5", "B-11")
@pytest.mark.parametrize("spoken", [GERMAN, BULGARIAN], ids=lambda spoken: spoken.language)
def test_a_buyer_reads_their_language_from_the_form_to_an_error(
    world: World, spoken: Spoken
) -> None:
    address = f"/checkout/{world.product().default_price_point}"
    browser = Client(checkout.build(world.ports))

    def reads(method: str, path: str, form: dict[str, str] | None = None) -> str:
        answer = browser.browse(method, path, form, accept_language=spoken.language)
        while answer.status == 303:
            path = answer.headers["location"].removeprefix("https://pay.example.com")
            answer = browser.browse("GET", path, accept_language=spoken.language)
        return words_of(answer, spoken.language)

    offered = reads("GET", address)
    assert [words for words in (*spoken.offer, spoken.button) if words not in offered] == []
    refused = reads("POST", address, {**FORM, "name": "", "email": "ann"})
    assert [words for words in spoken.wrong if words not in refused] == []
    declined = reads("POST", address, FORM)
    assert [words for words in spoken.declined if words not in declined] == []
    lost = reads("GET", "/checkout/acme.nowhere")
    assert spoken.lost in lost
    assert spoken.listed in reads("GET", "/directory")


@pytest.mark.spec("C-5", "B-11")
@pytest.mark.parametrize("spoken", [GERMAN, BULGARIAN], ids=lambda spoken: spoken.language)
def test_a_customer_reads_their_language_at_the_portals_door(world: World, spoken: Spoken) -> None:
    visitor = Client(portal.build(world.ports))
    door = visitor.browse("GET", "/portal/acme", accept_language=spoken.language)
    words = words_of(door, spoken.language)
    assert [each for each in spoken.login if each not in words] == []
    form = {"order_id": "AAAA-AAAA-AAAA", "email": "ann@example.com"}
    failed = visitor.browse("POST", "/portal/acme/login", form, accept_language=spoken.language)
    assert spoken.failed in words_of(failed, spoken.language)


@pytest.mark.spec("C-5", "B-11", "H-2", "H-3")
@pytest.mark.parametrize("spoken", [GERMAN, BULGARIAN], ids=lambda spoken: spoken.language)
def test_a_request_is_written_confirmed_and_answered_in_its_senders_language(
    world: World, spoken: Spoken
) -> None:
    asked, wrong, confirmed, followed = spoken.helped
    browser = Client(helpdesk.build(world.ports))

    def reads(method: str, path: str, form: dict[str, str] | None = None) -> str:
        answer = browser.browse(method, path, form, accept_language=spoken.language)
        while answer.status == 303:
            path = answer.headers["location"].removeprefix("https://pay.example.com")
            answer = browser.browse("GET", path, accept_language=spoken.language)
        return words_of(answer, spoken.language)

    form = {"attempt": "attempt-1", "email": "zoe@example.com", "subject": "Kurs?", "text": "4242"}
    assert asked in reads("GET", "/helpdesk/acme")
    page = f"/helpdesk/acme/new/{TEAM.id}"
    assert wrong in reads("GET", page)
    assert confirmed in reads("POST", page, {**form, "wish": "cancel"})
    reads("POST", page, {**form, "text": "4242 4242 4242 4242"})
    world.work()
    (link,) = re.findall(r"https://pay\.example\.com(\S+)", written(world.mailer.sent[-1]))
    assert followed in reads("GET", link)
    reads("POST", link, {})
    world.work()
    (ticket,) = world.store.waiting_tickets("acme", TEAM.id, 9)
    threads.answer(world.ports, "acme", ticket.id, "Ja.", key="answer-1", now=world.now)
    world.work()
    mails = [m for m in world.mailer.sent if m["To"] == "zoe@example.com"]
    assert len(mails) == 3, "confirm it, it has come, an answer"
    for mail in mails:
        lines = [str(mail["Subject"]), *filter(None, written(mail).splitlines())]
        assert in_english(lines, spoken.language) == []


def written(mail: EmailMessage) -> str:
    """The text of a mail."""
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())
