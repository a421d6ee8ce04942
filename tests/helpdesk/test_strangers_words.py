"""Words that nobody stands for: none reach an address that nobody has proved (H-2, C-3, A-8)."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from tests.helpdesk.desk import House
from tests.helpdesk.test_inbound import mail, take
from tests.portal.visitors import ANN

BAIT = "https://evil.example/win"
VICTIM = "victim@example.com"


@pytest.fixture
def house() -> House:
    return House()


def everything(message: EmailMessage) -> str:
    """The subject and both bodies of a mail."""
    parts = [message.get_body((kind,)) for kind in ("plain", "html")]
    bodies = [str(part.get_content()) for part in parts if part is not None]
    return "\n".join([str(message["Subject"]), *bodies])


def mailed(house: House, to: str = VICTIM) -> str:
    house.shop.world.work()
    sent = [each for each in house.shop.world.mailer.sent if str(each["To"]) == to]
    assert sent
    return "\n".join(map(everything, sent))


@pytest.mark.spec("H-2")
def test_the_mail_that_asks_to_confirm_repeats_nothing_of_what_was_written(house: House) -> None:
    typed = {"subject": f"Prize: {BAIT}", "text": f"Claim it at {BAIT}", "name": f"Bob {BAIT}"}
    house.guest().submit("/new/billing", email=VICTIM, **typed)
    text = mailed(house)
    assert "Confirm your message" in text and "evil.example" not in text and "Prize" not in text


@pytest.mark.spec("H-2")
def test_nor_does_the_answer_to_a_mail_from_a_forged_sender(house: House) -> None:
    forged = mail(f"Bob <{VICTIM}>", f"Claim it at {BAIT}")
    forged.replace_header("Subject", f"Prize: {BAIT}")
    assert take(house, forged).result == "asked"
    text = mailed(house)
    assert "evil.example" not in text and "Prize" not in text


@pytest.mark.spec("H-2")
@pytest.mark.parametrize("wish", ["refund", "cancel"])
def test_mails_about_a_purchase_that_nobody_knows_leave_no_gap_for_it(
    house: House, wish: str
) -> None:
    guest, typed = house.guest(), {"subject": "My money", "text": "Please help"}
    order = "AAAAA-BBBBB-CCCCC"
    guest.submit("/new/billing", email=VICTIM, order=order, wish=wish, **typed)
    guest.submit(house.mail_link(VICTIM))
    house.shop.world.work()
    subjects = [str(each["Subject"]) for each in house.shop.world.mailer.sent]
    assert "We've received your message: My money" in subjects
    assert f"New ticket: My money ({VICTIM})" in subjects
    assert "refund a payment for ." not in mailed(house) and "cancel ." not in mailed(house)


@pytest.mark.spec("C-3")
@pytest.mark.parametrize("name", [BAIT, "evil.example", "www.evil.example", "Win! evil.example/x"])
def test_a_name_that_a_mail_program_makes_a_link_of_greets_nobody(house: House, name: str) -> None:
    house.shop.set(confirmation_template="Welcome, {name}. Order {order_id}.")
    house.shop.world.buy(email=VICTIM, name=name)
    text = mailed(house)
    assert "evil.example" not in text and "Hello," in text


@pytest.mark.spec("C-3")
@pytest.mark.parametrize(
    "name", ["J.R.R. Tolkien", "Dr. Ann O'Neil-Smith", "Jürgen Groß", "李 小龍"]
)
def test_other_names_greet_as_they_were_typed(house: House, name: str) -> None:
    house.shop.world.buy(email=ANN, name=name)
    house.shop.world.work()
    part = house.shop.world.mailer.sent[-1].get_body(("plain",))
    assert part is not None and f"Hello {name}," in part.get_content()


SENDERS = [f"zoe{n}@flood.example" for n in range(200)]


def asks(house: House, senders: list[str]) -> list[str]:
    """Takes a mail of each; returns the results."""
    from billing.kernel.errors import TooMany

    answers = []
    for n, sender in enumerate(senders):
        try:
            answers.append(take(house, mail(sender, f"Hello {n}")).result)
        except TooMany:
            answers.append("too many")
    return answers


@pytest.mark.spec("H-2")
def test_a_flood_from_one_domain_stops_no_mail_from_another(house: House) -> None:
    answers = asks(house, SENDERS)
    assert answers[0] == "asked" and answers[-1] == "too many"
    assert asks(house, ["cyd@calm.example"]) == ["asked"]


@pytest.mark.spec("H-2")
def test_a_flood_from_everywhere_is_bounded_and_stops_no_customer(house: House) -> None:
    house.shop.world.buy()
    everywhere = [f"a@host{n}.example" for n in range(400)]
    answers = asks(house, everywhere)
    assert 50 <= answers.count("asked") <= 200, "each is a mail to an address that nobody proved"
    assert asks(house, ["new@calm.example", ANN]) == ["too many", "asked"]


@pytest.mark.spec("H-2")
def test_one_sender_is_limited_alone(house: House) -> None:
    answers = asks(house, ["zoe@example.com"] * 30)
    assert answers.count("asked") == 5
    assert asks(house, ["bea@example.com"]) == ["asked"], "what was refused is nobody else's"


@pytest.mark.spec("H-3")
def test_answers_by_mail_to_one_ticket_are_limited(house: House) -> None:
    from tests.helpdesk.test_inbound import asked

    _, seen = asked(house)
    results = []
    from billing.kernel.errors import TooMany

    for n in range(30):
        try:
            results.append(take(house, mail(text=f"Again {n}", In_Reply_To=seen)).result)
        except TooMany:
            results.append("too many")
    assert results[0] == "replied" and results[-1] == "too many"
