"""A Django platform with `django.contrib.auth`, and the support desk beside it.

    pip install django uvicorn .      # this checkout
    DATABASE_URL=postgresql://… uvicorn django_host:application --app-dir examples/hosts

The platform's own tables are in an SQLite file here. Sign in as `mara` (a customer) or `nadia`
(support staff, `is_staff`), with the password `example`, at `/sign-in`. The desk is at
`/support/account` and `/support/admin`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import MutableMapping
from http.cookies import SimpleCookie
from importlib import import_module
from typing import Any

import django
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.management import call_command
from django.db import close_old_connections

from tickets import Admin, Support, User

Scope = MutableMapping[str, Any]

settings.configure(
    SECRET_KEY=os.environ.get("SECRET_KEY", os.urandom(32).hex()),
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": f"{tempfile.mkdtemp(prefix='django-host-')}/platform.sqlite3",
        }
    },
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    LOGIN_REDIRECT_URL="/",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()

# ruff: noqa: E402 - Django's models can be imported only now
from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import path


@sync_to_async
def person_of(scope: Scope) -> Any:  # noqa: ANN401 - Django's user
    """Return whose session a request has, by Django's ORM; None for nobody."""
    headers = dict(scope["headers"])
    cookies = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1"))
    name = settings.SESSION_COOKIE_NAME
    if name not in cookies:
        return None
    try:
        session = import_module(settings.SESSION_ENGINE).SessionStore(cookies[name].value)
        return get_user_model().objects.filter(pk=session.get(SESSION_KEY), is_active=True).first()
    finally:
        # as Django does after a request of its own
        close_old_connections()


async def user(scope: Scope) -> User | None:
    """Return the user of the platform's own session."""
    person = await person_of(scope)
    return person and User(id=str(person.pk), email=person.email, name=person.get_full_name())


async def admin(scope: Scope) -> Admin | None:
    """Return the member of the staff whose session it is."""
    person = await person_of(scope)
    if person is None or not person.is_staff:
        return None
    return Admin(id=str(person.pk), name=person.get_full_name(), email=person.email)


support = Support(
    os.environ["DATABASE_URL"], schema="support", user=user, admin=admin, migrate=True
)
application = support.beside(get_asgi_application(), at="/support")


SIGN_IN = """<!doctype html><title>Platform</title><form method="post">{% csrf_token %}
{{ form.as_p }}<button>Sign in</button></form>"""


class SignIn(LoginView):
    """Django's own sign-in, with a template of one line."""

    def render_to_response(self, context: dict[str, Any], **_options: object) -> HttpResponse:
        """Render the form."""
        return HttpResponse(engines["django"].from_string(SIGN_IN).render(context, self.request))


def home(request: HttpRequest) -> HttpResponse:
    """Show who is signed in, and the way to the desk."""
    return HttpResponse(
        f"""<!doctype html><title>Platform</title><p>Signed in: {request.user}</p>
        <a href="/support/account">Support</a> <a href="/support/admin">Staff</a>
        <a href="/sign-in">Sign in</a>"""
    )


urlpatterns = [path("", home), path("sign-in", SignIn.as_view())]


def add_people() -> None:
    """Create the platform's own tables and its two people."""
    call_command("migrate", verbosity=0)
    people = get_user_model().objects
    for name, last_name, is_staff in (("mara", "Lind", False), ("nadia", "Berg", True)):
        people.create_user(
            name,
            f"{name}@example.com",
            "example",
            first_name=name.title(),
            last_name=last_name,
            is_staff=is_staff,
        )


add_people()
