"""The job that erases an account whose retention is over: the catalog, the customers, the owner
(A-6)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from billing.accounts.accounts import Account
from billing.accounts.flows import account as signing
from billing.accounts.flows import account_life
from billing.jobs.flows.steps import Kind
from billing.jobs.jobs import Job, Step
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.walks import Seen
from billing.kernel.writes import Change
from billing.privacy.flows import erase, erase_merchant
from billing.team.flows import dissolving


def _steps(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Iterator[Step]:
    _, seller = account_life.of_job(ports, job.owner)
    return erase_merchant.steps(ports, seller, job.cursor, now=now, keep_going=keep_going)


def _finish(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Seen:
    """Erases what is left once no customer's data is: the shop, then the owner, then the
    account."""
    account, seller = account_life.of_job(ports, job.owner)
    unsold = erase_merchant.unsold(ports, seller, keep_going)
    if unsold is not Seen.FINISHED:
        return unsold
    if not erase_merchant.shop(ports, seller, keep_going):
        return Seen.MORE
    dissolving.dissolve(ports, seller.id)
    if person := account_life.person_removed(ports, account):
        ports.store.commit(*person)
    owner = _erase_owner(ports, account, keep_going)
    if owner is not Seen.FINISHED:
        return owner
    gone = replace(account, email="", password_hash=None, erased_at=now, due_at=None, walk=None)
    ports.store.commit(Change(account, gone))
    return Seen.FINISHED


ERASE = Kind(_steps, _finish)


def _erase_owner(ports: Ports, account: Account, keep_going: KeepGoing) -> Seen:
    """Erases the owner as a customer of the platform, unless they still are one or have an account
    again."""
    platform = signing.platform_merchant(ports)
    owner = ports.store.customer_by_email(platform.id, account.email)
    if owner is None or ports.store.account_email(account.email) is not None:
        return Seen.FINISHED
    sold = ports.store.subscriptions_of(platform.id, owner)
    runs = any(found.is_live for found in sold)
    access = ports.store.entitlements(platform.id, owner)
    paid_once = {found.source for found in access if found.revoked_at is None}
    if runs or paid_once - {found.id for found in sold}:
        return Seen.FINISHED
    return erase.customer(ports, platform.id, owner, keep_going=keep_going)
