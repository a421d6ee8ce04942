"""template.yaml as CloudFormation sees it: SAM's own translator, run here, without an account.

    python -m dev.expand > expanded.json

For the template's tests, for checkov, and for the emulator, which all want resources and not
shorthand.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from dev.template import REGION

ROOT = Path(__file__).resolve().parent.parent
_ANYWHERE = "s3://bucket/key"


def expand(
    template: Path = ROOT / "template.yaml",
    *,
    parameters: Mapping[str, str] | None = None,
    code: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Returns the expanded template.

    `code` has the S3 address of what a resource packages, by its id.

    Parameters that are not given have their default, or what an address may look like.
    """
    document = yaml_parse(template.read_text(encoding="utf-8"))
    for name, resource in document["Resources"].items():
        for key in ("CodeUri", "ContentUri"):
            if key in resource.get("Properties", {}):
                # The translator wants packaged code; where it lies seldom matters here.
                resource["Properties"][key] = (code or {}).get(name, _ANYWHERE)
    defaults = {name: p.get("Default", "a@b.example") for name, p in document["Parameters"].items()}
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
    translator = Translator({}, Parser())
    return dict(translator.translate(document, {**defaults, **(parameters or {})}))


if __name__ == "__main__":
    json.dump(expand(), sys.stdout, indent=1)
