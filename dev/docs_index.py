"""Lists a folder's pages on its index page while MkDocs builds, so that no list goes stale."""

import re
from pathlib import Path
from typing import Any

LISTED = ("decisions/index.md", "runbooks/index.md")


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Adds the titles of neighbouring pages to those in LISTED; MkDocs calls it with each page."""
    if page.file.src_uri not in LISTED:
        return markdown
    folder = Path(page.file.abs_src_path).parent
    pages = sorted((path for path in folder.glob("*.md") if path.name != "index.md"), reverse=True)
    if not re.match(r"\d{4}-", pages[0].name):
        pages.reverse()
    return markdown + "\n\n" + "\n".join(f"* [{title(path)}]({path.name})" for path in pages)


def title(path: Path) -> str:
    """Returns the first heading of a page."""
    (first, *_) = re.findall(r"^# (.+)$", path.read_text(encoding="utf-8"), re.M)
    return str(first)
