"""The audit trail as it is kept, and as the operator reads it (M-8)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from billing.kernel.audit import AuditRecord, By
from billing.kernel.values import replace
from billing.storage.audit_rows import DynamoAudit, MemoryAudit
from billing.storage.dynamo import tables as dynamo_tables
from perennial import audit, cli
from tests.storage.conftest import REGION, Backend

pytestmark = pytest.mark.spec("M-8")

AT = datetime(2026, 1, 31, 23, 59, 59, 1, tzinfo=UTC)
ASKED = AuditRecord("acme", AT, "key:key_1", "POST /v1/orders/K7/refund", "req-1", "192.0.2.1")


def read(dynamodb: Backend, table: str, merchant: str, day: date) -> list[str]:
    return list(audit.lines(table, merchant, day, region=REGION, host=dynamodb.endpoint))


def test_every_record_is_kept_once_and_a_day_of_a_merchant_is_read_together(
    dynamodb: Backend,
) -> None:
    table = f"audit-{uuid4().hex}"
    dynamo_tables.named(
        dynamo_tables.Audit, table, region=REGION, host=dynamodb.endpoint
    ).create_table(wait=False)
    assert dynamodb.calls is not None
    kept = DynamoAudit(table, dynamodb.calls)
    later = replace(ASKED, at=AT + timedelta(seconds=2), request="req-2")
    operator = replace(ASKED, actor="operator", action="stop", request="req-0", ip=None)
    other = replace(ASKED, merchant="globex")
    for record in (ASKED, ASKED, later, operator, other):
        kept.put(record)
    assert read(dynamodb, table, "acme", date(2026, 1, 31)) == [
        "2026-01-31T23:59:59.000001Z  operator                  stop  -  req-0",
        "2026-01-31T23:59:59.000001Z  key:key_1                 POST /v1/orders/K7/refund"
        "  192.0.2.1  req-1",
    ]
    assert [line[-5:] for line in read(dynamodb, table, "acme", date(2026, 2, 1))] == ["req-2"]
    assert len(read(dynamodb, table, "globex", date(2026, 1, 31))) == 1
    assert read(dynamodb, table, "acme", date(2026, 1, 30)) == []


@pytest.mark.parametrize(
    ("asked", "wrong"),
    [
        (["acme"], "--stack"),
        (["--stack", "perennial"], "merchant"),
        (["acme", "--stack", "perennial", "--on", "yesterday"], "--on must be a day in UTC"),
    ],
)
def test_what_cannot_be_read_is_described_in_words(
    asked: list[str], wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["audit", *asked]) != 0
    assert wrong in capsys.readouterr().err


def test_a_merchant_reads_theirs_by_pages_newest_first_with_who_did_it(dynamodb: Backend) -> None:
    table = f"audit-{uuid4().hex}"
    dynamo_tables.named(
        dynamo_tables.Audit, table, region=REGION, host=dynamodb.endpoint
    ).create_table(wait=False)
    assert dynamodb.calls is not None
    kept, memory = DynamoAudit(table, dynamodb.calls), MemoryAudit()
    by = By("member_1", "bob@example.com", "admin", None)
    mine = [replace(ASKED, at=AT + timedelta(hours=n), request=f"r-{n}", by=by) for n in range(5)]
    for record in (*mine, replace(ASKED, merchant="globex")):
        kept.put(record)
        memory.put(record)
    for each in (kept, memory):
        span = {"since": AT + timedelta(hours=1), "until": AT + timedelta(hours=9)}
        first, place = each.page("acme", **span, limit=2)
        assert first == [mine[4], mine[3]] and place is not None
        rest, end = each.page("acme", **span, limit=2, before=place)
        assert (rest, end) == ([mine[2], mine[1]], None)
