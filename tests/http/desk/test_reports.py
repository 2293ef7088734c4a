"""`GET /admin/reports`: the shape of a report, and the periods that are refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.http.conftest import Api, Caller
from tests.http.problems import invalid_fields

MARCH = "/admin/reports?from=2026-03-01&to=2026-03-02"


async def test_a_report_has_figures_for_each_day_and_times(api: Api, user: Caller) -> None:
    await api.world.events_recorded_since(datetime(2026, 3, 2, tzinfo=UTC))
    api.world.clock.moment = datetime(2026, 3, 2, 12, tzinfo=UTC)
    ticket = await api.ticket(user, category="billing")
    await api.admin.post(f"/admin/{ticket['id']}/reply", {"message": "Soon."})
    await api.admin.put(f"/admin/{ticket['id']}/status", {"status": "resolved"})

    response = await api.admin.get(MARCH)

    assert response.status_code == 200
    assert response.json() == {
        "from": "2026-03-01",
        "to": "2026-03-02",
        "days": [
            {
                "date": "2026-03-01",
                "opened": 0,
                "resolved": None,
                "closed": None,
                "waiting": None,
                "finished": True,
            },
            {
                "date": "2026-03-02",
                "opened": 1,
                "resolved": 1,
                "closed": 0,
                "waiting": 0,
                "finished": False,
            },
        ],
        "first_reply": {"tickets": 1, "median_seconds": 1, "p90_seconds": 1},
        "resolution": {"tickets": 1, "median_seconds": 2, "p90_seconds": 2},
        "categories": [
            {
                "category": category,
                "opened": int(category == "billing"),
                "first_replies": int(category == "billing"),
                "first_reply_median_seconds": 1 if category == "billing" else None,
            }
            for category in ("support", "billing", "feature_suggestion", "other")
        ],
    }


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("from=2026-03-02&to=2026-03-01", ["to"]),
        ("from=2025-01-01&to=2026-01-02", ["to"]),
        ("from=0001-01-01&to=0001-01-01", ["from", "to"]),
        ("from=yesterday&to=2026-03-01", ["from"]),
        ("from=2026-03-01", ["to"]),
        ("to=2026-03-01", ["from"]),
        ("from=2026-03-01&from=2026-03-01&to=2026-03-01", ["from"]),
    ],
)
async def test_a_wrong_period_is_a_400_that_names_the_field(
    api: Api, query: str, fields: list[str]
) -> None:
    response = await api.admin.get(f"/admin/reports?{query}")

    assert invalid_fields(response) == fields


async def test_days_to_come_are_zeros(api: Api, user: Caller) -> None:
    await api.ticket(user)

    response = await api.admin.get("/admin/reports?from=9999-12-30&to=9999-12-30")

    assert response.json()["days"] == [
        {
            "date": "9999-12-30",
            "opened": 0,
            "resolved": 0,
            "closed": 0,
            "waiting": 0,
            "finished": False,
        }
    ]
