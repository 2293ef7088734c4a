"""Settings: read from the environment, wrong values refused by name, documented from one place."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from tickets.cli.main import main
from tickets.domain.rate_limits import RateLimit
from tickets.settings.documentation import settings_table, with_settings_table
from tickets.settings.errors import SettingsError
from tickets.settings.settings import SETTINGS, Settings


def test_without_variables_every_setting_has_its_default() -> None:
    settings = Settings.read({"PATH": "/usr/bin", "HOME": "/home/mara"})

    assert settings == Settings()
    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8000, 1)
    assert settings.database_url is None
    assert settings.admin_token == ()
    assert settings.close_resolved_after == timedelta(hours=168)


def test_an_empty_variable_counts_as_absent() -> None:
    assert Settings.read({"TICKETS_PORT": "", "TICKETS_DATABASE_URL": " "}) == Settings()


def test_variables_are_parsed() -> None:
    settings = Settings.read(
        {
            "TICKETS_DATABASE_URL": "postgresql://someone:secret@db:5432/tickets",
            "TICKETS_ADMIN_TOKEN": "the-old-token-of-the-admins, the-new-token-of-the-admins,",
            "TICKETS_HOST": "::1",
            "TICKETS_PORT": "9000",
            "TICKETS_WORKERS": "4",
            "TICKETS_MAX_CONNECTIONS": "300",
            "TICKETS_CLIENT_TIMEOUT": "7.5",
            "TICKETS_TRUSTED_PROXIES": "10.0.0.0/8, ::1",
            "TICKETS_IDENTITY": "sessions",
            "TICKETS_RATE_CREATES": "5/minute",
            "TICKETS_RATE_REPLIES": "0",
            "TICKETS_RATE_FAILED_SIGN_INS": "20 / day",
            "TICKETS_TOKEN_LIFETIME": "1.5",
            "TICKETS_TOKEN_CACHE": "45",
            "TICKETS_CLOSE_RESOLVED_AFTER": "24",
            "TICKETS_DATABASE_POOL_SIZE": "5",
            "TICKETS_DATABASE_POOL_QUEUE": "0",
            "TICKETS_DATABASE_TIMEOUT": "2.5",
            "TICKETS_DATABASE_STATEMENT_CACHE": "0",
            "TICKETS_DATA_FOLDER": "/srv/tickets",
            "TICKETS_CUSTOMER_URL": "https://app.example.com/users/{id}?tab=1",
        }
    )

    assert settings == Settings(
        database_url="postgresql://someone:secret@db:5432/tickets",
        admin_token=("the-old-token-of-the-admins", "the-new-token-of-the-admins"),
        host="::1",
        port=9000,
        workers=4,
        max_connections=300,
        client_timeout=7.5,
        trusted_proxies=("10.0.0.0/8", "::1"),
        identity="sessions",
        rate_creates=RateLimit(5, timedelta(minutes=1)),
        rate_replies=RateLimit(0, timedelta(hours=1)),
        rate_failed_sign_ins=RateLimit(20, timedelta(days=1)),
        token_lifetime=timedelta(minutes=90),
        token_cache=45,
        close_resolved_after=timedelta(days=1),
        database_pool_size=5,
        database_pool_queue=0,
        database_timeout=2.5,
        database_statement_cache=0,
        data_folder=Path("/srv/tickets"),
        customer_url="https://app.example.com/users/{id}?tab=1",
    )


def test_auto_close_is_off_at_0() -> None:
    assert not Settings.read({"TICKETS_CLOSE_RESOLVED_AFTER": "0"}).close_resolved_after


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(client_timeout=0.1, token_cache=0.00001, token_lifetime=timedelta(seconds=36.1)),
        Settings(
            database_url="postgresql://a@b/c",
            admin_token=("first-admin-token", "second-admin-token"),
            port=1,
            trusted_proxies=("10.0.0.0/8", "::1"),
            rate_creates=RateLimit(0, timedelta(hours=1)),
            rate_replies=RateLimit(7, timedelta(seconds=1)),
            close_resolved_after=timedelta(),
            token_lifetime=timedelta(hours=0.25),
            data_folder=Path("/a b"),
            metrics=False,
            metrics_token="for-prometheus-only",
            log_format="json",
            log_level="debug",
            access_log=True,
            opentelemetry=True,
        ),
    ],
)
def test_a_worker_process_reads_the_same_settings_from_its_environment(settings: Settings) -> None:
    assert Settings.read(settings.environment()) == settings


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TICKETS_PORT", "eighty"),
        ("TICKETS_PORT", "0"),
        ("TICKETS_PORT", "70000"),
        ("TICKETS_PORT", "80.0"),
        ("TICKETS_WORKERS", "0"),
        ("TICKETS_DATABASE_URL", "mysql://localhost/tickets"),
        ("TICKETS_DATABASE_URL", "localhost:5432"),
        ("TICKETS_DATABASE_URL", "postgresql://[::1/tickets"),
        ("TICKETS_CLOSE_RESOLVED_AFTER", "a week"),
        ("TICKETS_CLOSE_RESOLVED_AFTER", "-1"),
        ("TICKETS_CLOSE_RESOLVED_AFTER", "nan"),
        ("TICKETS_CLOSE_RESOLVED_AFTER", "inf"),
        ("TICKETS_TOKEN_LIFETIME", "1e300"),
        ("TICKETS_TOKEN_LIFETIME", "0"),
        ("TICKETS_ADMIN_TOKEN", " , "),
        ("TICKETS_ADMIN_TOKEN", "a"),
        ("TICKETS_ADMIN_TOKEN", "fifteen-letters"),
        ("TICKETS_ADMIN_TOKEN", "a-token-that-is-long-enough,short"),
        ("TICKETS_METRICS_TOKEN", "short"),
        ("TICKETS_PORT", "8_000"),
        ("TICKETS_PORT", "+8000"),
        ("TICKETS_PORT", "08000"),
        ("TICKETS_PORT", "\u0668\u0660\u0660\u0660"),
        ("TICKETS_PORT", "9" * 5000),
        ("TICKETS_CLIENT_TIMEOUT", "1e1"),
        ("TICKETS_CLIENT_TIMEOUT", "1_0"),
        ("TICKETS_CLIENT_TIMEOUT", ".5"),
        ("TICKETS_CLIENT_TIMEOUT", "5."),
        ("TICKETS_CLIENT_TIMEOUT", "9" * 5000),
        ("TICKETS_RATE_CREATES", "007/hour"),
        ("TICKETS_RATE_CREATES", "0" * 5000),
        ("TICKETS_RATE_CREATES", "60"),
        ("TICKETS_RATE_CREATES", "60/week"),
        ("TICKETS_RATE_CREATES", "-1/hour"),
        ("TICKETS_RATE_CREATES", "1000001/hour"),
        ("TICKETS_RATE_CREATES", "many/hour"),
        ("TICKETS_TRUSTED_PROXIES", "*"),
        ("TICKETS_TRUSTED_PROXIES", "proxy.example.com"),
        ("TICKETS_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("TICKETS_TRUSTED_PROXIES", "::1, 10.0.0.256"),
        ("TICKETS_MAX_CONNECTIONS", "0"),
        ("TICKETS_CLIENT_TIMEOUT", "0"),
        ("TICKETS_DATABASE_POOL_QUEUE", "-1"),
        ("TICKETS_ADMIN_TOKEN", "tökens"),
        ("TICKETS_DATABASE_POOL_SIZE", "many"),
        ("TICKETS_DATABASE_TIMEOUT", "0"),
        ("TICKETS_LOG_FORMAT", "xml"),
        ("TICKETS_LOG_LEVEL", "loud"),
        ("TICKETS_METRICS", "perhaps"),
        ("TICKETS_METRICS_TOKEN", "tökens"),
        ("TICKETS_ACCESS_LOG", "2"),
        ("TICKETS_DATA_FOLDER", "~nobody-of-this-name/data"),
        ("TICKETS_CORS_ORIGINS", "https://www.example.com/path"),
        ("TICKETS_CUSTOMER_URL", "https://app.example.com/users/7"),
        ("TICKETS_CUSTOMER_URL", "https://app.example.com/{id}/{id}"),
        ("TICKETS_CUSTOMER_URL", "https://{id}.example.com/"),
        ("TICKETS_CUSTOMER_URL", "https:///users/{id}"),
        ("TICKETS_CUSTOMER_URL", "javascript:alert({id})"),
        ("TICKETS_CUSTOMER_URL", "//app.example.com/{id}"),
        ("TICKETS_CUSTOMER_URL", 'https://app.example.com/{id}" onclick="x'),
        ("TICKETS_CUSTOMER_URL", "https://[app/{id}"),
    ],
)
def test_a_wrong_value_is_refused_in_one_line_that_names_the_variable(
    variable: str, value: str
) -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.read({variable: value})

    assert str(raised.value).startswith(f"{variable} must ")
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize(
    ("word", "on"), [("on", True), ("Yes", True), ("1", True), ("off", False), ("FALSE", False)]
)
def test_a_switch_takes_on_and_off_and_their_synonyms(word: str, *, on: bool) -> None:
    assert Settings.read({"TICKETS_ACCESS_LOG": word}).access_log is on


@pytest.mark.parametrize("token", ["tökens", "one,two\x7f", "short", "the-first-token-is-long,x9"])
def test_the_error_of_an_admin_token_does_not_repeat_it(token: str) -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.read({"TICKETS_ADMIN_TOKEN": token})

    assert token not in str(raised.value)


def test_an_unknown_variable_is_refused_with_the_closest_setting() -> None:
    with pytest.raises(SettingsError, match=r"did you mean TICKETS_DATABASE_URL\?"):
        Settings.read({"TICKETS_DATABSE_URL": "postgresql://x/y"})


def test_an_unknown_variable_that_resembles_no_setting_is_refused_with_all_settings() -> None:
    with pytest.raises(SettingsError, match=r"the settings are .*TICKETS_PORT"):
        Settings.read({"TICKETS_QQ": "1"})


def test_variables_of_a_kubernetes_service_named_tickets_are_ignored() -> None:
    environment = {
        "TICKETS_SERVICE_HOST": "10.0.0.1",
        "TICKETS_SERVICE_PORT_HTTP": "8000",
        "TICKETS_PORT": "tcp://10.0.0.1:8000",
        "TICKETS_PORT_8000_TCP_ADDR": "10.0.0.1",
    }

    assert Settings.read(environment) == Settings()


def test_variables_of_the_tests_are_ignored() -> None:
    assert Settings.read({"TICKETS_TEST_POSTGRES": "embedded"}) == Settings()


DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_table_in_the_docs_is_generated_from_the_declarations() -> None:
    page = DOCS.read_text("utf-8")

    assert with_settings_table(page) == page, "run `uv run just docs`"
    assert len(settings_table().splitlines()) == 2 + len(SETTINGS)
    assert max(len(line) for line in settings_table().splitlines()) <= 100


def test_a_page_without_the_markers_of_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="settings:begin"):
        with_settings_table("# Settings\n")


@pytest.mark.parametrize("name", ["host", "port", "workers"])
def test_the_help_of_an_option_names_its_variable_and_default(name: str) -> None:
    words = " ".join(CliRunner().invoke(main, ["serve", "--help"]).stdout.split())

    setting = SETTINGS[name]
    assert f"{setting.doc}. [{setting.variable}, default: {setting.default_text}]" in words


def test_an_option_is_parsed_as_its_setting() -> None:
    result = CliRunner().invoke(
        main, ["serve", "--port", "70000"], env={"TICKETS_ADMIN_TOKEN": "first-admin-token"}
    )

    assert result.exit_code == 2
    assert "--port must be a whole number from 1 to 65535, not '70000'" in result.stderr
