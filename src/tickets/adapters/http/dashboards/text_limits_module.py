"""Renders the domain's text limits as the JavaScript module that the pages import.

The service renders it at start, so pages always have the limits of the service that they talk to.
A copy is checked in beside the other modules, for the linter, the type checker and the unit tests;
a test compares the two. `just docs` rewrites the copy.
"""

from __future__ import annotations

from collections.abc import Mapping

from tickets.domain.text_limits import FIRST_MESSAGE, OTHER_CATEGORY, REPLY, SUBJECT, TextLimits

TEXT_LIMITS_MODULE = "model/text-limits.js"
"""The module's path among the pages' files."""

_LIMITS: Mapping[str, TextLimits] = {
    "subject": SUBJECT,
    "firstMessage": FIRST_MESSAGE,
    "reply": REPLY,
    "otherCategory": OTHER_CATEGORY,
}

_HEADER = """\
// Length limits of texts, in characters after normalisation. Generated from
// tickets.domain.text_limits; do not edit. `just docs` rewrites it.

/**
 * A minimum of 0 makes a field optional. A field that is not multi-line holds one line.
 *
 * @typedef {object} TextLimits
 * @property {number} minLength
 * @property {number} maxLength
 * @property {boolean} multiline
 */

/** @satisfies {Record<string, TextLimits>} */
export const TEXT_LIMITS = {
"""


def render_text_limits() -> str:
    """Return the module's source, formatted as the formatter would."""
    lines = [
        f"  {name}: {{ minLength: {limits.min_length}, maxLength: {limits.max_length}, "
        f"multiline: {'true' if limits.multiline else 'false'} }},\n"
        for name, limits in _LIMITS.items()
    ]
    return f"{_HEADER}{''.join(lines)}}};\n"
