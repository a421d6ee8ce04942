"""The operator's direct calls: an event names a command in `do`; no HTTP, no session, no page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from billing.customers.flows import index_lists
from billing.jobs.flows import control
from billing.jobs.jobs import FAILS_AFTER, PLATFORM, PROCESS_ENDED, Job
from billing.kernel import domains
from billing.kernel.audit import EVERYBODY, AuditRecord
from billing.kernel.errors import BillingError, Invalid
from billing.kernel.merchants import ApiKey, Settings
from billing.kernel.money import Currency
from billing.kernel.ports import Ports
from billing.operations.flows import operate
from billing.render.errors import error_text
from billing.render.messages import ENGLISH
from billing.runtime import correlation, telemetry
from billing.web.inputs import Cursor, Email, Input, Key, Name, Nothing, Zone, read, words

KEYS_SHOWN = 100
"""The number of a merchant's API keys in one answer; `next` says that there are more."""

MOST_LISTS = 16
"""The most lists that a merchant's orders are spread over; a page of them asks each list."""

Reason = Annotated[str, words(500)]


class NewMerchant(Input):
    """Input of `perennial merchant create`."""

    name: Name
    email: Email
    time_zone: Zone = "America/New_York"
    currency: Currency = Currency.USD
    language: Annotated[str, StringConstraints(pattern="^[a-z]{2}$")] = "en"


class OfMerchant(Input):
    """Input of a command about one merchant."""

    merchant: Key


class Lists(OfMerchant):
    """Input of `perennial merchant spread`."""

    lists: Annotated[int, Field(ge=1, le=MOST_LISTS)]


class KeysOf(OfMerchant):
    """Input of `perennial key list`: a hundred at a time, `cursor` from the `next` of the last
    answer."""

    cursor: Cursor | None = None


class OfKey(OfMerchant):
    """Input of a command about one API key, by its id."""

    key: Key


class NewDomain(OfMerchant):
    """Input of `perennial domain set`: the domain that a merchant has asked for is set up."""

    host: Annotated[str, words(domains.LONGEST)]


class OfJob(Input):
    """Input of a command about one background job; without a merchant, about the platform's."""

    job: Key
    merchant: Key | None = None


class Why(Input):
    """Input of a command about every merchant, with a reason for later readers."""

    reason: Reason


def answer(ports: Ports, event: Mapping[str, Any]) -> dict[str, Any]:
    """Runs a command and returns its result; a wrong or refused call gives a stable `error`."""
    try:
        return _answer(ports, dict(event))
    except BillingError as error:
        field = {"field": error.field} if isinstance(error, Invalid) else {}
        return {"error": error.code, "message": error_text(error, ENGLISH), **field}


def _answer(ports: Ports, event: dict[str, Any]) -> dict[str, Any]:
    verb = event.pop("do", None)
    if not isinstance(verb, str) or verb not in VERBS:
        raise Invalid("one_of", field="do", values=", ".join(VERBS))
    shape, call = VERBS[verb]
    asked = read(shape, event)
    telemetry.happened(f"operator: {verb}", merchant=event.get("merchant"))
    if verb not in ONLY_LOOKS:
        _note(ports, verb, asked)
    return call(ports, asked)


def _note(ports: Ports, verb: str, asked: Input) -> None:
    """Records the command in the audit trail before it runs (M-8): the merchant it is about, and
    why."""
    whose = asked.merchant if isinstance(asked, OfMerchant) else EVERYBODY
    action = verb
    if isinstance(asked, Why):
        action = f"{verb}: {asked.reason}"
    elif isinstance(asked, OfKey):
        action = f"{verb} {asked.key}"
    elif isinstance(asked, OfJob):
        whose, action = asked.merchant or EVERYBODY, f"{verb} {asked.job}"
    request = correlation.current() or ports.new_id("operator")
    ports.audit.put(AuditRecord(whose, ports.clock(), "operator", action, request, None))


def _new_merchant(ports: Ports, asked: NewMerchant) -> dict[str, Any]:
    settings = Settings.of_new_merchant(
        time_zone=asked.time_zone, currency=asked.currency, language=asked.language
    )
    merchant, _, secret = operate.create_merchant(
        ports, asked.name, asked.email, settings, now=ports.clock()
    )
    return {"merchant": merchant.id, "api_key": secret}


def _new_key(ports: Ports, asked: OfMerchant) -> dict[str, Any]:
    key, secret = operate.create_key(ports, asked.merchant, now=ports.clock())
    return {"merchant": key.merchant, "api_key": secret}


def _keys(ports: Ports, asked: KeysOf) -> dict[str, Any]:
    page, live = operate.list_keys(ports, asked.merchant, limit=KEYS_SHOWN, cursor=asked.cursor)
    return {"live": live, "keys": [_key(each) for each in page.data], "next": page.next}


def _revoke_key(ports: Ports, asked: OfKey) -> dict[str, Any]:
    return _key(operate.revoke_key(ports, asked.merchant, asked.key, now=ports.clock()))


def _replace_keys(ports: Ports, asked: OfMerchant) -> dict[str, Any]:
    key, secret, (over, left) = operate.replace_keys(ports, asked.merchant, now=ports.clock())
    return {"merchant": key.merchant, "api_key": secret, "revoked": over, "left": left}


