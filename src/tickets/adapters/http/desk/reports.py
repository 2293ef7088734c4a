"""Reports for admins: figures per day, times to the first reply and to the resolution (DESK)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, get
from litestar.openapi.spec import OpenAPIFormat
from litestar.params import QueryParameter

from tickets.adapters.http.access.authentication import ADMIN_SCHEME
from tickets.adapters.http.api.problem_responses import problem_responses
from tickets.application.reporting import Reporting
from tickets.domain.people import Actor
from tickets.domain.reports import (
    FIRST_DAY,
    MAX_DAYS,
    CategoryFigures,
    DayFigures,
    Durations,
    Report,
)

FirstDay = Annotated[
    str | None,
    QueryParameter(
        required=True,
        name="from",
        description=f"The first day, in UTC, from {FIRST_DAY} on.",
        schema_extra={"format": OpenAPIFormat.DATE, "examples": ["2026-11-01"]},
    ),
]

LastDay = Annotated[
    str | None,
    QueryParameter(
        required=True,
        name="to",
        description=f"The last day, in UTC; with it at most {MAX_DAYS} days.",
        schema_extra={"format": OpenAPIFormat.DATE, "examples": ["2026-11-30"]},
    ),
]


class ReportBody(msgspec.Struct, rename={"first_day": "from", "last_day": "to"}):
    """The figures of the days from `from` to `to`.

    Days are days in UTC, and times are in whole seconds. What each figure counts stands with it.
    """

    first_day: date
    last_day: date
    days: Sequence[DayFigures]
    first_reply: Durations
    resolution: Durations
    categories: Sequence[CategoryFigures]

    @classmethod
    def of(cls, report: Report) -> ReportBody:
        """Return the body for a report."""
        return cls(
            report.period.first,
            report.period.last,
            report.days,
            report.first_reply,
            report.resolution,
            report.categories,
        )


class ReportsController(Controller):
    """The admins' reports."""

    path = "/api/v1/tickets/admin/reports"
    tags = ["admin"]  # noqa: RUF012 - as the framework declares it
    security = [{ADMIN_SCHEME: []}]  # noqa: RUF012

    @get(operation_id="getReport", responses=problem_responses(400, 401, 429, 503))
    async def report(
        self,
        request: Request[Actor, Any, Any],
        first_day: FirstDay = None,
        last_day: LastDay = None,
    ) -> ReportBody:
        """Return figures for each day, and times to the first reply and to the resolution."""
        reporting: Reporting = request.app.state.reporting
        return ReportBody.of(
            await reporting.report(first_day or "", last_day or "", by=request.user)
        )
