"""Rewrites the checked-in copy of the text limits module from the domain's constants.

Run it as `uv run python -m scripts.text_limits` after changing `tickets.domain.text_limits`.
"""

from __future__ import annotations

from tickets.adapters.http.site import FOLDER
from tickets.adapters.http.text_limits_module import TEXT_LIMITS_MODULE, render_text_limits

if __name__ == "__main__":
    (FOLDER / TEXT_LIMITS_MODULE).write_text(render_text_limits(), encoding="utf-8")
