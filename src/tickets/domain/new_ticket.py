"""The texts of a new ticket, validated together so that a person sees all errors at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from tickets.domain.status import Category
from tickets.domain.text_limits import FIRST_MESSAGE, OTHER_CATEGORY, SUBJECT
from tickets.domain.text_rules import Validation


@dataclass(frozen=True, slots=True)
class NewTicket:
    """What a ticket is opened with, normalised; `category` is None only where it is invalid."""

    category: Category | None
    other_category: str | None
    subject: str
    message: str

    @classmethod
    def validated(
        cls,
        validation: Validation,
        *,
        category: str,
        other_category: str | None,
        subject: str,
        message: str,
    ) -> Self:
        """Return the texts, and add one error per field that breaks section 9."""
        chosen = validation.choice("category", category, Category)
        custom = validation.text("other_category", other_category, OTHER_CATEGORY)
        if custom and chosen not in (Category.OTHER, None):
            validation.reject(
                "other_category", 'Other category is only allowed with the category "other".'
            )
        subject = validation.text("subject", subject, SUBJECT)
        message = validation.text("message", message, FIRST_MESSAGE)
        return cls(chosen, custom or None, subject, message)
