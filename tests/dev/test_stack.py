from pathlib import Path

import pytest

from dev import stack
from dev.stack import Stack
from dev.template import Template, load

SHOP = load(Path(__file__).parent / "shop.yaml")
URL = "http://127.0.0.1:3000"


@pytest.fixture
def shop() -> Stack:
    return stack.read(Template(SHOP, "http://127.0.0.1:4566", {"PublicUrl": URL}))


def test_routes_are_read_with_their_functions(shop: Stack) -> None:
    assert [(r.method, r.path, r.function.logical_id) for r in shop.routes] == [
        ("GET", "/shop/{item}", "ShopFunction"),
        ("ANY", "/v1/{proxy+}", "ShopFunction"),
    ]


def test_a_function_is_named_by_its_folder(shop: Stack) -> None:
    sweep = next(f for f in shop.functions if f.logical_id == "SweepFunction")
    assert (sweep.module, sweep.attribute) == ("functions.rebill.app", "sweep")
    assert (sweep.timeout_seconds, sweep.memory_mb) == (50, 512)


def test_what_is_disabled_or_conditional_is_not_there(shop: Stack) -> None:
    assert [schedule.name for schedule in shop.schedules] == ["perennial-sweep"]
    assert "PausedFunction" not in {function.logical_id for function in shop.functions}


def test_references_in_the_environment_become_local_names(shop: Stack) -> None:
    assert shop.environment == {
        "TABLE_CORE": "perennial-CoreTable",
        "BUCKET_OBJECTS": "perennial-objectsbucket",
        "QUEUE_CHARGE": "http://127.0.0.1:4566/000000000000/perennial-ChargeQueue",
        "PUBLIC_URL": URL,
        "SHARDS": "4",
        "VERBOSE": "false",
        "EXTRA": "perennial-x-perennial-CoreTable",
    }


def test_queue_and_stream_mappings_are_read(shop: Stack) -> None:
    [queue], [stream] = shop.queue_mappings, shop.stream_mappings
    assert (queue.queue, queue.batch_size) == ("perennial-ChargeQueue", 10)
    assert queue.reports_failures
    assert (stream.table, stream.batch_size) == ("perennial-CoreTable", 25)
    assert (stream.most_attempts, stream.patterns) == (6, ({"eventName": ["INSERT"]},))
    assert not stream.reports_failures


def test_tables_queues_and_buckets_are_read_with_what_they_name(shop: Stack) -> None:
    assert list(shop.tables) == ["perennial-CoreTable"]
    assert list(shop.buckets) == [shop.environment["BUCKET_OBJECTS"]]  # S3 takes no capitals
    assert shop.layer_paths == ("layers/common/",)
    policy = shop.queues["perennial-ChargeQueue"]["RedrivePolicy"]
    assert policy["deadLetterTargetArn"].endswith(":perennial-DeadLetters")


def test_two_functions_cannot_want_different_environments() -> None:
    document = {
        "Resources": {
            name: {
                "Type": "AWS::Serverless::Function",
                "Properties": {
                    "CodeUri": "functions/x/",
                    "Handler": "app.handler",
                    "Environment": {"Variables": {"LEVEL": name}},
                },
            }
            for name in ("A", "B")
        }
    }
    with pytest.raises(ValueError, match="B wants another LEVEL"):
        stack.read(Template(document))


def test_the_template_of_the_product_can_be_read() -> None:
    root = Path(__file__).resolve().parents[2]
    product = stack.read(Template(load(root / "template.yaml"), parameters={"PublicUrl": URL}))
    assert {r.path for r in product.routes} >= {"/health", "/checkout/{price_point}"}
    assert {s.function.attribute for s in product.schedules} == {"sweep"}
    assert product.environment["PUBLIC_URL"] == URL
