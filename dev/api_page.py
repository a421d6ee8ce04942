"""Writes the reference of /v1 as a page while MkDocs builds, from the OpenAPI document.

It is in no file of ours, so that it is as new as the routes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = "api.md"

INTRODUCTION = """\
# The API

{description}

A call needs `Authorization: Bearer <key>`; keys are made in the console. Each `POST` takes an
`Idempotency-Key`: the same key and body are answered the same for 24 hours. Each answer has the
header `Request-Id`. `GET /v1/openapi.json` is the same for programs; [errors](errors.md) and
[webhooks](webhooks.md) have pages of their own.
"""


def on_files(files: Any, *, config: Any, **_: Any) -> Any:
    """Adds the page; MkDocs calls it with the files that it found."""
    from mkdocs.structure.files import File

    for folder in (ROOT, ROOT / "layers/common"):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    from dev import api_document

    files.append(File.generated(config, PAGE, content=written(api_document.document())))
    return files


def written(document: dict[str, Any]) -> str:
    """Returns the page of a document."""
    parts = [INTRODUCTION.format(description=document["info"]["description"])]
    for tag in document["tags"]:
        parts.append(f"## {tag['name']}\n\n{tag['description']}\n")
        parts += (
            _operation(document, f"{method.upper()} {path}", operation)
            for path, item in document["paths"].items()
            for method, operation in item.items()
            if tag["name"] in operation["tags"]
        )
    return "\n".join(parts)


def _operation(document: dict[str, Any], address: str, operation: dict[str, Any]) -> str:
    lines = [f"### `{address}`\n", operation["summary"], ""]
    if "description" in operation:
        lines += [operation["description"], ""]
    named = [each for each in operation["parameters"] if each["in"] == "query"]
    if named:
        lines += ["| query | needed |", "|---|---|"]
        lines += (f"| `{one['name']}` | {'yes' if one['required'] else ''} |" for one in named)
        lines.append("")
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        lines += _example("Body", kind, content)
        lines += _fields(document, content["schema"])
    for status, answer in operation["responses"].items():
        if "content" in answer and status < "400":
            for kind, content in answer["content"].items():
                lines += _example(f"Answer {status}", kind, content)
        elif "description" in answer and status >= "400":
            lines += [f"`{status}`: {answer['description']}", ""]
    return "\n".join(lines)


def _example(title: str, kind: str, content: dict[str, Any]) -> Iterator[str]:
    yield f"{title}, `{kind}`\n"
    if "example" in content:
        shown = json.dumps(content["example"], ensure_ascii=False, indent=2)
        yield f"```json\n{shown}\n```\n"


def _fields(document: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    """Lists the fields of a body, with those that it needs."""
    named = schema.get("$ref", "").rpartition("/")[2]
    shape = document["components"]["schemas"].get(named, schema)
    fields = shape.get("properties", {})
    if fields:
        needed = set(shape.get("required", ()))
        shown = (f"`{name}`" + ("" if name in needed else " (optional)") for name in fields)
        yield f"Fields: {', '.join(shown)}.\n"
    if "description" in shape:
        yield shape["description"] + "\n"
