"""The clock of functions under `make emulate`: moved by the content of the file at CLOCK.

Python imports this module when it starts. The product reads the time in one place, and only that
place is replaced, when it is imported: everything else is what was packaged.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

THE_CLOCK = "billing.runtime.wiring"


def moved() -> datetime:
    """Returns the functions' time; the file holds seconds, and may change between calls."""
    return datetime.now(UTC) + timedelta(seconds=float(Path(os.environ["CLOCK"]).read_text()))


class MovedClock(MetaPathFinder):
    """An importer that loads the module that has the clock, and gives it ours."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != THE_CLOCK:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        assert spec is not None and spec.loader is not None
        loader: Any = spec.loader
        load = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            load(module)
            assert callable(module._clock)
            module._clock = moved  # type: ignore[attr-defined]

        loader.exec_module = exec_module
        return spec


if "CLOCK" in os.environ:
    sys.meta_path.insert(0, MovedClock())
