"""The template as it is written, and as CloudFormation sees it."""

from __future__ import annotations

from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from dev.expand import ROOT, expand


@pytest.fixture(scope="session")
def source() -> dict[str, Any]:
    return dict(yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def resources() -> dict[str, dict[str, Any]]:
    return dict(expand()["Resources"])
