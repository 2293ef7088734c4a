"""OPTIONS at paths with two handlers: the framework's own handler names the methods of one."""

from __future__ import annotations

from litestar import Controller, Response
from litestar.handlers import BaseRouteHandler


class OptionsFirst(Controller):
    """A controller whose handlers with names that begin with `options` are registered first.

    A path's first handler registers the framework's own OPTIONS handler, which names no method of
    the second handler, unless OPTIONS has a handler already.
    """

    def get_route_handlers(self) -> list[BaseRouteHandler]:
        """Return the handlers in the order of their registration."""
        handlers = super().get_route_handlers()
        return sorted(handlers, key=lambda handler: not handler.handler_name.startswith("options"))


def allow(*methods: str) -> Response[None]:
    """Return the response to OPTIONS at a path with these methods."""
    names = ", ".join(sorted([*methods, "OPTIONS"]))
    return Response(None, status_code=204, headers={"Allow": names})
