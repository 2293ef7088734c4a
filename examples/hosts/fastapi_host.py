"""A FastAPI platform with cookie sessions, and the support desk mounted in it.

    pip install fastapi uvicorn itsdangerous .      # this checkout
    DATABASE_URL=postgresql://… uvicorn fastapi_host:app --app-dir examples/hosts

Sign in as `mara` (a customer) or `nadia` (support staff) at `/`. The desk is at `/support/account`
and `/support/admin`. The part that concerns the desk is between the two lines.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.middleware.sessions import SessionMiddleware

from tickets import Admin, Support, User

Scope = MutableMapping[str, Any]

PEOPLE = {
    "mara": {"id": 42, "email": "mara@example.com", "name": "Mara Lind", "is_staff": False},
    "nadia": {"id": 7, "email": "nadia@example.com", "name": "Nadia Berg", "is_staff": True},
}

# ------------------------------------------------------------------------------------------------


async def user(scope: Scope) -> User | None:
    """Return the user of the platform's own session."""
    person = PEOPLE.get(scope["session"].get("name"))
    return person and User(id=str(person["id"]), email=person["email"], name=person["name"])


async def admin(scope: Scope) -> Admin | None:
    """Return the member of the staff whose session it is."""
    person = PEOPLE.get(scope["session"].get("name"))
    if person is None or not person["is_staff"]:
        return None
    return Admin(id=str(person["id"]), name=person["name"], email=person["email"])


support = Support(
    os.environ["DATABASE_URL"], schema="support", user=user, admin=admin, migrate=True
)
app = FastAPI(lifespan=support.lifespan)
app.mount("/support", support)

# ------------------------------------------------------------------------------------------------

app.add_middleware(SessionMiddleware, secret_key=os.environ.get("SECRET_KEY", os.urandom(32).hex()))


@app.get("/")
async def home(request: Request) -> HTMLResponse:
    """Show who is signed in, the way to the desk, and a form to sign in."""
    name = request.session.get("name", "nobody")
    return HTMLResponse(
        f"""<!doctype html><title>Platform</title><p>Signed in: {name}</p>
        <a href="/support/account">Support</a> <a href="/support/admin">Staff</a>
        <form method="post" action="/sign-in">
        <label>Name <input name="name"></label> <button>Sign in</button></form>"""
    )


@app.post("/sign-in")
async def sign_in(request: Request) -> RedirectResponse:
    """Sign in; a real platform asks for a password."""
    name = dict(parse_qsl((await request.body()).decode())).get("name")
    request.session.clear()
    if name in PEOPLE:
        request.session["name"] = name
    return RedirectResponse("/", status_code=303)
