"""The settings of e-mail: parsed, checked together, and never repeating a password."""

from __future__ import annotations

import pytest

from tickets.settings.errors import SettingsError
from tickets.settings.settings import Settings

COMPLETE = {
    "TICKETS_SMTP_URL": "smtp://desk:secret@mail.example.com",
    "TICKETS_MAIL_FROM": "Support <support@example.com>",
    "TICKETS_PUBLIC_URL": "https://support.example.com/desk/",
}


def test_complete_settings_survive_the_way_to_another_process() -> None:
    settings = Settings.read(
        COMPLETE
        | {"TICKETS_MAIL_ADMINS": "a@example.com, b@example.com", "TICKETS_MAIL_AFTER": "0.5"}
    )

    assert settings.public_url == "https://support.example.com/desk"
    assert settings.mail_admins == ("a@example.com", "b@example.com")
    assert settings.mail_after == 0.5
    assert Settings.read(settings.environment()) == settings


@pytest.mark.parametrize("missing", COMPLETE)
def test_settings_that_belong_together_are_missed_by_name(missing: str) -> None:
    with pytest.raises(SettingsError, match=f"not set: {missing}"):
        Settings.read({name: value for name, value in COMPLETE.items() if name != missing})


def test_the_public_address_alone_is_no_mail() -> None:
    assert Settings.read({"TICKETS_PUBLIC_URL": "http://localhost:8000"}).smtp_url is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TICKETS_SMTP_URL", "mail.example.com:secret"),
        ("TICKETS_SMTP_URL", "smtp://user:secret@"),
        ("TICKETS_MAIL_FROM", "nobody"),
        ("TICKETS_MAIL_FROM", "a@example.com, b@example.com"),
        ("TICKETS_MAIL_REPLY_TO", "a@example.com\r\nBcc: b@example.com"),
        ("TICKETS_MAIL_ADMINS", "a@example.com, nobody@"),
        ("TICKETS_MAIL_ADMINS", "ü@example.com"),
        ("TICKETS_PUBLIC_URL", "support.example.com"),
        ("TICKETS_PUBLIC_URL", "https://a.example/?x"),
        ("TICKETS_PUBLIC_URL", "https://a.example/" + "x" * 500),
        ("TICKETS_MAIL_AFTER", "-1"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name) as refusal:
        Settings.read(COMPLETE | {name: value})

    assert "secret" not in str(refusal.value)
