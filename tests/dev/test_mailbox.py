from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from dev import mailbox_page, ses
from dev.mailbox import Mailbox, RecordingMailer

NOW = datetime(2026, 1, 31, 15, tzinfo=UTC)


class Ses:
    def __init__(self, *, is_down: bool = False) -> None:
        self.is_down = is_down

    def send(self, message: EmailMessage, *, now: datetime) -> str:
        if self.is_down:
            raise ConnectionError
        return "0100019c-5f0c-000000@eu-west-1.amazonses.com"


def receipt(subject: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "b@example.com", "a@example.com", subject
    message.set_content("29,99 €\n")
    message.add_alternative("<p>29,99 €</p>\n", subtype="html")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="invoice.pdf")
    return message


def test_mails_are_listed_newest_first_and_outlive_the_process(tmp_path: Path) -> None:
    mailer = RecordingMailer(Ses(), Mailbox(tmp_path))
    mailer.send(receipt("Vielen Dank für Ihren Kauf"), now=NOW)
    mailer.send(receipt("Receipt"), now=NOW)
    again = Mailbox(tmp_path)
    assert [mail["subject"] for mail in again.newest_first()] == [
        "Receipt",
        "Vielen Dank für Ihren Kauf",
    ]
    assert again.newest_first()[0] == {
        "to": "a@example.com",
        "subject": "Receipt",
        "text": "29,99 €\n",
        "html": "<p>29,99 €</p>\n",
        "at": "2026-01-31T15:00:00.000000Z",
        "attachments": ["invoice.pdf"],
        "raw": "/_dev/mail/000002.eml",
    }
    assert b"invoice.pdf" in (again.raw("000002.eml") or b"")


@pytest.mark.spec("H-3")
def test_a_mail_is_kept_under_the_id_that_its_recipient_sees(tmp_path: Path) -> None:
    sent = receipt("Receipt")
    sent["Message-ID"] = sent["References"] = "<ours@example.com>"
    mailbox = Mailbox(tmp_path)
    seen = RecordingMailer(Ses(), mailbox).send(sent, now=NOW)
    kept = message_from_bytes(mailbox.raw("000001.eml") or b"", policy=policy.default)
    assert kept["Message-ID"] == f"<{seen}>" == "<0100019c-5f0c-000000@eu-west-1.amazonses.com>"
    assert kept["References"] == "<ours@example.com>"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Cc", ", ".join(f"a{n}@example.com" for n in range(50))),
        ("Cc", "j\N{LATIN SMALL LETTER U WITH DIAERESIS}rgen@example.com"),
        (None, "x" * 999),
    ],
    ids=["51 recipients", "a local part beyond ASCII", "a line of a thousand octets"],
)
def test_what_ses_would_refuse_is_refused_here(
    tmp_path: Path, header: str | None, value: str
) -> None:
    sent = EmailMessage(policy=policy.SMTPUTF8)
    sent["From"], sent["To"] = "b@example.com", "a@example.com"
    if header is not None:
        sent[header] = value
    sent.set_payload("Hello" if header else value)
    with pytest.raises(ses.MessageRejected):
        RecordingMailer(Ses(), Mailbox(tmp_path)).send(sent, now=NOW)
    assert Mailbox(tmp_path).newest_first() == []


def test_what_ses_did_not_take_was_not_sent(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    with pytest.raises(ConnectionError):
        RecordingMailer(Ses(is_down=True), mailbox).send(receipt("x"), now=NOW)
    assert mailbox.newest_first() == []


@pytest.mark.parametrize("name", ["../clock.json", "index.jsonl", "000009.eml", ""])
def test_only_mail_can_be_read(tmp_path: Path, name: str) -> None:
    assert Mailbox(tmp_path).raw(name) is None


def test_a_browser_gets_a_page_with_links_and_nothing_of_a_mail_is_markup() -> None:
    mail = {
        "to": "<ann@example.com>",
        "subject": "Hello <script>",
        "text": 'Sign in: http://127.0.0.1:3000/portal/x?a=1&b="2"\nBye <b>',
        "at": "2026-01-31T15:00:00Z",
        "attachments": ["invoice.pdf"],
        "raw": "/_dev/mail/000001.eml",
    }
    page = mailbox_page.page([mail]).decode()
    assert "<script" not in page and "Bye &lt;b&gt;" in page
    assert 'href="http://127.0.0.1:3000/portal/x?a=1&amp;b=&quot;2&quot;"' in page
    assert 'href="/_dev/mail/000001.eml"' in page and "invoice.pdf" in page
    assert "No mail" in mailbox_page.page([]).decode()
