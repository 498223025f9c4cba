"""Reads a report page with the standard library's parser, for assertions."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "img", "br", "link", "input", "hr"}
LOADING = ("src", "srcset", "data", "poster", "action", "background")


class PageReader(HTMLParser):
    """Tags, visible text, table rows and addresses of one page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.captions: list[str] = []
        self.unbalanced: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag == "caption":
            self.captions.append("")

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        inside = self._open[-1] if self._open else ""
        if inside in ("style", "script"):
            return
        self.text.append(data)
        if inside in ("td", "th"):
            self.tables[-1][-1][-1] += data
        if inside == "caption":
            self.captions[-1] += data

    @property
    def words(self) -> str:
        """All visible text with single blanks."""
        return " ".join(" ".join(self.text).split())

    @property
    def still_open(self) -> list[str]:
        """Tags never closed."""
        return self._open

    def named(self, tag: str) -> list[dict[str, str]]:
        """Attributes of every tag of one name."""
        return [attributes for name, attributes in self.tags if name == tag]

    def loads(self) -> list[str]:
        """Addresses that a browser would fetch."""
        found = [a[key] for _, a in self.tags for key in LOADING if key in a]
        return found + [a["href"] for name, a in self.tags if name == "link"]

    def table(self, caption: str) -> list[list[str]]:
        """Rows of the table whose caption starts so, its head first."""
        index = next(k for k, text in enumerate(self.captions) if text.startswith(caption))
        return self.tables[index]
