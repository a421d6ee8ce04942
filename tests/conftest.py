"""Settings of every test run: steady property tests, and no work that is done twice."""

import gc
import os
from collections.abc import Iterator
from functools import cache

import botocore.session
import pytest
from hypothesis import settings

from billing.render import invoice_pdf
from tests.depth import examples
from tests.typesetting import QuickCompiler

# A deadline per example measures the machine, not the code. What lands is decided by the same
# examples each time; fresh ones are for whoever runs the tests by hand.
settings.register_profile(
    "steady", deadline=None, derandomize="CI" in os.environ, max_examples=examples(100)
)
settings.load_profile("steady")

# Each PynamoDB connection and each moto test has a botocore session of its own, and each session
# reads the same service models from disk: 80 ms of 95 for a client.
botocore.session.create_loader = cache(botocore.session.create_loader)

# Tests leave more behind than a program does, so the collector looks less often; and what was
# imported stays until the end, so it is left out of each look.
gc.set_threshold(20_000, 20, 20)


def pytest_collection_finish(session: pytest.Session) -> None:
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def typesetting(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves typst out of the fast tests that do not look at their PDFs, most of them mailed."""
    if not any(map(request.node.get_closest_marker, ("typeset", "slow"))):
        quick = QuickCompiler(invoice_pdf._compiler)
        monkeypatch.setattr(invoice_pdf, "_compiler", lambda: quick)


@pytest.fixture(scope="session", autouse=True)
def _every_code_met_is_listed() -> Iterator[None]:
    """Holds the codes of the OpenAPI document to all errors of /v1 that any test meets."""
    from tests.api.listed_codes import unlisted_met

    with unlisted_met() as met:
        yield
    assert met == set(), "error_codes.json lacks what an operation answered"
