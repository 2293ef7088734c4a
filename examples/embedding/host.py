"""A host platform in small, to see the elements in somebody else's page.

Beside a running demo, with the token that it prints:

    TICKETS_CORS_ORIGINS=http://127.0.0.1:9000 tickets demo
    python examples/embedding/host.py --token tk_…

`/` is a page that loads the elements straight from the ticket service: another origin, which has to allow it. The same page
at `/portal/help/` loads them from `/helpdesk/`, where this server passes requests on as a reverse proxy would: there the
service is under a path prefix, `/helpdesk/account` and `/helpdesk/admin` with it, and nothing has to be allowed.
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

# Where the service is for the pages of a folder; None is where it really is.
PREFIX = "/helpdesk"
FOLDERS = {"/": None, "/portal/help/": PREFIX}

# In the page's source stands where the service would be; here it is somewhere else.
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
    """Answers for the host platform."""

    service = ""
    token = ""
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Show a page of our own, or what the service has."""
        path = self.path.partition("?")[0]
        folder, name = path[: path.rindex("/") + 1], path[path.rindex("/") + 1 :] or "index.html"
        if path.startswith(f"{PREFIX}/"):
            self.pass_on()
        elif folder in FOLDERS and name == "session.json":
            # a real platform looks into its own session here
            session = json.dumps({"token": self.token})
            self.answer(200, session.encode(), {"Content-Type": "application/json"})
        elif folder in FOLDERS and name in FILES:
            source = (FOLDER / name).read_text("utf-8")
            source = source.replace(WRITTEN, FOLDERS[folder] or self.service)
            headers = {"Content-Type": FILES[name], "Content-Security-Policy": self.policy()}
            self.answer(200, source.encode(), headers)
        else:
            self.answer(404, b"There is nothing here.", {"Content-Type": "text/plain"})

    def do_POST(self) -> None:
        """Pass it on: the host platform itself takes nothing."""
        self.pass_on()

    def do_PUT(self) -> None:
        """Pass it on."""
        self.pass_on()

    def policy(self) -> str:
        """Return a policy as strict as a host's may be: its own, and the ticket service's."""
        both = f"'self' {self.service}"
        return (
            f"default-src 'none'; script-src {both}; style-src {both}; connect-src {both}; "
            "base-uri 'none'"
        )

    def pass_on(self) -> None:
        """Let the service answer, which need not know that it is under a prefix."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name: self.headers[name] for name in REQUEST_HEADERS if name in self.headers}
        connection = HTTPConnection(urlsplit(self.service).netloc, timeout=60)
        connection.request(self.command, self.path.removeprefix(PREFIX), body or None, headers)
        answer = connection.getresponse()
        given = {name: answer.headers[name] for name in RESPONSE_HEADERS if name in answer.headers}
        self.answer(answer.status, answer.read(), given)
        connection.close()

    def answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Send one whole response."""
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
    parser.add_argument("--service", default="http://127.0.0.1:8000", help="where tickets is")
    parser.add_argument("--token", required=True, help="a user's, who is signed in to the host")
    parser.add_argument("--port", type=int, default=9000)
    options = parser.parse_args()
    Host.service, Host.token = options.service.rstrip("/"), options.token
    with ThreadingHTTPServer(("127.0.0.1", options.port), Host) as server:
        for folder in [*FOLDERS, f"{PREFIX}/account", f"{PREFIX}/admin"]:
            print(f"http://127.0.0.1:{options.port}{folder}")
        server.serve_forever()


if __name__ == "__main__":
    main()
