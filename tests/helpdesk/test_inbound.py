"""Mail to support: replies find their ticket, strangers are asked to confirm (H-2)."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.helpdesk.flows import inbound
from billing.helpdesk.flows.inbound import Taken
from billing.kernel.errors import Invalid
from tests.helpdesk.desk import House
from tests.portal.visitors import ANN, BOB

WORDS = {"subject": "A question", "text": "Hello"}


@pytest.fixture
def house() -> House:
    return House()


def mail(sender: str = ANN, text: str = "It still fails.", **headers: str) -> EmailMessage:
    made = EmailMessage(policy=SMTP)
    made["From"], made["To"], made["Subject"] = sender, "help@acme.example", "Broken"
    made["Message-ID"] = "<1@mail.example>"
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made


def take(house: House, message: EmailMessage | bytes, department: str = "billing") -> Taken:
    world = house.shop.world
    raw = message if isinstance(message, bytes) else message.as_bytes()
    return inbound.from_mail(world.ports, world.merchant, department, raw, now=world.now)


@pytest.mark.spec("H-2")
def test_a_new_mail_waits_for_its_sender_to_confirm_it(house: House) -> None:
    for _ in range(2):
        assert take(house, mail("Zoe <zoe@example.com>")) == Taken("asked")
    assert house.tickets() == []
    link = house.mail_link("zoe@example.com")
    house.guest().browse("POST", link, {})
    (found,) = house.tickets()
    assert (found.email, found.subject) == ("zoe@example.com", "Broken")
    assert house.shop.world.subjects().count("Confirm your message to Acme Courses") == 1


def asked(house: House) -> tuple[str, str]:
    """Returns a ticket, and the Message-ID of the mail to its requester about it."""
    house.order()
    house.signed_in().submit("/new/billing", **WORDS)
    house.shop.world.work()
    sent = house.shop.world.mailer.sent
    told = next(m for m in sent if "We've received your message" in str(m["Subject"]))
    (found,) = house.tickets()
    return found.id, str(told["Message-ID"])


@pytest.mark.spec("H-3")
def test_an_answer_joins_its_ticket_once_without_what_it_quotes(house: House) -> None:
    ticket, identity = asked(house)
    text = "It still fails.\r\n\r\nOn Monday Acme wrote:\r\n> Hello 4242424242424242\r\n"
    answer = mail(text=text, In_Reply_To=identity)
    for _ in range(2):
        assert take(house, answer) == Taken("replied", ticket)
    thread = house.shop.world.store.thread("acme", ticket)
    assert thread is not None
    assert [m.text for m in thread.messages] == ["Hello", "It still fails."]


@pytest.mark.spec("H-3")
def test_an_answer_that_names_only_what_its_writer_saw_joins_its_ticket(house: House) -> None:
    ticket, seen = asked(house)
    assert seen.endswith("@email.amazonses.com>"), "SES replaces our id by its own"
    first = take(house, mail(text="One.", In_Reply_To=seen, References=seen))
    ours = next(
        str(m["References"]) for m in house.shop.world.mailer.sent if m["Message-ID"] == seen
    )
    later = take(house, mail(text="Two.", References=f"{ours} <gone@mail.example>"))
    assert (first, later) == (Taken("replied", ticket), Taken("replied", ticket))


@pytest.mark.spec("H-3")
def test_a_mail_that_names_many_ids_is_looked_up_a_few_times_only(house: House) -> None:
    ticket, seen = asked(house)
    others = " ".join(f"<{n:032x}@mail.example>" for n in range(1000))
    assert take(house, mail(References=f"{seen} {others}")).result == "asked"
    assert take(house, mail(References=f"{others} {seen}")) == Taken("replied", ticket)


@pytest.mark.spec("H-2", "H-3")
def test_who_only_knows_the_mails_id_or_only_the_address_is_asked_to_confirm(
    house: House,
) -> None:
    ticket, identity = asked(house)
    assert take(house, mail(BOB, In_Reply_To=identity)).result == "asked"
    assert take(house, mail(ANN, In_Reply_To="<0@acme.example>")).result == "asked"
    thread = house.shop.world.store.thread("acme", ticket)
    assert thread is not None and len(thread.messages) == 1


@pytest.mark.spec("H-2")
@pytest.mark.parametrize(
    "headers",
    [{"Auto_Submitted": "auto-replied"}, {"Precedence": "bulk"}, {"List_Id": "<news.example>"}],
)
def test_machines_are_not_answered(house: House, headers: dict[str, str]) -> None:
    assert take(house, mail(**headers)) == Taken("ignored")
    house.shop.world.work()
    assert house.shop.world.mailer.sent == []


@pytest.mark.spec("H-2")
def test_only_plain_text_is_read_and_card_numbers_are_masked(house: House) -> None:
    made = mail("zoe@example.com", "My card: 4242 4242 4242 4242")
    made.add_alternative("<script>alert(1)</script>", subtype="html")
    made.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="x.pdf")
    take(house, made)
    house.guest().browse("POST", house.mail_link("zoe@example.com"), {})
    (found,) = house.tickets()
    thread = house.shop.world.store.thread("acme", found.id)
    assert thread is not None
    assert [m.text for m in thread.messages] == ["My card: •••• •••• •••• 4242"]
    html = EmailMessage(policy=SMTP)
    html["From"] = "zoe@example.com"
    html.set_content("<p>Hello</p>", subtype="html")
    assert take(house, html) == Taken("ignored")


@pytest.mark.parametrize(
    "raw",
    [
        b"x" * (inbound.MOST_BYTES + 1),
        b"Subject: Hi\r\n\r\nNobody sent this.",
        b"From: a@b.example, c@d.example\r\n\r\nTwo did.",
        b"From: not an address\r\n\r\nHello",
        b"From: zo\xc3\xa9@example.com\r\n\r\nHello",
        b"From: zoe..z@example.com\r\n\r\nHello",
        b"From: .zoe@example.com\r\n\r\nHello",
        b"From: zoe\x01@example.com\r\n\r\nHello",
        b"From: zoe@-x-.example.com\r\n\r\nHello",
        b"From: " + b"z" * 65 + b"@example.com\r\n\r\nHello",
    ],
)
def test_what_cannot_be_answered_is_refused(house: House, raw: bytes) -> None:
    with pytest.raises(Invalid):
        take(house, raw)
    house.shop.world.work()
    assert house.shop.world.mailer.sent == [], "nor is anything left to be tried again"


def test_an_unknown_department_is_refused(house: House) -> None:
    with pytest.raises(Invalid):
        take(house, mail(), department="nowhere")


@given(raw=st.binary(max_size=400) | st.text(max_size=400).map(str.encode))
def test_nothing_that_is_sent_breaks_it(raw: bytes) -> None:
    house = House()
    for shaped in (raw, b"From: zoe@example.com\r\n" + raw):
        try:
            assert take(house, shaped).result in {"asked", "ignored"}
        except Invalid:
            continue
        house.shop.world.work()


@pytest.mark.spec("M-3")
def test_mail_is_handed_in_by_the_api() -> None:
    from tests.web.shop import Shop

    shop = Shop()
    body: dict[str, Any] = {"department": "billing", "message": mail("zoe@example.com").as_string()}
    answer = shop.api.post("/v1/inbound-mail", body)
    assert (answer.status, answer.json) == (200, {"result": "asked", "ticket": None})
    assert shop.api.post("/v1/inbound-mail", {**body, "department": "x"}).fields == ["department"]
    assert shop.api.post("/v1/inbound-mail", {**body, "message": ""}).status == 422
