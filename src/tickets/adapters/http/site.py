"""Static files of the dashboards: read once at start, served as they are, compressed, versioned by content."""

from __future__ import annotations

import gzip
import hashlib
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tickets.adapters.http.text_limits_module import TEXT_LIMITS_MODULE, render_text_limits

FOLDER = Path(__file__).parents[2] / "web"

MEDIA_TYPES: Mapping[str, str] = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
"""What is served, by suffix; any other file of the folder is not."""

ENTRY = "tickets.js"
"""What a host page loads, at an address without a version that may stand in its source for years."""

# What a module or a style sheet loads, always by a relative address: `} from "./x.js";`, `import "./x.js";`,
# `@import "x.css";`, each at the beginning of a line.
_LOADS = re.compile(r"""^(?:@import|import|export|\}).*?["']([\w./-]+)["'];$""", re.MULTILINE)


@dataclass(frozen=True)
class File:
    """One file as it is sent."""

    body: bytes
    media_type: str

    @cached_property
    def gzipped(self) -> bytes:
        """The body for whoever takes gzip; made once, and always the same bytes."""
        return gzip.compress(self.body, mtime=0)

    @cached_property
    def etag(self) -> str:
        """Weak, because the two encodings share it."""
        return f'W/"{hashlib.sha256(self.body).hexdigest()[:16]}"'


@dataclass(frozen=True)
class Page:
    """A page, and the `Link` header that announces what its code is going to load.

    Without it the browser would find each module in the one before, one round trip after the other.
    """

    file: File
    links: str


class Site:
    """Everything in a folder of pages and code, read once."""

    def __init__(self, folder: Path = FOLDER) -> None:
        """Read the folder; the version is made of all that is in it."""
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
        """Yield these files and all that they load, each once, what is needed first in front."""
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
        return Page(_file("page.html", page), ", ".join(links))


def _file(name: str, source: str) -> File:
    return File(source.encode(), MEDIA_TYPES[Path(name).suffix])
