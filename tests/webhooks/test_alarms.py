"""The owner of an endpoint that is disabled is mailed once (M-5)."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.message import EmailMessage

import pytest

from billing.kernel.errors import Unavailable
from billing.kernel.receivers import Answer
from billing.kernel.values import replace
from billing.webhooks.flows import alarms, endpoints
from tests.webhooks.hooks import URL, Hooks
from tests.world import Post

pytestmark = pytest.mark.spec("M-5")


class Interrupted:
    """A mailer that does something of its own before its first mail."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self.sent = hooks.world.mailer.sent
        self.first = True

    def send(self, message: EmailMessage, *, now: datetime) -> str:
        if self.first:
            self.first = False
            self.meanwhile()
        return self._hooks.world.mailer.send(message, now=now)

    def meanwhile(self) -> None:
        alarms.sweep(self._hooks.world.ports, now=self._hooks.world.now)


class Down(Interrupted):
    def meanwhile(self) -> None:
        raise Unavailable("no mail now")


def _subjects(hooks: Hooks) -> list[str]:
    return [subject for subject in hooks.world.subjects() if "Webhook endpoint" in subject]


def _gone(hooks: Hooks, mailer: type[Interrupted]) -> None:
    """An endpoint is gone, and its owner is to be mailed."""
    hooks.answers(410)
    hooks.world.buy()
    hooks.world.work()
    hooks.world.ports = replace(hooks.world.ports, mailer=mailer(hooks))


def test_two_sweeps_beside_each_other_send_one_mail(hooks: Hooks) -> None:
    _gone(hooks, Interrupted)
    alarms.sweep(hooks.world.ports, now=hooks.world.now)
    assert len(_subjects(hooks)) == 1
    hooks.wait(days=1)
    assert len(_subjects(hooks)) == 1
    assert hooks.current.due_at is None


def test_a_mail_that_is_not_taken_goes_out_after_the_lease(hooks: Hooks) -> None:
    _gone(hooks, Down)
    alarms.sweep(hooks.world.ports, now=hooks.world.now)
    assert _subjects(hooks) == []
    hooks.world.now += hooks.world.ports.operation.lease + timedelta(minutes=1)
    alarms.sweep(hooks.world.ports, now=hooks.world.now)
    assert len(_subjects(hooks)) == 1


def test_who_disables_an_endpoint_while_an_attempt_at_it_fails_is_not_mailed(hooks: Hooks) -> None:
    world = hooks.world

    def disabled_meanwhile(post: Post) -> Answer:
        endpoints.change(world.ports, "acme", hooks.endpoint.id, enabled=False, now=world.now)
        return Answer(500)

    world.receivers.answers[URL] = disabled_meanwhile
    hooks.buy()
    hooks.wait(days=6)
    assert _subjects(hooks) == []
    assert hooks.current.due_at is None
