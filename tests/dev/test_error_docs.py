"""docs/errors.md says what the code raises."""

from __future__ import annotations

from billing.web.problems import STATUS
from dev import error_docs
from dev.error_reasons import raised


def test_the_page_of_errors_is_what_the_code_raises() -> None:
    assert error_docs.PAGE.read_text("utf-8") == error_docs.written(), "python -m dev.error_docs"


def test_every_parameter_is_described_and_no_other() -> None:
    assert set(error_docs.PARAMETERS) == {name for each in raised() for name in each.parameters}


def test_a_code_that_varies_is_explained_and_no_other() -> None:
    varies = {each.reason for each in raised() if each.code is None}
    assert set(error_docs.VARYING) == varies


def test_every_status_says_what_to_do_next() -> None:
    assert set(error_docs.NEXT) == set(STATUS.values())
