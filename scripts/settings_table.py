"""Writes the table of settings into docs/settings.md, from the declarations of the settings."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tickets.settings.documentation import with_settings_table

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"


def main() -> None:
    parser = argparse.ArgumentParser(prog="settings_table", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only check that it is up to date")
    check = parser.parse_args().check
    page = PAGE.read_text("utf-8")
    generated = with_settings_table(page)
    if page == generated:
        return
    if check:
        sys.exit("docs/settings.md is out of date: run `uv run just docs`")
    PAGE.write_text(generated, "utf-8")


if __name__ == "__main__":
    main()
