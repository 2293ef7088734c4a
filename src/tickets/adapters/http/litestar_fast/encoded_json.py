"""JSON that passes through: what the store has encoded is sent without being decoded."""

from __future__ import annotations

from typing import Any

import msgspec


def encoded_json(body: bytes) -> Any:  # noqa: ANN401 - stands for the value that it encodes
    """Return a value that is encoded as these bytes, to stand in a field of a response body.

    The field keeps the type of the decoded value, for the OpenAPI document.
    """
    return msgspec.Raw(body)
