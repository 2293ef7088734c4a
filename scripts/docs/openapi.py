"""Renders `docs/openapi.json`: the OpenAPI document of the API, in a stable order."""

from __future__ import annotations

import json

from litestar.serialization import encode_json

from tickets.bootstrap import application
from tickets.settings.settings import Settings

VERSION = "current"
"""Stands for the version of the service, which would change the file with every release."""


def render() -> str:
    """Return the document as the service serves it, apart from its version; keys are sorted."""
    # constructs the application and connects to nothing
    app = application(Settings(database_url="postgresql://localhost/tickets"))
    document = json.loads(encode_json(app.openapi_schema.to_schema()))
    document["info"]["version"] = VERSION
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
