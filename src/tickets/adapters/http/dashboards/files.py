"""Static files of the dashboards: read once, served unchanged, compressed, versioned by content."""

from __future__ import annotations

import gzip
import hashlib
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tickets.adapters.http.dashboards.text_limits_module import (
    TEXT_LIMITS_MODULE,
    render_text_limits,
)

FOLDER = Path(__file__).parents[3] / "web"

MEDIA_TYPES: Mapping[str, str] = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
"""Media types by suffix. A file with another suffix is not served."""

ENTRY = "tickets.js"
"""The module that host pages load, at an address without a version, which never changes."""

# Imports of a module or a style sheet, by relative addresses, each at the beginning of a line:
# `} from "./x.js";`, `import "./x.js";`, `@import "x.css";`.
_LOADS = re.compile(r"""^(?:@import|import|export|\}).*?["']([\w./-]+)["'];$""", re.MULTILINE)


_DASHBOARD = re.compile(r"(<ticket-(?:account|admin)\b)")


@dataclass(frozen=True)
class File:
    """One static file."""

    body: bytes
    media_type: str

    @cached_property
    def gzipped(self) -> bytes:
        """The compressed body, made once; equal bodies give equal bytes."""
        return gzip.compress(self.body, mtime=0)

    @cached_property
    def etag(self) -> str:
        """The entity tag; weak, because both encodings share it."""
        return f'W/"{hashlib.sha256(self.body).hexdigest()[:16]}"'


@dataclass(frozen=True)
class Page:
    """A page, and the `Link` header that preloads everything that its code imports.

    Without it the browser would discover one module after the other, a round trip each.
    """

    file: File
    links: str


class Site:
    """All pages and code of a folder, read once."""

    def __init__(self, folder: Path = FOLDER, *, uses_cookies: bool = False) -> None:
        """Read the folder; the version is a hash over all of its files.

        With `uses_cookies` the dashboards of the pages are in cookie mode.
        """
        self._uses_cookies = uses_cookies
        paths = [path for path in sorted(folder.rglob("*")) if path.suffix in MEDIA_TYPES]
        self._sources = {
            path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in paths
        }
        self._sources[TEXT_LIMITS_MODULE] = render_text_limits()
        digest = hashlib.sha256()
        for name, source in self._sources.items():
            digest.update(f"{name}\0{len(source)}\0{source}".encode())
        self.version = digest.hexdigest()[:12]
        self.files: Mapping[str, File] = {
            name: _file(name, source)
            for name, source in self._sources.items()
            if not name.endswith(".html")
        }
        self.pages: Mapping[str, Page] = {
            name.removesuffix(".html"): self._page(source)
            for name, source in self._sources.items()
            if name.endswith(".html")
        }
        self.entry = _file(ENTRY, f'export * from "./{self.version}/{ENTRY}";\n')

    def loaded_by(self, *names: str) -> Iterator[str]:
        """Yield these files and all that they import, each once, in breadth-first order."""
        waiting, seen = list(names), set[str]()
        while waiting:
            name = waiting.pop(0)
            if name in seen:
                continue
            seen.add(name)
            yield name
            folder = posixpath.dirname(name)
            targets = _LOADS.findall(self._sources[name])
            waiting.extend(posixpath.normpath(posixpath.join(folder, target)) for target in targets)

    def _page(self, source: str) -> Page:
        own = re.findall(r'"static/VERSION/([\w./-]+\.(?:js|css))"', source)
        links = [
            f"<static/{self.version}/{name}>; "
            + ("rel=modulepreload" if name.endswith(".js") else "rel=preload; as=style")
            for name in self.loaded_by(*own)
            if name not in own
        ]
        page = source.replace("/VERSION/", f"/{self.version}/")
        if self._uses_cookies:
            page = _DASHBOARD.sub(r'\1 auth="cookie"', page)
        return Page(_file("page.html", page), ", ".join(links))


def _file(name: str, source: str) -> File:
    return File(source.encode(), MEDIA_TYPES[Path(name).suffix])
