"""The words of mails: a merchant's own, checked and previewed, with a way back to ours (M-11)."""

from __future__ import annotations

from typing import Any

import pytest

from billing.branding.letters import LETTERS
from billing.kernel.branding import MailText
from billing.kernel.merchants import Merchant
from billing.kernel.values import replace
from billing.kernel.writes import Change
from tests.branding.uploads import branded, hidden
from tests.console.agent import Agent
from tests.web.shop import Shop

HERE = "/console/mails"
RECEIPT = f"{HERE}/en/receipt"


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def agent(shop: Shop) -> Agent:
    return Agent.of(shop)


def merchant(shop: Shop) -> Merchant:
    found = shop.world.store.merchant("acme")
    assert found is not None
    return found


def write(agent: Agent, address: str = RECEIPT, **fields: str) -> Any:
    form = {"subject": "", "opening": "", "closing": "", **fields}
    form.setdefault("seen", hidden(agent, address))
    return agent.send(address, **form)


def own(shop: Shop, name: str = "en/receipt") -> MailText | None:
    (found,) = shop.world.store.mail_texts("acme", [name])
    return found


def html_of(mail: Any) -> str:
    return str(mail.get_body(("html",)).get_content())


def text_of(mail: Any) -> str:
    return str(mail.get_body(("plain",)).get_content())


@pytest.mark.spec("M-11")
def test_every_letter_is_listed_and_has_a_page_in_every_language(agent: Agent) -> None:
    page = agent.look(f"{HERE}?language=de")
    links = [str(a.attributes["href"]) for a in page.all("a")]
    for name in LETTERS:
        assert f"{HERE}/de/{name}" in links
        for language in ("de", "bg"):
            agent.look(f"{HERE}/{language}/{name}")
    for unknown in ("en/no_such", "tlh/receipt", "en/..", "EN/receipt"):
        agent.look(f"{HERE}/{unknown}", 404)
    agent.look(f"{HERE}?language=tlh")


@pytest.mark.spec("M-11")
def test_own_words_are_kept_and_given_back(shop: Shop, agent: Agent) -> None:
    page = agent.follow(write(agent, subject="Thanks for {amount}", opening="Got {amount}."))
    assert "Your text has been saved" in page.text
    assert own(shop) == MailText("acme", "receipt", "en", "Thanks for {amount}", "Got {amount}.")
    assert merchant(shop).branding is not None
    assert "Yours" in agent.look(HERE).one("main").text
    back = agent.follow(agent.send(f"{RECEIPT}/reset", seen=hidden(agent, RECEIPT)))
    assert "uses our words again" in back.text
    assert own(shop) is None
    found = shop.world.store.branding("acme")
    assert found is not None and found.texts == ()


@pytest.mark.spec("M-11", "C-12")
@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("subject", "Hi\r\nBcc: all@example.com"),
        ("subject", "x" * 151),
        ("opening", "{{7*7}}"),
        ("opening", "No amount."),
        ("closing", "{order_id}"),
        ("closing", "http://example.com"),
        ("opening", "{amount} \u202eevil"),
    ],
)
def test_wrong_words_are_told_at_their_field_and_nothing_is_saved_or_sent(
    shop: Shop, agent: Agent, field: str, given: str
) -> None:
    for address in (RECEIPT, f"{RECEIPT}/preview/html", f"{RECEIPT}/test"):
        form = {"subject": "", "opening": "", "closing": "", "seen": "", field: given}
        answer = agent.send(address, **form)
        assert answer.status == 422
        assert f'id="{field}-error"' in answer.body
    assert own(shop) is None and merchant(shop).branding is None
    assert not shop.world.mailer.sent


@pytest.mark.spec("M-11")
def test_a_text_of_a_megabyte_is_refused_before_it_is_read(shop: Shop, agent: Agent) -> None:
    answer = agent.send(RECEIPT, subject="", opening="{amount}" + "x" * 1_000_000, seen="")
    assert answer.status == 413
    assert own(shop) is None


@pytest.mark.spec("M-11")
def test_the_second_of_two_editors_of_a_text_is_told(shop: Shop, agent: Agent) -> None:
    other, seen = Agent.of(shop), hidden(agent, RECEIPT)
    assert write(other, subject="First").status == 303
    late = write(agent, subject="Second", seen=seen)
    assert late.status == 409 and 'value="Second"' in late.body
    assert agent.send(f"{RECEIPT}/reset", seen=seen).status == 409
    found = own(shop)
    assert found is not None and found.subject == "First"
    assert write(agent, f"{HERE}/de/receipt", subject="Danke").status == 303, "another text"


@pytest.mark.spec("M-11")
def test_a_preview_and_a_test_mail_show_what_is_typed(shop: Shop) -> None:
    agent = branded(shop)
    form = {"subject": "Yo {product}", "opening": "<b>{amount}</b>\n\nBye", "closing": "Thanks & x"}
    shown = agent.send(f"{RECEIPT}/preview/html", **form)
    assert "&lt;b&gt;$29.00&lt;/b&gt;" in shown.body and "Thanks &amp; x" in shown.body
    assert "form-action 'none'" in shown.headers["content-security-policy"]
    text = agent.send(f"{RECEIPT}/preview/text", **form)
    assert text.body.startswith("Yo Pattern Library\n")
    sent = agent.send(f"{RECEIPT}/test", **form)
    assert sent.status == 200 and merchant(shop).email in sent.body
    (mail,) = shop.world.mailer.sent
    assert str(mail["To"]) == merchant(shop).email
    assert str(mail["From"]).startswith("Acme Billing <")
    assert "https://" in html_of(mail).split("<img src=")[1][:12]
    assert "Thanks & x" in text_of(mail)
    assert own(shop) is None
    for _ in range(9):
        assert agent.send(f"{RECEIPT}/test", **form).status == 200
    last = agent.send(f"{RECEIPT}/test", **form)
    assert last.status == 422 and "in an hour" in last.body
    assert len(shop.world.mailer.sent) == 10


@pytest.mark.spec("M-11")
def test_a_test_mail_is_not_sent_where_no_mail_goes_out(shop: Shop, agent: Agent) -> None:
    found = merchant(shop)
    shop.world.store.commit(Change(found, replace(found, armed=False)))
    answer = agent.send(f"{RECEIPT}/test", subject="Hi")
    assert answer.status == 422 and not shop.world.mailer.sent


@pytest.mark.spec("M-11")
def test_another_merchants_texts_are_not_shown_or_changed(shop: Shop, agent: Agent) -> None:
    assert write(agent, subject="Secret words").status == 303
    rival = Agent.of(shop, "rival")
    assert "Secret words" not in rival.client.browse("GET", RECEIPT).body
    assert write(rival, subject="Theirs").status == 303
    found = own(shop)
    assert found is not None and found.subject == "Secret words"
