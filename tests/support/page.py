"""Reads a page of the admin as a person does: its sections by their heads, their lines, links and texts."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
UNSEEN = frozenset({"script", "style", "template", "svg"})


class Element:
    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name, self.attributes = name, attributes
        self.parts: list[Element | str] = []

    def all(self, name: str, **attributes: str) -> list[Element]:
        """Those of that name below it, in order; `class_` for the attribute class, `_` for `-`."""
        wanted = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
        return [
            found
            for found in self.below()
            if found.name == name and all(found.attributes.get(key) == value for key, value in wanted.items())
        ]

    def one(self, name: str, **attributes: str) -> Element:
        [found] = self.all(name, **attributes)
        return found

    @property
    def text(self) -> str:
        """Its words as they are read, in one line."""
        return " ".join("".join(self._texts()).split())

    @property
    def verbatim(self) -> str:
        """Its words with every space and line break, for what stands in a <pre>."""
        return "".join(part if isinstance(part, str) else part.verbatim for part in self.parts)

    def section(self, head: str) -> Element:
        """The section with that head, without the small print behind it."""
        [found] = [part for part in self.all("section") if any(h.text.startswith(head) for h in part.all("h2")[:1])]
        return found

    def lines(self) -> list[list[str]]:
        """The texts of a table's body, line by line."""
        body = self.one("tbody")
        return [[cell.text for cell in row.below() if cell.name in ("td", "th")] for row in body.all("tr")]

    def below(self) -> Iterator[Element]:
        """Every element in it, in the page's order."""
        for part in self.parts:
            if isinstance(part, Element):
                yield part
                yield from part.below()

    def _texts(self) -> Iterator[str]:
        for part in self.parts:
            if isinstance(part, str):
                yield part
            elif part.name not in UNSEEN:
                yield " "
                yield from part._texts()
                yield " "


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        found = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].parts.append(found)
        if tag not in VOID:
            self.open.append(found)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.open[-1].parts.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        for place in range(len(self.open) - 1, 0, -1):
            if self.open[place].name == tag:
                del self.open[place:]
                return

    def handle_data(self, data: str) -> None:
        self.open[-1].parts.append(data)


def read(html: str) -> Element:
    """The page."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.open[0]
