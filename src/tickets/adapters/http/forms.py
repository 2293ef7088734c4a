"""Request bodies: JSON objects of known fields, every mistake in them told at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, TypeVar

import msgspec
from litestar._openapi.schema_generation import SchemaCreator
from litestar.dto import MsgspecDTO
from litestar.exceptions import ClientException
from litestar.openapi.spec import Example, Reference, Schema
from litestar.params import Body
from litestar.typing import FieldDefinition

from tickets.domain.errors import FieldError, InvalidInput
from tickets.domain.text_limits import FIRST_MESSAGE, OTHER_CATEGORY, REPLY, SUBJECT
from tickets.domain.ticket import Category, Status
from tickets.domain.validation import label

_NUMBERS = frozenset({"seen"})
"""Fields that hold a number; all others hold text."""

Form = TypeVar("Form", bound=msgspec.Struct)

# The limits below are for the reader of the OpenAPI document. What enforces them is the domain, after trimming.


class NewTicket(msgspec.Struct, forbid_unknown_fields=True):
    """What a user fills in to open a ticket. Texts are trimmed at both ends before they are counted."""

    category: Annotated[
        str,
        Body(
            description="What the ticket is about.",
            schema_extra={"enum": list(Category)},
            examples=[Example(value="billing")],
        ),
    ]
    subject: Annotated[
        str,
        Body(
            description="One line that says what it is about.",
            min_length=SUBJECT.min_length,
            max_length=SUBJECT.max_length,
            examples=[Example(value="Charged twice in January")],
        ),
    ]
    message: Annotated[
        str,
        Body(
            description="The first message of the thread.",
            min_length=FIRST_MESSAGE.min_length,
            max_length=FIRST_MESSAGE.max_length,
            examples=[Example(value="My card was charged twice for invoice 4711.")],
        ),
    ]
    other_category: Annotated[
        str | None,
        Body(
            description='A label of the user\'s own, with the category "other" alone; else null, blank or absent.',
            max_length=OTHER_CATEGORY.max_length,
            examples=[Example(value=None)],
        ),
    ] = None


class NewReply(msgspec.Struct, forbid_unknown_fields=True):
    """A message to add to a thread."""

    message: Annotated[
        str,
        Body(
            description="The text, trimmed at both ends before it is counted.",
            min_length=REPLY.min_length,
            max_length=REPLY.max_length,
            examples=[Example(value="Thank you, we are looking into it.")],
        ),
    ]
    seen: Annotated[
        int | None,
        Body(
            description=(
                "The ticket's `message_count` as the writer was shown it. If the thread has grown since, nothing is "
                "stored and a 409 tells what is new."
            ),
            ge=0,
            examples=[Example(value=3)],
        ),
    ] = None


class Seen(msgspec.Struct, forbid_unknown_fields=True):
    """What a reader was shown."""

    seen: Annotated[
        int,
        Body(
            description="The ticket's `message_count` as it was shown.",
            ge=0,
            examples=[Example(value=3)],
        ),
    ]


class Nothing(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """An empty object; the body may be left out."""


NOTHING = Nothing()


class NewStatus(msgspec.Struct, forbid_unknown_fields=True):
    """Where to move a ticket."""

    status: Annotated[
        str,
        Body(
            description="Any status may follow any other.",
            schema_extra={"enum": list(Status)},
            examples=[Example(value="resolved")],
        ),
    ]


class JSONForm(MsgspecDTO[Form]):
    """Reads a body into its Struct, and says what is wrong with it field by field.

    A field that is absent counts as blank, so that the domain tells about it together with the
    others. Raises `InvalidInput`, or a 415 where the body is declared to be something else.
    """

    def decode_bytes(self, value: bytes) -> Any:  # noqa: ANN401 - the signature of the base class
        """Decode the body."""
        declared = [
            value
            for name, value in self.asgi_connection.scope["headers"]
            if name == b"content-type"
        ]
        media_type = declared[0].partition(b";")[0].strip() if declared else b""
        # of two declarations, whoever looks at the request on its way may take the other one
        if len(declared) > 1 or (
            media_type and not media_type.lower().endswith((b"/json", b"+json"))
        ):
            raise ClientException(
                status_code=415, detail="The body must be sent as application/json."
            )
        try:
            return _decoder(self.model_type)(value)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _read_carefully(value, self.model_type)

    @classmethod
    def create_openapi_schema(
        cls, field_definition: FieldDefinition, handler_id: str, schema_creator: SchemaCreator
    ) -> Reference | Schema:
        """Describe the Struct itself, which takes no other fields than its own."""
        del handler_id
        described = schema_creator.for_field_definition(field_definition)
        assert isinstance(described, Reference)  # noqa: S101 - a Struct is described once
        schema = schema_creator.schema_registry.from_reference(described).schema
        schema.additional_properties = False
        return described


@cache
def _decoder(form: type[Form]) -> Callable[[bytes], Form]:
    return msgspec.json.Decoder(form).decode


def _read_carefully(body: bytes, form: type[Form]) -> Form:
    """Read what the fast decoder refused: say why, for every field, or accept it after all.

    The standard decoder also lets half of a surrogate pair through, to be named by the domain.
    """
    try:
        fields = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise InvalidInput([FieldError("body", "The body is not valid JSON.")]) from None
    if not isinstance(fields, dict):
        raise InvalidInput([FieldError("body", "The body must be a JSON object.")])
    errors = []
    values = {}
    for field in msgspec.structs.fields(form):
        blank = "" if field.required else field.default
        try:
            values[field.name] = msgspec.convert(fields.pop(field.name, blank), field.type)
        except msgspec.ValidationError:
            kind = "a whole number" if field.name in _NUMBERS else "a text"
            errors.append(FieldError(field.name, f"{label(field.name)} must be {kind}."))
    for name in fields:
        shown = name[:50].encode("utf-8", "replace").decode()
        errors.append(FieldError(shown, f"{shown} is not a field of this request."))
    if errors:
        raise InvalidInput(errors)
    return form(**values)
