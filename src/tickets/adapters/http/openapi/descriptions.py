"""Descriptions of schemas: the docstrings of the classes that the bodies are made of."""

from __future__ import annotations

import inspect
import re
from typing import Any

from litestar.openapi.spec import Schema
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition

_REFERENCE = re.compile(r" \((?:section|DESK|RFC)[^)]*\)")
"""Where the code names its specification, which readers of the document do not have."""

_INTERNAL = re.compile(r"; `id`[^;]* 0 until it is stored|, as its JSON")
"""What a class says to the code alone."""


class DescribedSchemas(OpenAPISchemaPlugin):
    """Adds the docstring of a class to the schema that another plugin makes of it."""

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        """Return whether the class is one of ours."""
        kind = field_definition.type_
        return (
            not field_definition.is_union
            and isinstance(kind, type)
            and kind.__module__.startswith("tickets.")
            and (hasattr(kind, "__struct_fields__") or hasattr(kind, "__dataclass_fields__"))
        )

    def to_openapi_schema(
        self,
        field_definition: FieldDefinition,
        schema_creator: Any,  # noqa: ANN401 - a private class of the framework
    ) -> Schema:
        """Return the schema with a description."""
        supports = schema_creator.plugin_supports_field
        others = (each for each in schema_creator.plugins if each is not self)
        maker = next(each for each in others if supports(each, field_definition))
        schema: Schema = maker.to_openapi_schema(field_definition, schema_creator)
        if schema.description is None:
            schema.description = describe(field_definition.type_)
        return schema


def describe(kind: type) -> str:
    """Return the docstring of a class in the words of JSON."""
    text = inspect.cleandoc(kind.__doc__ or "")
    # a paragraph is one line
    text = re.sub(r"(?<!\n)\n(?!\n)", " ", text)
    text = _INTERNAL.sub("", _REFERENCE.sub("", text))
    return text.replace("None", "null").replace("False", "false")
