"""The service's settings, read from environment variables that start with `TICKETS_`.

Each is declared once, here. What reads the environment, the command line's help and the table in
docs/settings.md are derived from the declarations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from tickets.domain.rate_limits import RateLimit
from tickets.settings import parsers
from tickets.settings.declaration import PREFIX, declared_settings, setting, unknown_setting
from tickets.settings.delivery_settings import DeliverySettings
from tickets.settings.errors import SettingsError
from tickets.settings.mail_parsers import check_mail


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(DeliverySettings):
    """All settings, one field per variable: `database_url` is `TICKETS_DATABASE_URL`."""

    admin_token: tuple[str, ...] = setting(
        parse=parsers.tokens,
        default=(),
        doc="Admin tokens, comma-separated; `serve` needs at least one",
    )
    database_url: str | None = setting(
        parse=parsers.postgres_url,
        default=None,
        default_doc="embedded",
        doc="`postgresql://user:password@host:5432/database`",
    )

    schema: str | None = setting(
        parse=parsers.identifier,
        default=None,
        default_doc="the `search_path`",
        doc="Schema of the tables in the database",
    )

    host: str = setting(
        parse=parsers.text,
        default="127.0.0.1",
        doc="Address to listen on",
    )
    port: int = setting(
        parse=parsers.whole_number(1, 65535),
        default=8000,
        doc="Port to listen on",
    )
    workers: int = setting(
        parse=parsers.whole_number(1, 64),
        default=1,
        doc="Server processes, each with its own connection pool",
    )

    max_connections: int = setting(
        parse=parsers.whole_number(1, 100_000),
        default=1000,
        doc="Client connections of one process; beyond it: 503",
    )
    max_connections_per_address: int | None = setting(
        parse=parsers.whole_number(0, 100_000),
        default=None,
        default_doc="a quarter",
        doc="The same of one address; `0` is no limit",
    )
    client_timeout: float = setting(
        parse=parsers.seconds(0.1, 600),
        default=20.0,
        doc="Seconds to send a request, and to go on reading",
    )
    drain: float = setting(
        parse=parsers.seconds(0, 300),
        default=0.0,
        doc="Seconds to serve on after SIGTERM, while not ready",
    )
    trusted_proxies: tuple[str, ...] = setting(
        parse=parsers.networks,
        default=(),
        doc="Proxies whose `X-Forwarded-…` headers are trusted",
    )

    # These limits are above what honest use reaches, even of somebody who answers fast, or of an
    # office behind one address when all its sessions have expired.
    rate_creates: RateLimit = setting(
        parse=parsers.rate_limit,
        default=RateLimit(60, timedelta(hours=1)),
        doc="Tickets that one user may open; `0` is no limit",
    )
    rate_replies: RateLimit = setting(
        parse=parsers.rate_limit,
        default=RateLimit(300, timedelta(hours=1)),
        doc="Replies that one user may write; `0` is no limit",
    )
    rate_changes: RateLimit = setting(
        parse=parsers.rate_limit,
        default=RateLimit(1000, timedelta(hours=1)),
        doc="Other changes of one user with a key; `0` is no limit",
    )
    rate_failed_sign_ins: RateLimit = setting(
        parse=parsers.rate_limit,
        default=RateLimit(1000, timedelta(hours=1)),
        doc="Wrong credentials per address; `0` is no limit",
    )

    identity: str = setting(
        parse=parsers.text,
        default="tokens",
        doc="`tokens`, `sessions`, `signed`, or the path of an SQL file",
    )
    identity_secret: tuple[str, ...] = setting(
        parse=parsers.secrets,
        default=(),
        doc="Shared secrets of signed tokens, comma-separated",
    )
    identity_jwks: str | None = setting(
        parse=parsers.text,
        default=None,
        doc="Public keys of signed tokens: URL or path of a JWKS",
    )
    own_origins: tuple[str, ...] = setting(
        parse=parsers.origins,
        default=(),
        doc="Own public origins, where the `Host` header does not tell",
    )
    token_lifetime: timedelta = setting(
        parse=parsers.hours(0.01),
        default=timedelta(hours=720),
        doc="Hours that a token from `tickets user add` is valid",
    )
    token_cache: float = setting(
        parse=parsers.seconds(0, 300),
        default=10.0,
        doc="Seconds that a token lookup is cached; `0` turns the cache off",
    )
    listen: bool = setting(
        parse=parsers.switch,
        default=True,
        doc="Listen for changes, so that caches can be used",
    )
    close_resolved_after: timedelta = setting(
        parse=parsers.hours(0),
        default=timedelta(hours=168),
        doc="Hours until a resolved ticket is closed; `0` is never",
    )

    database_pool_size: int = setting(
        parse=parsers.whole_number(1, 500),
        default=10,
        doc="Database connections of one process, at most",
    )
    database_pool_queue: int = setting(
        parse=parsers.whole_number(0, 100_000),
        default=500,
        doc="Requests that may wait for a connection; beyond it: 503",
    )
    database_timeout: float = setting(
        parse=parsers.seconds(0.1, 600),
        default=10.0,
        doc="Seconds to wait for a connection, and per statement",
    )
    database_statement_cache: int = setting(
        parse=parsers.whole_number(0, 10_000),
        default=100,
        doc="Prepared statements per connection",
    )

    frame_ancestors: tuple[str, ...] = setting(
        parse=parsers.origins,
        default=(),
        doc="Origins that may show the dashboards in a frame",
    )
    cors_origins: tuple[str, ...] = setting(
        parse=parsers.origins,
        default=(),
        doc="Origins whose pages may call the API",
    )

    customer_url: str | None = setting(
        parse=parsers.page_of_id,
        default=None,
        doc="A customer's page on your platform, with `{id}` in it",
    )

    log_format: str = setting(
        parse=parsers.one_of("auto", "json", "text"),
        default="auto",
        doc="`json`, `text`, or `auto`: text at a terminal, else JSON",
    )
    log_level: str = setting(
        parse=parsers.one_of("debug", "info", "warning", "error"),
        default="info",
        doc="`debug`, `info`, `warning` or `error`",
    )
    access_log: bool = setting(
        parse=parsers.switch,
        default=False,
        doc="One log line per request",
    )
    metrics: bool = setting(
        parse=parsers.switch,
        default=True,
        doc="Collect metrics and serve them at `/metrics`",
    )
    metrics_token: str | None = setting(
        parse=parsers.token,
        default=None,
        doc="Bearer token for `/metrics`",
    )
    opentelemetry: bool = setting(
        parse=parsers.switch,
        default=False,
        doc="Trace requests and statements; needs `tickets[otel]`",
    )

    data_folder: Path | None = setting(
        parse=parsers.path,
        default=None,
        default_doc="the user's data folder",
        doc="Data of the embedded PostgreSQL",
    )

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Return the settings of this environment; raise `SettingsError` for the first wrong value.

        An empty variable counts as absent. An unknown `TICKETS_` variable is an error, because it
        is nearly always a misspelt one that would silently have no effect. `TICKETS_TEST_…`
        variables belong to the tests and are ignored.
        """
        values: dict[str, Any] = {}
        for variable, text in environment.items():
            name = variable.removeprefix(PREFIX).lower()
            if not variable.startswith(PREFIX) or name.startswith("test_"):
                continue
            # Kubernetes sets these in every pod beside a Service that is named `tickets`
            if name.startswith(("service_", "port_")) or text.startswith("tcp://"):
                continue
            if name not in SETTINGS:
                raise SettingsError(unknown_setting(variable, SETTINGS))
            if text.strip():
                values[name] = SETTINGS[name].parse(variable, text.strip())
        check_mail(values)
        return cls(**values)

    def environment(self) -> dict[str, str]:
        """Return the variables from which `read` returns these settings, in another process."""
        return {
            setting.variable: parsers.as_text(getattr(self, name))
            for name, setting in SETTINGS.items()
        }


SETTINGS = declared_settings(Settings)
"""The declared settings by name."""
