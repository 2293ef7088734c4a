"""Who is signed in as an admin, and who else is in the team (DESK, Named admins)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Controller, Request, get

from tickets.adapters.http.access.authentication import ADMIN_SCHEME
from tickets.adapters.http.api.problem_responses import COUNT_PROBLEMS
from tickets.domain.people import Actor, AdminEntry
from tickets.domain.ports import Admins

AdminRequest = Request[Actor, Any, Any]

TEAM_NAME = "Support team"
"""What the holders of the shared token are called, all together."""


class Me(msgspec.Struct):
    """The admin who is signed in; `id` and `email` are null for the shared token."""

    id: int | None
    name: str
    email: str | None


class Team(msgspec.Struct):
    """All named admins by name, those who are disabled last."""

    admins: Sequence[AdminEntry]


class AdminsController(Controller):
    """Routes about the admins themselves."""

    path = "/api/v1/tickets/admin"
    tags = ["admin"]  # noqa: RUF012 - as the framework declares it
    security = [{ADMIN_SCHEME: []}]  # noqa: RUF012

    @get("/me", operation_id="getMe", responses=COUNT_PROBLEMS)
    async def me(self, request: AdminRequest) -> Me:
        """Return who is signed in: a named admin, or the team with its shared token."""
        admin = request.user.admin
        if admin is None:
            return Me(None, TEAM_NAME, None)
        return Me(admin.id, admin.name, await _admins(request).email_of(admin.id))

    @get("/admins", operation_id="listAdmins", responses=COUNT_PROBLEMS)
    async def list_admins(self, request: AdminRequest) -> Team:
        """List the named admins, each with the number of assigned tickets that are not closed."""
        return Team(await _admins(request).entries())


def _admins(request: AdminRequest) -> Admins:
    admins: Admins = request.app.state.admins
    return admins
