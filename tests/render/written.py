"""The templates and catalogs that people wrote: the pages' own, and those of each gateway."""

from __future__ import annotations

from pathlib import Path

from billing.gateways import registry
from billing.render import messages, pages

RENDER = Path(pages.__file__).parent
OWN = RENDER / "templates"
GATEWAYS = {name: spec.folder / "templates" for name, spec in registry.specs().items()}


def templates() -> dict[str, Path]:
    """Every template, by the name that pages are asked for."""
    own = {str(path.relative_to(OWN)): path for path in OWN.rglob("*") if path.is_file()}
    theirs = {
        f"{name}/{path.name}": path
        for name, folder in GATEWAYS.items()
        for path in folder.glob("*")
        if path.is_file()
    }
    return {**own, **theirs}


def catalogs() -> list[Path]:
    """Every part of a catalog, in every language."""
    return [path for language in sorted(messages.LANGUAGES) for path in messages.parts(language)]
