"""The public pages to cancel and to withdraw: no login, one page, a receipt at once (X-10)."""

from __future__ import annotations

from collections.abc import Mapping

from billing.cancel.regions.rules import Duty, Field, Step
from billing.declarations.declarations import Declaration, Declared
from billing.declarations.flows import answer, receive
from billing.declarations.flows.receive import Sender
from billing.declarations.mail import letters
from billing.declarations.web.visitor import Visitor
from billing.kernel.errors import Invalid
from billing.kernel.ports import Ports
from billing.render import formats
from billing.render.messages import text
from billing.web import http
from billing.web.problems import errors_of
from billing.web.request import is_plain_id

CANCEL_FIELDS = (Field.NAME, Field.CONTRACT, Field.DATE, Field.CONTACT)
WITHDRAW_FIELDS = (Field.NAME, Field.CONTRACT, Field.CONTACT)


def form(
    who: Visitor,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, Invalid] | None = None,
) -> http.Answer:
    """Shows the form with the fields and labels of the visitor's region."""
    rule, given = who.rule, dict(typed or {})
    usual = WITHDRAW_FIELDS if who.duty is Duty.WITHDRAWAL else CANCEL_FIELDS
    return who.show(
        "form",
        status=422 if errors else 200,
        label=label(who),
        confirmation=confirmation(who),
        summary=rule is not None and Step.SUMMARY in rule.steps,
        asks=[each.value for each in (rule.fields if rule is not None and rule.fields else usual)],
        purchases=_purchases(who),
        attempt=given.get("attempt") or who.ports.new_id("key"),
        form=given,
        errors=errors or {},
        action=who.address(),
    )


def submit(who: Visitor) -> http.Answer:
    """Takes a declaration, or shows its summary first where the law asks for one."""
    from billing.declarations.web.forms import declaration_form

    typed, rule = who.request.form(), who.rule
    if typed.get("step") == "change":
        return form(who, typed=typed)
    try:
        given = declaration_form(typed, signed_in=who.visit is not None)
        declared = given.declared(who.duty, who.now, who.merchant.settings.time_zone)
        chosen = _chosen(who, given.subscription)
    except Invalid as error:
        return form(who, typed=typed, errors=errors_of(error))
    if rule is not None and Step.SUMMARY in rule.steps and given.step != "confirm":
        return _summary(who, declared, typed)
    visit = who.visit
    sent = Sender(
        ip=who.request.ip,
        country=who.country,
        language=who.language,
        state=who.state,
        customer=None if visit is None else visit.customer,
        subscription=chosen,
    )
    found = receive.receive(
        who.ports, who.merchant, who.duty, declared, sent, key=given.attempt, now=who.now
    )
    return _receipt(who, found)


def answer_page(who: Visitor, token: str) -> http.Answer:
    """Asks whether it was them; following the link alone does nothing."""
    found = _asked(who, token)
    if found is None:
        return _answered(who, "over")
    zone = who.merchant.settings.time_zone
    return who.show(
        "answer",
        what=_what(found),
        date=formats.day(found.at, zone, who.language),
        purchases=_names(who.ports, found),
        action=who.address(f"/answer/{token}"),
    )


def take_answer(who: Visitor, token: str) -> http.Answer:
    """Takes the answer: yes carries it out as of its date, no leaves everything as it was."""
    from billing.declarations.web.forms import answer_form

    given, found = answer_form(who.request.form()), _asked(who, token)
    if found is None:
        return _answered(who, "over")
    if given.answer == "no":
        denied = answer.deny(who.ports, who.merchant, found, now=who.now)
        return _answered(who, "denied" if denied else "over")
    about = (given.about,) if given.about else found.about
    confirmed = answer.confirm(who.ports, found, about, now=who.now)
    return _answered(who, "confirmed" if confirmed else "over")


def label(who: Visitor) -> str:
    """Returns the label of the visitor's region, letter for letter, else our own words."""
    prescribed = None if who.rule is None else who.rule.label(who.language)
    return prescribed or text(who.language, f"declaration.{who.what}.label")


def confirmation(who: Visitor) -> str:
    """Returns the label of the last click, letter for letter, else our own words."""
    prescribed = None if who.rule is None else who.rule.confirmation(who.language)
    return prescribed or text(who.language, f"declaration.{who.what}.confirm")


def _asked(who: Visitor, token: str) -> Declaration | None:
    if not is_plain_id(token):
        return None
    return answer.of_link(who.ports, who.merchant.id, token, now=who.now)


def _answered(who: Visitor, outcome: str) -> http.Answer:
    key = "declaration.answer.over" if outcome == "over" else f"declaration.answer.{outcome}.title"
    heading = text(who.language, key)
    status = 410 if outcome == "over" else 200
    return who.show("answered", status=status, outcome=outcome, heading=heading)


def _summary(who: Visitor, declared: Declared, typed: Mapping[str, str]) -> http.Answer:
    return who.show(
        "summary",
        rows=letters.declared_fields(declared, who.language),
        confirmation=confirmation(who),
        form=dict(typed),
        action=who.address(),
    )


def _receipt(who: Visitor, found: Declaration) -> http.Answer:
    zone = who.merchant.settings.time_zone
    return who.show(
        "receipt",
        what=who.what,
        rows=letters.fields(found, zone, who.language),
        email=found.declared.contact,
    )


def _what(found: Declaration) -> str:
    return "withdraw" if found.duty is Duty.WITHDRAWAL else "cancel"


def _purchases(who: Visitor) -> list[tuple[str, str]]:
    """Lists what a signed-in customer has running, to choose from."""
    if who.visit is None or who.duty is Duty.WITHDRAWAL:
        return []
    held = who.visit.account.history.subscriptions
    return [(each.id, each.product_name) for each in held if each.is_live]


def _chosen(who: Visitor, subscription: str | None) -> str | None:
    """Returns the chosen subscription if it is theirs; raises `Invalid`."""
    if who.visit is None or subscription is None:
        return None
    if subscription not in {name for name, _ in _purchases(who)}:
        raise Invalid("required", field="subscription")
    return subscription


def _names(ports: Ports, found: Declaration) -> list[tuple[str, str]]:
    assert found.customer is not None, "its customer was asked"
    owners = [(found.merchant, found.customer, each) for each in found.about]
    return [(s.id, s.product_name) for s in ports.store.subscriptions(owners) if s is not None]
