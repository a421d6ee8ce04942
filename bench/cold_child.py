"""One cold start: `cold_child.py rebill.sweep`, in the folder with items.json and event.json."""

import json
import sys
from importlib import import_module
from typing import Any

function, _, handler = sys.argv[1].partition(".")
module = import_module(f"functions.{function}.app")

from billing.runtime import wiring  # noqa: E402
from billing.storage.addresses import Key  # noqa: E402 - the handler is what comes first

world = wiring.ports()
from bench.stub import StubEndpoint  # noqa: E402 - imports nothing that is not there by now

endpoint = StubEndpoint()
with open("items.json") as kept:
    for place, item in json.load(kept).items():
        endpoint.answers(Key(*place.split("\n")), json.dumps(item))
store: Any = world.store
endpoint.under(store._items._call)


class Context:
    """The context object that Lambda passes beside the event."""

    function_name = "cold"
    aws_request_id = "cold"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:us-east-1:1:function:cold"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 50_000


with open("event.json") as event:
    answer = getattr(module, handler)(json.load(event), Context())
assert answer.get("statusCode", 200) == 200, answer
