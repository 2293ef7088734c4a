"""Writes the generated documents under `docs/`; `--check` only compares, and fails on drift.

    python -m scripts.docs [--check]

Add a document: a module in this folder with a `render()` that returns its text, and an entry in
`DOCUMENTS`.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from scripts.docs import openapi, schema, settings

DOCS = Path(__file__).parents[2] / "docs"

DOCUMENTS: Mapping[str, Callable[[], str]] = {
    "openapi.json": openapi.render,
    "schema.sql": schema.render,
    "settings.md": settings.render,
}
"""What renders each file under `docs/`."""


def drift(name: str) -> str:
    """Return the difference between a checked-in document and the rendered one, as a diff."""
    path = DOCS / name
    checked_in = path.read_text(encoding="utf-8") if path.exists() else ""
    return "".join(
        difflib.unified_diff(
            checked_in.splitlines(keepends=True),
            DOCUMENTS[name]().splitlines(keepends=True),
            f"docs/{name} (checked in)",
            f"docs/{name} (generated)",
        )
    )


def main() -> None:
    """Write or check every document."""
    parser = argparse.ArgumentParser(description="Write the generated documents under docs/.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail on drift")
    if not parser.parse_args().check:
        for name, render in DOCUMENTS.items():
            (DOCS / name).write_text(render(), encoding="utf-8")
        return
    drifts = {name: diff for name in DOCUMENTS if (diff := drift(name))}
    sys.stdout.writelines(drifts.values())
    if drifts:
        sys.exit(f"Out of date: {', '.join(drifts)}. Run `uv run just docs` and commit the result.")


if __name__ == "__main__":
    main()
