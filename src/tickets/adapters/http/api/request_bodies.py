"""Request bodies: JSON objects of declared fields; one error response names every invalid field."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

import msgspec
from litestar.dto import MsgspecDTO
from litestar.exceptions import ClientException
from litestar.openapi.spec import Example, Reference, Schema
from litestar.params import Body
from litestar.typing import FieldDefinition

from tickets.domain.errors import FieldError, InvalidInput
from tickets.domain.text_limits import FIRST_MESSAGE, OTHER_CATEGORY, REPLY, SUBJECT
from tickets.domain.text_rules import label
from tickets.domain.ticket import Category

RequestBody = TypeVar("RequestBody", bound=msgspec.Struct)

# The limits below are documentation in the OpenAPI document. The domain enforces them, after
# normalisation.


class NewTicket(msgspec.Struct, forbid_unknown_fields=True):
    """A new ticket. Texts are trimmed at both ends before their characters are counted.

    In a message, line breaks of every kind become line feeds, and the first line keeps its
    indentation. In other texts, line breaks become spaces. Other control characters except tab
    become U+FFFD.
    """

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
            description="The ticket in one line.",
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
            description=(
                'The user\'s own label, only with the category "other"; else null, blank or absent.'
            ),
            max_length=OTHER_CATEGORY.max_length,
            examples=[Example(value=None)],
        ),
    ] = None
    follows: Annotated[
        int | None,
        Body(
            description="The id of a closed ticket of the same user that this one continues.",
            ge=1,
            examples=[Example(value=None)],
        ),
    ] = None


class NewReply(msgspec.Struct, forbid_unknown_fields=True):
    """A message to add to a thread."""

    message: Annotated[
        str,
        Body(
            description=(
                "The text, normalised like the first message before its characters are counted."
            ),
            min_length=REPLY.min_length,
            max_length=REPLY.max_length,
            examples=[Example(value="Thank you, we are looking into it.")],
        ),
    ]
    seen: Annotated[
        int | None,
        Body(
            description=(
                "The `message_count` that the writer was shown. If there are more messages by now, "
                "nothing is stored, and a 409 returns the unseen ones."
            ),
            ge=0,
            examples=[Example(value=3)],
        ),
    ] = None


class Seen(msgspec.Struct, forbid_unknown_fields=True):
    """How many messages a reader was shown."""

    seen: Annotated[
        int,
        Body(
            description="The `message_count` that the reader was shown.",
            ge=0,
            examples=[Example(value=3)],
        ),
    ]


class EmptyBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """An empty object; the body may be left out."""


EMPTY_BODY = EmptyBody()

MAX_DIGITS = 20
"""Digits of an integer that are converted, which is far beyond every bound; `int` refuses 5,000."""


NOT_JSON_DETAIL = "The body must be sent as application/json."


class JSONRequestBody(MsgspecDTO[RequestBody]):
    """Decodes a JSON body into its Struct; an error names every invalid field.

    A missing field counts as blank, so that the domain reports it together with the others. Raises
    `InvalidInput`, or a 415 where the body is declared as something else than JSON.
    """

    def decode_bytes(self, value: bytes) -> Any:  # noqa: ANN401 - the signature of the base class
        """Decode the body."""
        content_types = [
            value
            for name, value in self.asgi_connection.scope["headers"]
            if name == b"content-type"
        ]
        media_type = content_types[0].partition(b";")[0].strip() if content_types else b""
        # with two Content-Type headers, a proxy may have used the other one
        if len(content_types) > 1 or (
            media_type and not media_type.lower().endswith((b"/json", b"+json"))
        ):
            raise ClientException(status_code=415, detail=NOT_JSON_DETAIL)
        try:
            return _decoder(self.model_type)(value)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _decode_field_by_field(value, self.model_type)

    @classmethod
    def create_openapi_schema(
        cls,
        field_definition: FieldDefinition,
        handler_id: str,
        schema_creator: Any,  # noqa: ANN401 - a private class of the framework
    ) -> Reference | Schema:
        """Describe the Struct itself, and not the copy of it that a DTO makes for each handler."""
        del handler_id
        schema: Reference | Schema = schema_creator.for_field_definition(field_definition)
        return schema


@cache
def _decoder(body_type: type[RequestBody]) -> Callable[[bytes], RequestBody]:
    return msgspec.json.Decoder(body_type).decode


def _decode_field_by_field(body: bytes, body_type: type[RequestBody]) -> RequestBody:
    """Decode what the fast decoder refused: name every invalid field, or accept the body after all.

    The standard library's decoder also accepts a lone surrogate, which the domain then reports.
    """
    try:
        fields = json.loads(body.decode("utf-8"), parse_int=_integer)
    except (ValueError, RecursionError):
        raise InvalidInput([FieldError("body", "The body is not valid JSON.")]) from None
    if not isinstance(fields, dict):
        raise InvalidInput([FieldError("body", "The body must be a JSON object.")])
    errors = []
    values = {}
    types = get_type_hints(body_type)
    for field in msgspec.structs.fields(body_type):
        if field.name not in fields and not field.required:
            continue  # its default need not be a value that JSON has
        try:
            values[field.name] = msgspec.convert(fields.pop(field.name, ""), field.type)
        # a string with a lone surrogate where the field is no string
        except (msgspec.ValidationError, UnicodeEncodeError):
            kind = _json_type(types[field.name])
            errors.append(FieldError(field.name, f"{label(field.name)} must be {kind}."))
    for name in fields:
        unknown = name[:50].encode("utf-8", "replace").decode()
        errors.append(FieldError(unknown, f"Unknown field: {unknown}."))
    if errors:
        raise InvalidInput(errors)
    return body_type(**values)


class _TooLong:
    """Stands for an integer that is too long to convert; it is valid as no field."""


def _integer(digits: str) -> int | _TooLong:
    return int(digits) if len(digits) <= MAX_DIGITS else _TooLong()


def _json_type(field_type: Any) -> str:  # noqa: ANN401 - a type, or a union with None
    return "a whole number" if int in (field_type, *get_args(field_type)) else "a string"
