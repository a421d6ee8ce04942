"""The worker: handles the claims of many messages together (R-1, R-9).

Where that breaks it handles each by itself. One subscription that our code cannot handle must not
hold up the others of its message, nor one message another.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from billing.kernel.due import DueKind
from billing.kernel.errors import Unavailable
from billing.kernel.operation import ProcessingFailure
from billing.kernel.ports import Ports
from billing.kernel.storage import Due
from billing.kernel.writes import Change, Insert
from billing.rebill.flows import charge


def take_all(
    ports: Ports, messages: Mapping[str, Sequence[Due]], *, now: datetime
) -> tuple[Counter[str], dict[str, Exception]]:
    """Handles all messages as one batch, and where that breaks message by message.

    Returns the results of the claims, and the errors of the messages that failed, by their ids.
    Twenty-five claims of one message would share few transactions, and leave the gateway idle at
    each step's end.
    """
    if len(messages) == 1:
        return _message_by_message(ports, messages, now)
    together = list(dict.fromkeys(each for leases in messages.values() for each in leases))
    try:
        return dispatch(ports, together, now=now), {}
    except Exception:  # shown again when its message is handled by itself
        return _message_by_message(ports, messages, now)


def _message_by_message(
    ports: Ports, messages: Mapping[str, Sequence[Due]], now: datetime
) -> tuple[Counter[str], dict[str, Exception]]:
    tally: Counter[str] = Counter()
    failed: dict[str, Exception] = {}
    for name, leases in messages.items():
        try:
            tally += take(ports, leases, now=now)
        except Exception as error:
            failed[name] = error
    return tally, failed


def take(ports: Ports, leases: Sequence[Due], *, now: datetime) -> Counter[str]:
    """Charges, finishes and refunds what the claims of one message name; the tally counts results.

    An error of our own is raised again once the others are done and it is written down, so that the
    message counts as failed.
    """
    try:
        return dispatch(ports, leases, now=now)
    except Unavailable:
        raise  # A service failed, not our code: the message comes again as it is.
    except Exception:
        return _one_by_one(ports, leases, now)


def dispatch(ports: Ports, leases: Sequence[Due], *, now: datetime) -> Counter[str]:
    """Routes claims to the flows that finish them, by their kind, those of one kind together.

    Everything that works claims off comes by here: the function, the simulator, the tests.
    """
    by_kind: dict[DueKind, list[Due]] = defaultdict(list)
    for lease in leases:
        by_kind[lease.kind].append(lease)
    tally = charge.charge(ports, by_kind[DueKind.BILL], now=now)
    if by_kind[DueKind.CHECKOUT]:  # rare, so not imported by every worker that starts
        from billing.checkout.flows import expire

        tally += expire.expire_abandoned(ports, by_kind[DueKind.CHECKOUT], now=now)
    if by_kind[DueKind.REFUND]:
        from billing.refunds.flows import refund

        tally += refund.finish(ports, by_kind[DueKind.REFUND], now=now)
    return tally


def _one_by_one(ports: Ports, leases: Sequence[Due], now: datetime) -> Counter[str]:
    tally: Counter[str] = Counter()
    first: Exception | None = None
    for lease in leases:
        try:
            tally += dispatch(ports, [lease], now=now)
        except Unavailable:
            raise
        except Exception as error:
            _write_down(ports, lease, error, now)
            first = first or error
    if first is not None:
        raise first
    return tally


def _write_down(ports: Ports, lease: Due, error: Exception, now: datetime) -> None:
    merchant, name = lease.owner[0], type(error).__name__
    before = ports.store.failure(lease)
    if before is None:
        failure = ProcessingFailure(merchant, lease.kind, lease.owner, name, now, now)
        ports.store.commit(Insert(failure))
    else:
        ports.store.commit(Change(before, before.again(name, now)))
