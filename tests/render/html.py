"""HTML as a test asks about it: elements with their attributes and texts, nothing left open."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "input", "br", "img", "hr", "path"}


@dataclass
class Element:
    """One element and what is in it."""

    tag: str
    attributes: dict[str, str | None]
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The words in it, as a reader sees them, without style and title."""
        parts = (c if isinstance(c, str) else c.text for c in self.children)
        return "" if self.tag in {"style", "title"} else " ".join("".join(parts).split())

    def all(self, *tags: str) -> list[Element]:
        """Every element below with one of these tags (all of them if none is given)."""
        found = []
        for child in self.children:
            if isinstance(child, Element):
                if not tags or child.tag in tags:
                    found.append(child)
                found.extend(child.all(*tags))
        return found

    def one(self, tag: str, **attributes: str) -> Element:
        """The only element below with this tag and these attributes."""
        found = [e for e in self.all(tag) if attributes.items() <= e.attributes.items()]
        assert len(found) == 1, f"{len(found)} × {tag} {attributes}"
        return found[0]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"an attribute twice on {tag}"
        element = Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def read(document: str) -> Element:
    """The document as elements; fails where a tag is not closed where it should be."""
    reader = _Reader()
    reader.feed(document)
    reader.close()
    assert reader.open == [reader.root], f"left open: {reader.open[-1].tag}"
    return reader.root
