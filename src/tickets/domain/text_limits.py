"""Length limits of the texts that people write (section 9), in characters after normalisation.

The one place for these numbers: validation, the OpenAPI document and the pages all read them here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TextLimits:
    """The shortest and the longest text that a field accepts; a minimum of 0 makes it optional.

    A field that is not `multiline` holds one line: its line breaks become spaces.
    """

    min_length: int
    max_length: int
    multiline: bool = False


SUBJECT = TextLimits(min_length=3, max_length=200)
FIRST_MESSAGE = TextLimits(min_length=10, max_length=5000, multiline=True)
REPLY = TextLimits(min_length=1, max_length=5000, multiline=True)
OTHER_CATEGORY = TextLimits(min_length=0, max_length=100)
ADMIN_NAME = TextLimits(min_length=1, max_length=100)
NOTE = TextLimits(min_length=1, max_length=5000, multiline=True)
SAVED_REPLY_TITLE = TextLimits(min_length=1, max_length=100)
SAVED_REPLY_TEXT = TextLimits(min_length=1, max_length=5000, multiline=True)
