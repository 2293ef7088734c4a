"""A Litestar platform with server-side sessions, and the support desk as a plugin.

    pip install litestar uvicorn .      # this checkout
    DATABASE_URL=postgresql://… uvicorn litestar_host:app --app-dir examples/hosts

Sign in as `mara` (a customer) or `nadia` (support staff) at `/`. The desk is at `/support/account`
and `/support/admin`.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import MutableMapping
from http.cookies import SimpleCookie
from typing import Annotated, Any

from litestar import Litestar, MediaType, Request, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import Redirect

from tickets import Admin, Support, User

Scope = MutableMapping[str, Any]

PEOPLE = {
    "mara": {"id": 42, "email": "mara@example.com", "name": "Mara Lind", "is_staff": False},
    "nadia": {"id": 7, "email": "nadia@example.com", "name": "Nadia Berg", "is_staff": True},
}

SESSIONS: dict[str, str] = {}
"""Whose session it is, by the value of the cookie."""


def person_of(scope: Scope) -> dict[str, Any] | None:
    """Return whose session a request has. The desk is reached before any middleware."""
    headers = dict(scope["headers"])
    cookies = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1"))
    session = cookies["session"].value if "session" in cookies else ""
    return PEOPLE.get(SESSIONS.get(session, ""))


def user(scope: Scope) -> User | None:
    """Return the user of the platform's own session."""
    person = person_of(scope)
    return person and User(id=str(person["id"]), email=person["email"], name=person["name"])


def admin(scope: Scope) -> Admin | None:
    """Return the member of the staff whose session it is."""
    person = person_of(scope)
    if person is None or not person["is_staff"]:
        return None
    return Admin(id=str(person["id"]), name=person["name"], email=person["email"])


support = Support(
    os.environ["DATABASE_URL"], schema="support", user=user, admin=admin, migrate=True
)


@get("/", media_type=MediaType.HTML)
async def home(request: Request[Any, Any, Any]) -> str:
    """Show who is signed in, the way to the desk, and a form to sign in."""
    person = person_of(request.scope)
    return f"""<!doctype html><title>Platform</title>
        <p>Signed in: {person["name"] if person else "nobody"}</p>
        <a href="/support/account">Support</a> <a href="/support/admin">Staff</a>
        <form method="post" action="/sign-in">
        <label>Name <input name="name"></label> <button>Sign in</button></form>"""


@post("/sign-in")
async def sign_in(
    data: Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Redirect:
    """Sign in; a real platform asks for a password."""
    session = secrets.token_urlsafe(32)
    SESSIONS[session] = data.get("name", "")
    response = Redirect("/", status_code=303)
    response.set_cookie("session", session, httponly=True, samesite="lax")
    return response


app = Litestar([home, sign_in], plugins=[support.plugin("/support")])
