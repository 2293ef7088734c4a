"""Previews of messages: what lists show of the newest one (section 8 of the specification)."""

from __future__ import annotations

from tickets.domain.message import preview


def test_a_preview_is_cut_after_100_characters_with_an_ellipsis() -> None:
    """Section 8: lists show a preview of the last message."""
    assert preview("x" * 100) == "x" * 100
    assert preview("x" * 101) == "x" * 100 + "…"
    assert preview("🎫" * 101) == "🎫" * 100 + "…"
