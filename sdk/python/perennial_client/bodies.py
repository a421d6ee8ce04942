"""Bodies of requests as they are easily written: a dict of the API's fields, or a file's bytes."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any


def shaped(model: Any, body: Any) -> Any:
    """Returns a body as the generated operation takes it; a dict has the fields of `model`."""
    if isinstance(body, Mapping):
        return model.from_dict(body)
    return model(payload=BytesIO(body)) if isinstance(body, bytes) else body
