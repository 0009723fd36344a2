"""What written pages link to and load, for tests."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from qae_sim.explorers import Explorer
from qae_sim.explorers.explorer import page_of
from qae_sim.explorers.state import State
from qae_sim.site.explorers import explorers_with_pages

#: Attributes by which an element loads something.
_LOADS = {"src", "srcset", "poster", "data", "background"}
_LOADING_LINKS = {"stylesheet", "icon", "preload", "modulepreload", "manifest", "prefetch"}
_STYLE_URL = re.compile(r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)""")


@dataclass
class Page(HTMLParser):
    """One page: places that can be linked to, links, and addresses that it loads."""

    path: Path
    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        text = self.path.read_text(encoding="utf-8")
        self.feed(text)
        self.loads += ["".join(found) for style in re.findall(r"<style.*?</style>", text, re.DOTALL)
                       for found in _STYLE_URL.findall(style)]  # fmt: skip

    def __hash__(self) -> int:
        return hash(self.path)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids |= {given[name] for name in ("id", "name") if name in given and tag != "meta"}
        self.loads += [value for name, value in given.items() if name in _LOADS]
        self.loads += ["".join(found) for found in _STYLE_URL.findall(given.get("style", ""))]
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif "href" in given or "xlink:href" in given:
            address = given.get("href") or given["xlink:href"]
            loading = tag != "link" or _LOADING_LINKS & set(given.get("rel", "").split())
            (self.loads if loading else self.links).append(address)


def pages_of(site: Path) -> dict[Path, Page]:
    """All pages of a site by their path."""
    return {path: Page(path) for path in sorted(site.rglob("*.html"))}


def outside(address: str) -> bool:
    """Whether an address leaves the site."""
    return bool(urlsplit(address).netloc) or urlsplit(address).scheme in ("http", "https")


def dead(pages: dict[Path, Page]) -> Iterator[str]:
    """Links and loads that lead nowhere, anchors included."""
    for path, page in pages.items():
        for address in page.links + page.loads:
            parts = urlsplit(address)
            if outside(address) or parts.scheme in ("data", "mailto"):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path.resolve()
            fragment = unquote(parts.fragment)
            if not target.is_file() or (fragment and target in pages and not leads_to(pages[target], fragment)):
                yield f"{path.name}: {address}"


def leads_to(page: Page, fragment: str) -> bool:
    """Whether there is a place of this name on a page, or, on the page of an explorer, a picture of this state."""
    if fragment in page.ids:
        return True
    kinds = {page_of(kind): kind for kind in explorers_with_pages()}
    kind = kinds.get("/".join(page.path.parts[-2:]))
    return kind is not None and holds(page.path, kind, kind.STATE.from_text(fragment))


def holds(page: Path, kind: type[Explorer[Any]], state: State) -> bool:
    """Whether an explorer's page has a picture of a state: of one that differs at most in what the browser moves."""
    (data,) = re.findall(r'data-qae="explorer">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL)
    content = json.loads(data)
    local = {name for name, control in kind.STATE.controls().items() if control.local}

    def drawn(values: dict[str, Any]) -> list[Any]:
        return [value for name, value in sorted(values.items()) if name not in local]

    wanted = json.loads(json.dumps(asdict(state)))
    return drawn(wanted) in [drawn(shown["spec"]["state"]) for shown in (content, *content["others"])]


def loaded_from_outside(site: Path, pages: dict[Path, Page]) -> Iterator[str]:
    """Addresses outside the site that a page, or a style sheet of it, loads."""
    for page in pages.values():
        yield from (f"{page.path.name}: {address}" for address in page.loads if outside(address))
    for sheet in site.rglob("*.css"):
        for found in _STYLE_URL.findall(sheet.read_text(encoding="utf-8")):
            if outside("".join(found)):
                yield f"{sheet.name}: {''.join(found)}"
