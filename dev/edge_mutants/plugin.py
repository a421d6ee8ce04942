"""A pytest plugin that loads the modules of one mutant without their guard.

`python -m dev.edge_mutants` passes it with `-p`, before anything of the product is loaded. What was
compiled before is neither read nor written.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType

from dev.edge_mutants.mutant import BY_NAME, Cut, Mutant, applied
from dev.edge_mutants.mutants import MUTANTS


class Loader(SourceFileLoader):
    """A loader of a module with its cuts."""

    def __init__(self, module: str, path: str, cuts: tuple[Cut, ...]) -> None:
        super().__init__(module, path)
        self._cuts = cuts

    def get_code(self, fullname: str) -> CodeType:
        source = self.get_data(self.path).decode()
        code: CodeType = compile(applied(source, self._cuts), self.path, "exec")
        return code


class Finder(MetaPathFinder):
    """A finder of the modules that a mutant changes; all others are found as ever."""

    def __init__(self, mutant: Mutant) -> None:
        self._cuts: dict[str, tuple[Cut, ...]] = {}
        for cut in mutant.cuts:
            self._cuts[cut.module] = (*self._cuts.get(cut.module, ()), cut)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        cuts = self._cuts.get(fullname)
        spec = PathFinder.find_spec(fullname, path, target) if cuts else None
        if spec is not None and spec.origin is not None and cuts:
            spec.loader = Loader(fullname, spec.origin, cuts)
        return spec


def _begin(name: str) -> None:
    (mutant,) = (each for each in MUTANTS if each.name == name)
    early = [cut.module for cut in mutant.cuts if cut.module in sys.modules]
    assert not early, f"loaded before the mutant: {early}"
    sys.meta_path.insert(0, Finder(mutant))


if BY_NAME in os.environ:
    _begin(os.environ[BY_NAME])
