"""Shared schemas of enumerations, so that a generated client has one type for each.

Handlers declare most of them as strings, because the domain refuses other values with the same
error response as everything else. The framework repeats their values at each place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

from tickets.adapters.http.api.response_bodies import HistoryEvent
from tickets.domain.people import Side
from tickets.domain.queues import Queue, Sort
from tickets.domain.search import Field
from tickets.domain.status import Category, Priority, Status

_EVENT = get_type_hints(HistoryEvent)


@dataclass(frozen=True)
class Enumeration:
    """The values of an enumeration, and what it is, for its schema."""

    values: tuple[str, ...]
    description: str

    def schema(self, name: str) -> dict[str, Any]:
        """Return the schema of this name."""
        return {
            "description": self.description,
            "enum": list(self.values),
            "title": name,
            "type": "string",
        }


ENUMERATIONS: Mapping[str, Enumeration] = {
    "Category": Enumeration(tuple(Category), "What a ticket is about."),
    "Status": Enumeration(tuple(Status), "Where a ticket is in its lifecycle."),
    "Priority": Enumeration(
        tuple(Priority),
        "How urgent a ticket is. A row may have another value that only another program sets.",
    ),
    "Side": Enumeration(tuple(Side), "The two sides of a ticket: its user, and the admin team."),
    "Queue": Enumeration(tuple(Queue), "The named queues."),
    "Sort": Enumeration(tuple(Sort), "Orders of the admins' list."),
    "SearchField": Enumeration(tuple(Field), "Where a search found its words."),
    "EventKind": Enumeration(
        get_args(_EVENT["kind"]),
        "What happened to a ticket. Users are shown no `assignee` and no `priority`.",
    ),
    "EventAuthor": Enumeration(get_args(_EVENT["by"]), "Who caused an event."),
}
"""By the name of the schema."""

RENAMED = {"Field": "SearchField"}
"""Schemas that the framework names after a class, and their names in the document."""

_BY_VALUES = {frozenset(each.values): name for name, each in ENUMERATIONS.items()}
_PREFIX = "#/components/schemas/"


def share_enumerations(document: dict[str, Any]) -> None:
    """Let every place that repeats an enumeration refer to its schema."""
    schemas = document["components"]["schemas"]
    for name in (*ENUMERATIONS, *RENAMED):
        schemas.pop(name, None)
    _share(document)
    schemas.update({name: each.schema(name) for name, each in ENUMERATIONS.items()})
    document["components"]["schemas"] = dict(sorted(schemas.items()))


def _share(node: Any) -> None:  # noqa: ANN401 - JSON
    if isinstance(node, list):
        for item in node:
            _share(item)
    elif isinstance(node, dict):
        for value in node.values():
            _share(value)
        if isinstance(reference := node.get("$ref"), str):
            name = reference.removeprefix(_PREFIX)
            node["$ref"] = _PREFIX + RENAMED.get(name, name)
        if isinstance(values := node.get("enum"), list):
            _refer(node, values)


def _refer(schema: dict[str, Any], values: list[str | None]) -> None:
    """Replace the values of an enumeration by a reference to it, beside null or an empty string."""
    name = _BY_VALUES.get(frozenset(value for value in values if value))
    if name is None:
        return
    for key in ("enum", "type", "oneOf"):
        schema.pop(key, None)
    reference = {"$ref": _PREFIX + name}
    others: list[dict[str, Any]] = [{"type": "null"}] if None in values else []
    others += [{"const": "", "type": "string"}] if "" in values else []
    schema.update({"anyOf": [reference, *others]} if others else reference)
