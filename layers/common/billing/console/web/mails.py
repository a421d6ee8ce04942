"""The merchant's own words in mails: the list of letters, one of them, its preview (M-11)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from email.message import EmailMessage

from billing.branding import letters
from billing.branding.flows import changes
from billing.branding.letters import LETTERS, LetterKind
from billing.branding.mail import samples
from billing.console.web import branding_previews
from billing.console.web.pages import Desk, page
from billing.kernel import domains
from billing.kernel.branding import MailText
from billing.kernel.errors import Conflict, Invalid, NotFound, Refused
from billing.kernel.values import replace
from billing.outbox.flows import answers
from billing.render.messages import LANGUAGES, known
from billing.web import http
from billing.web.sessions import digest

HERE = "/console/mails"
FIELDS = ("subject", "opening", "closing")
TYPED_MOST = 5000
DONE = frozenset({"changed", "reset"})
KINDS = {"html": "html", "text": "plain"}

TESTS_MOST = 10
TESTS_WITHIN = timedelta(hours=1)
"""The most test mails of a merchant in an hour."""

Errors = Mapping[str, Invalid]


def letter_list(desk: Desk) -> http.Answer:
    """Shows all letters in one language, and which have words of the merchant's own."""
    asked = desk.request.query().get("language", "")
    language = asked if asked in LANGUAGES else known(desk.session.merchant.settings.language)
    own = set(branding_previews.stored(desk).texts)
    product, _ = branding_previews.first_product(desk)
    merchant = desk.session.merchant
    rows = [
        (
            name,
            samples.letter(merchant, name, language, product, desk.now).subject,
            f"{language}/{name}" in own,
        )
        for name in LETTERS
    ]
    others = dict.fromkeys(sorted(LANGUAGES), 0)
    for each in own:
        others[each.partition("/")[0]] += 1
    return page(desk, "console/mails.html", rows=rows, spoken=language, languages=others)


def letter_page(
    desk: Desk,
    language: str,
    letter: str,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Errors | None = None,
    stale: bool = False,
    refused: Refused | None = None,
    sent: bool = False,
) -> http.Answer:
    """Shows one letter: our words, theirs, and what can stand in them."""
    kind = _kind(language, letter)
    merchant = desk.session.merchant
    found = _stored(desk, language, letter)
    product, _ = branding_previews.first_product(desk)
    what = desk.request.query().get("done")
    form = {name: getattr(found, name) for name in FIELDS} if found is not None else {}
    return page(
        desk,
        "console/mail.html",
        status=422 if errors or refused else 409 if stale else 200,
        letter=letter,
        spoken=language,
        kind=kind,
        ours=samples.letter(merchant, letter, language, product, desk.now),
        form=form if typed is None else typed,
        own=found is not None,
        usable=found is None or letters.usable(found) is not None,
        seen=changes.text_mark(found),
        errors=errors or {},
        stale=stale,
        refused=refused,
        sent=sent,
        done=what if what in DONE and typed is None else None,
        limits={
            "subject": letters.SUBJECT_MOST,
            "opening": letters.OPENING_MOST,
            "closing": letters.CLOSING_MOST,
        },
    )


def change(desk: Desk, language: str, letter: str) -> http.Answer:
    """Writes the merchant's own words, unless somebody else changed them meanwhile."""
    _kind(language, letter)
    typed = _typed(desk)
    try:
        text = changes.checked_text(desk.session.merchant, letter, language, **typed)
        seen = desk.request.form().get("seen", "")
        changes.set_text(desk.ports, desk.session.merchant, seen, text)
    except Invalid as error:
        return letter_page(desk, language, letter, typed=typed, errors={error.field: error})
    except Conflict:
        return letter_page(desk, language, letter, typed=typed, stale=True)
    return http.redirect(f"{HERE}/{language}/{letter}?done=changed")


def reset(desk: Desk, language: str, letter: str) -> http.Answer:
    """Goes back to our words."""
    _kind(language, letter)
    try:
        seen = desk.request.form().get("seen", "")
        empty = MailText(desk.merchant, letter, language)
        changes.set_text(desk.ports, desk.session.merchant, seen, empty)
    except Conflict:
        return letter_page(desk, language, letter, stale=True)
    return http.redirect(f"{HERE}/{language}/{letter}?done=reset")


def preview(desk: Desk, language: str, letter: str, kind: str) -> http.Answer:
    """Shows the mail as its HTML or its text, with what was typed and is not saved."""
    _kind(language, letter)
    if kind not in KINDS:
        raise NotFound()
    typed = _typed(desk)
    try:
        mail = _mail(desk, language, letter, typed)
    except Invalid as error:
        return letter_page(desk, language, letter, typed=typed, errors={error.field: error})
    return branding_previews.mail_answer(mail, KINDS[kind])


def send_test(desk: Desk, language: str, letter: str) -> http.Answer:
    """Mails it with what was typed to the merchant's own address, some times an hour."""
    _kind(language, letter)
    typed, merchant = _typed(desk), desk.session.merchant
    try:
        mail = _mail(desk, language, letter, typed, mailed=True)
        if not merchant.armed_in(desk.ports.operation.environment):
            raise Refused("test_mail_disarmed")
        _limit(desk)
    except Invalid as error:
        return letter_page(desk, language, letter, typed=typed, errors={error.field: error})
    except Refused as refused:
        return letter_page(desk, language, letter, typed=typed, refused=refused)
    mail["X-Merchant"] = merchant.id
    answers.send(desk.ports, mail, now=desk.now)
    return letter_page(desk, language, letter, typed=typed, sent=True)


def _limit(desk: Desk) -> None:
    """Counts a test mail; raises `Refused` where a merchant has sent too many in an hour."""
    subject = digest(desk.merchant)
    hits = desk.ports.ephemeral.hit("test_mail", subject, window=TESTS_WITHIN, now=desk.now)
    if hits > TESTS_MOST:
        raise Refused("test_mails_used_up", count=TESTS_MOST)


def _mail(
    desk: Desk, language: str, letter: str, typed: Mapping[str, str], *, mailed: bool = False
) -> EmailMessage:
    """Returns a letter with what was typed; its logo is at the address of mails if it is mailed."""
    merchant = desk.session.merchant
    text = changes.checked_text(merchant, letter, language, **typed)
    own = letters.usable(text)
    assert own is not None, "it was checked"
    product, _ = branding_previews.first_product(desk)
    found = branding_previews.stored(desk)
    dress = branding_previews.dress_of(desk, found, language)
    if mailed and dress.logo_url:
        base = domains.portal(desk.ports.operation.public_url, merchant)
        dress = replace(dress, logo_url=f"{base}/logo/{dress.logo_url.rpartition('/')[2]}")
    dress = replace(dress, texts={letter: own})
    return branding_previews.sample_mail(desk, found, letter, language, product, dress)


def _typed(desk: Desk) -> dict[str, str]:
    form = desk.request.form()
    return {name: form.get(name, "")[:TYPED_MOST] for name in FIELDS}


def _kind(language: str, letter: str) -> LetterKind:
    """Returns a letter's kind; raises `NotFound` for what is none, in a language that is none."""
    if language not in LANGUAGES or letter not in LETTERS:
        raise NotFound()
    return LETTERS[letter]


def _stored(desk: Desk, language: str, letter: str) -> MailText | None:
    (found,) = desk.ports.store.mail_texts(desk.merchant, [f"{language}/{letter}"])
    return found
