"""Writes the generated files; `--check` only compares, and fails on drift.

    python -m scripts.docs [--check]

Add a file: a module in this folder with a `render()` that returns its text, and an entry in
`GENERATED`.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from scripts.docs import openapi, schema, settings
from tickets.adapters.http.dashboards.text_limits_module import render_text_limits

ROOT = Path(__file__).parents[2]

GENERATED: Mapping[str, Callable[[], str]] = {
    "docs/openapi.json": openapi.render,
    "docs/schema.sql": schema.render,
    "docs/settings.md": settings.render,
    "src/tickets/web/model/text-limits.js": render_text_limits,
}
"""What renders each generated file."""


def drift(name: str) -> str:
    """Return the difference between a checked-in file and the rendered one, as a diff."""
    path = ROOT / name
    checked_in = path.read_text(encoding="utf-8") if path.exists() else ""
    return "".join(
        difflib.unified_diff(
            checked_in.splitlines(keepends=True),
            GENERATED[name]().splitlines(keepends=True),
            f"{name} (checked in)",
            f"{name} (generated)",
        )
    )


def main() -> None:
    """Write or check every file."""
    parser = argparse.ArgumentParser(description="Write the generated files.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail on drift")
    if not parser.parse_args().check:
        for name, render in GENERATED.items():
            (ROOT / name).write_text(render(), encoding="utf-8")
        return
    drifts = {name: diff for name in GENERATED if (diff := drift(name))}
    sys.stdout.writelines(drifts.values())
    if drifts:
        sys.exit(f"Out of date: {', '.join(drifts)}. Run `uv run just docs` and commit the result.")


if __name__ == "__main__":
    main()
