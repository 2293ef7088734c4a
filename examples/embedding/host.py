"""A small host platform: shows the elements embedded in another site's page.

Run it beside a demo, with the token that the demo prints:

    TICKETS_CORS_ORIGINS=http://127.0.0.1:9000 tickets demo
    python examples/embedding/host.py --token tk_…

The page at `/` loads the elements directly from the ticket service. That is another origin, which
TICKETS_CORS_ORIGINS has to allow. The same page at `/portal/help/` loads them from `/helpdesk/`,
where this server is a reverse proxy for the service, with its pages `/helpdesk/account` and
`/helpdesk/admin`. That is the same origin, so nothing has to be allowed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

FOLDER = Path(__file__).parent
FILES = {"index.html": "text/html", "host.js": "text/javascript", "host.css": "text/css"}

# The service's address for the pages of each folder; None is its own address.
PREFIX = "/helpdesk"
FOLDERS = {"/": None, "/portal/help/": PREFIX}

# The service's address in the source of the page, which is replaced.
WRITTEN = "https://support.example.com"

REQUEST_HEADERS = ["Authorization", "X-Admin-Token", "Content-Type", "Idempotency-Key"]
RESPONSE_HEADERS = [
    "Cache-Control",
    "Content-Security-Policy",
    "Content-Type",
    "ETag",
    "Link",
    "Location",
    "Retry-After",
]


class Host(BaseHTTPRequestHandler):
    """Serves the host platform's page, and proxies requests to the ticket service."""

    service = ""
    token = ""
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Serve a file of the page, or proxy the request."""
        path = self.path.partition("?")[0]
        folder, name = path[: path.rindex("/") + 1], path[path.rindex("/") + 1 :] or "index.html"
        if path.startswith(f"{PREFIX}/"):
            self.proxy()
        elif folder in FOLDERS and name == "session.json":
            # a real platform reads its own session here
            session = json.dumps({"token": self.token})
            self.respond(200, session.encode(), {"Content-Type": "application/json"})
        elif folder in FOLDERS and name in FILES:
            source = (FOLDER / name).read_text("utf-8")
            source = source.replace(WRITTEN, FOLDERS[folder] or self.service)
            headers = {"Content-Type": FILES[name], "Content-Security-Policy": self.policy()}
            self.respond(200, source.encode(), headers)
        else:
            self.respond(404, b"There is nothing here.", {"Content-Type": "text/plain"})

    def do_POST(self) -> None:
        """Proxy the request; the host platform has no POST of its own."""
        self.proxy()

    def do_PUT(self) -> None:
        """Proxy the request."""
        self.proxy()

    def policy(self) -> str:
        """Return a strict Content-Security-Policy: only this origin and the ticket service's."""
        both = f"'self' {self.service}"
        return (
            f"default-src 'none'; script-src {both}; style-src {both}; connect-src {both}; "
            "base-uri 'none'"
        )

    def proxy(self) -> None:
        """Proxy the request without the prefix, of which the service need not know."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name: self.headers[name] for name in REQUEST_HEADERS if name in self.headers}
        connection = HTTPConnection(urlsplit(self.service).netloc, timeout=60)
        connection.request(self.command, self.path.removeprefix(PREFIX), body or None, headers)
        response = connection.getresponse()
        found = response.headers
        headers = {name: found[name] for name in RESPONSE_HEADERS if name in found}
        self.respond(response.status, response.read(), headers)
        connection.close()

    def respond(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Send a complete response."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serve until Ctrl-C."""
    summary, _, details = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=details, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--service", default="http://127.0.0.1:8000", help="URL of the ticket service"
    )
    parser.add_argument(
        "--token", required=True, help="bearer token of the user who is signed in to the host"
    )
    parser.add_argument("--port", type=int, default=9000)
    options = parser.parse_args()
    Host.service, Host.token = options.service.rstrip("/"), options.token
    with ThreadingHTTPServer(("127.0.0.1", options.port), Host) as server:
        for folder in [*FOLDERS, f"{PREFIX}/account", f"{PREFIX}/admin"]:
            print(f"http://127.0.0.1:{options.port}{folder}")
        server.serve_forever()


if __name__ == "__main__":
    main()
