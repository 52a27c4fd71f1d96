"""Check the links of a built site: ``python docs/generate/check_links.py docs/_build/html``.

A link inside the site must lead to a file and an anchor that exist. Nothing that a browser loads by itself may come
from the network. Of links to other sites the form is checked; they are not opened.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


@dataclass
class Page(HTMLParser):
    """The anchors of a page and its links: (address, whether a browser loads it by itself)."""

    anchors: set[str] = field(default_factory=set)
    links: list[tuple[str, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the anchor and the link of an element."""
        values = dict(attrs)
        self.anchors |= {str(values[name]) for name in ("id", "name") if values.get(name)}
        for name in ("href", "src"):
            if values.get(name):
                self.links.append((str(values[name]), name == "src" or tag == "link"))


def read(path: Path) -> Page:
    """Parse a page."""
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def wrong_links(site: Path) -> Iterator[str]:
    """One line for each wrong link: the page, the link, and why it is wrong."""
    site = site.resolve()
    pages = {path: read(path) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        for link, is_loaded in page.links:
            if why := _why_wrong(path, link, is_loaded, pages, site):
                yield f"{path.relative_to(site)}: {link}: {why}"


def _why_wrong(path: Path, link: str, is_loaded: bool, pages: dict[Path, Page], site: Path) -> str:
    parts = urlsplit(link)
    if parts.scheme in ("http", "https"):
        if is_loaded:
            return "loaded from the network"
        return "" if "." in parts.netloc and " " not in link else "no valid address"
    if parts.scheme or link.startswith("//"):
        return "" if parts.scheme in ("data", "mailto") else "unknown kind of address"
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_relative_to(site):
        return "leads out of the site"
    if not target.is_file():
        return "no such file"
    if parts.fragment and target in pages:
        return "" if unquote(parts.fragment) in pages[target].anchors else "no such anchor"
    return ""


def main(site: Path) -> int:
    """Print the wrong links of a site; 1 if there are any, or if there is no site."""
    found = list(wrong_links(site)) if (site / "index.html").is_file() else [f"{site} has no index.html"]
    print("\n".join(found) or "all links lead somewhere")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
