"""The error of the embedded PostgreSQL."""

from __future__ import annotations

import re
from pathlib import Path


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot be used; the message is one line: the cause and what to do."""


def failed(log: Path, what: str, output: str = "") -> EmbeddedPostgresError:
    """Return an error of one line, with up to three causes out of PostgreSQL's output."""
    causes = re.findall(r"\b(?:FATAL|PANIC|ERROR|HINT|error): +(.+)", output)
    lines = causes[:3] or output.split("\n")[-3:]
    reason = "".join(f": {line.strip()}" for line in lines if line.strip())
    return EmbeddedPostgresError(f"The embedded PostgreSQL {what}{reason} (log: {log})")