def _key(key: ApiKey) -> dict[str, Any]:
    """Returns the fields by which the operator tells a key from others; neither its secret nor the
    hash of it."""
    revoked = key.revoked_at and key.revoked_at.isoformat()
    return {
        "key": key.id,
        "scopes": ",".join(key.scopes),
        "created_at": key.created_at.isoformat(),
        "made_by": key.made_by,
        "revoked_at": revoked,
    }


def _pause(ports: Ports, asked: Why, *, paused: bool) -> dict[str, Any]:
    switch = operate.pause_all(ports, paused=paused, reason=asked.reason, now=ports.clock())
    return {"billing_paused": switch.paused, "reason": switch.reason}


def _stop(ports: Ports, asked: OfMerchant, *, stopped: bool) -> dict[str, Any]:
    merchant = operate.stop_merchant(ports, asked.merchant, stopped=stopped)
    return {"merchant": merchant.id, "stopped": merchant.stopped}


def _spread(ports: Ports, asked: Lists) -> dict[str, Any]:
    merchant = operate.spread_orders(ports, asked.merchant, asked.lists)
    return {"merchant": merchant.id, "order_lists": merchant.order_lists}


def _domain(ports: Ports, asked: NewDomain) -> dict[str, Any]:
    merchant = operate.confirm_domain(ports, asked.merchant, asked.host)
    return {"merchant": merchant.id, "domain": merchant.domain}


def _no_domain(ports: Ports, asked: OfMerchant) -> dict[str, Any]:
    merchant = operate.take_domain(ports, asked.merchant)
    return {"merchant": merchant.id, "domain": merchant.domain}


def _standing(ports: Ports, asked: Input) -> dict[str, Any]:
    switch = ports.store.billing_switch()
    return {
        "billing_paused": ports.as_switched().operation.billing_paused,
        "paused_at_deploy": ports.operation.billing_paused,
        "reason": switch and switch.reason,
    }


def _jobs(ports: Ports, asked: Input) -> dict[str, Any]:
    return {"jobs": [_job(each) for each in control.unfinished(ports)]}


def _show_job(ports: Ports, asked: OfJob) -> dict[str, Any]:
    return _job(control.one(ports, asked.merchant or PLATFORM, asked.job))


def _change_job(ports: Ports, asked: OfJob, change: Callable[..., Job]) -> dict[str, Any]:
    return _job(change(ports, asked.merchant or PLATFORM, asked.job, now=ports.clock()))


def _index_lists(ports: Ports, asked: Input) -> dict[str, Any]:
    return {"jobs": [_job(each) for each in index_lists.start_all(ports, now=ports.clock())]}


def _job(job: Job) -> dict[str, Any]:
    """Returns how far a job is, and in words why it goes on no more by itself."""
    return {
        "job": job.id,
        "merchant": job.owner or "-",
        "kind": job.kind,
        "state": job.state.value,
        "reason": job_reason(job),
        "done": job.done,
        "of": job.of,
        "skipped": job.skipped,
        "failed": job.failed,
        "left": job.left,
        "rounds": job.rounds,
        "cursor": job.cursor,
        "created_at": job.created_at.isoformat(),
        "updated_at": job.updated_at.isoformat(),
    }


def job_reason(job: Job) -> str:
    """Returns in words what a job last failed with; empty if with nothing."""
    if job.error is None:
        return ""
    if job.error == PROCESS_ENDED:
        return f"its process ended without a word, {FAILS_AFTER} times in a row"
    if job.failures:
        return f"{job.error}, {job.failures} times in a row"
    return f"{job.error} on one of its entries, in {job.bad_rounds + job.broken} rounds in a row"


ONLY_LOOKS = frozenset({"standing", "keys", "jobs", "job"})

VERBS: dict[str, tuple[type[Any], Callable[[Ports, Any], dict[str, Any]]]] = {
    "merchant": (NewMerchant, _new_merchant),
    "key": (OfMerchant, _new_key),
    "keys": (KeysOf, _keys),
    "revoke-key": (OfKey, _revoke_key),
    "replace-keys": (OfMerchant, _replace_keys),
    "pause": (Why, lambda ports, asked: _pause(ports, asked, paused=True)),
    "resume": (Why, lambda ports, asked: _pause(ports, asked, paused=False)),
    "stop": (OfMerchant, lambda ports, asked: _stop(ports, asked, stopped=True)),
    "spread": (Lists, _spread),
    "start": (OfMerchant, lambda ports, asked: _stop(ports, asked, stopped=False)),
    "domain": (NewDomain, _domain),
    "no-domain": (OfMerchant, _no_domain),
    "standing": (Nothing, _standing),
    "jobs": (Nothing, _jobs),
    "job": (OfJob, _show_job),
    "index-lists": (Nothing, _index_lists),
    "pause-job": (OfJob, partial(_change_job, change=control.pause)),
    "resume-job": (OfJob, partial(_change_job, change=control.resume)),
    "stop-job": (OfJob, partial(_change_job, change=control.stop)),
}
