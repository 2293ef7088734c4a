"""Mails through a real SMTP server: how they arrive, and what each refusal means."""

from __future__ import annotations

import asyncio
import re
import ssl
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import pytest
import trustme

from tests.delivery.mail_server import PASSWORD, USER, MailServer, a_mail_server
from tests.world import FakeClock
from tickets.adapters.mail.rendering import MailSettings
from tickets.adapters.mail.smtp import SmtpMailer
from tickets.domain.mail_news import Kind, MailedTicket, News
from tickets.domain.mails import (
    ContentRefused,
    Mail,
    MailFailed,
    MailUnavailable,
    RecipientRefused,
    TemporaryFailure,
    Unconfirmed,
    signed_user,
    user_of,
)
from tickets.settings.smtp_url import SmtpServer

CUSTOMER = "mara@example.net"
SETTINGS = MailSettings(
    sender="Support desk <support@example.com>",
    public_url="https://desk.example.com/a-long-prefix/" + "x" * 80,
    has_content=True,
)

TICKET = MailedTicket(
    id=40,
    subject="The export stops",
    status="open",
    created_at=datetime(2026, 2, 3, 10, tzinfo=UTC),
    user_id=7,
    user_email=CUSTOMER,
    is_unsubscribed=False,
    user_unread=True,
    user_seen=0,
    admin_unread=False,
    admin_seen=0,
    assignee_id=None,
    assignee_email=None,
    status_event_id=None,
    assignee_event_id=None,
    messages={},
)


def a_mail(**changes: Any) -> Mail:
    news = News(TICKET, [Kind.ANSWERED], ["Done.\nAll of it."], [])
    mail = Mail(
        "<delivery.1.a@example.com>",
        [CUSTOMER],
        is_to_customer=True,
        news=[news],
        unsubscribe=signed_user(7, "key"),
    )
    return replace(mail, **changes)


def about(**ticket: Any) -> Mail:
    return a_mail(news=[News(replace(TICKET, **ticket), [Kind.ANSWERED], [], [])])


def mailer_to(
    server: MailServer, *, url: str = "smtp://127.0.0.1", timeout: float = 5, **options: Any
) -> SmtpMailer:
    settings = options.pop("settings", SETTINGS)
    return SmtpMailer(
        SmtpServer.parse(f"{url}:{server.port}"), settings, FakeClock(), timeout=timeout, **options
    )


async def sent(mail: Mail, **options: Any) -> EmailMessage:
    """Send a mail through a server; return it as it arrived."""
    async with a_mail_server() as server:
        await mailer_to(server, **options).send(mail)
        (arrived,) = server.mails
        (envelope,) = server.envelopes
    content = envelope.original_content or b""
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert content.isascii()
    return arrived


def texts_of(mail: EmailMessage) -> tuple[str, str]:
    plain, html = mail.get_body(["plain"]), mail.get_body(["html"])
    assert plain is not None
    assert html is not None
    return plain.get_content(), html.get_content()


async def test_a_mail_to_a_customer() -> None:
    mail = await sent(a_mail())

    assert mail["From"] == "Support desk <support@example.com>"
    assert mail["To"] == CUSTOMER
    assert mail["Subject"] == "[#40] The export stops"
    assert mail["Message-ID"] == "<delivery.1.a@example.com>"
    assert mail["References"] == mail["In-Reply-To"]
    assert re.fullmatch(r"<ticket\.40\.[0-9a-f]+@example\.com>", mail["References"])
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["Reply-To"] is None
    plain, html = texts_of(mail)
    lines = plain.splitlines()
    assert lines[0] == "Please do not reply to this mail. To answer, open this page:"
    assert f"{SETTINGS.public_url}/account#/tickets/40" in lines
    assert {"There is a new answer to your ticket.", "Done.", "All of it."} <= set(lines)
    assert f'<a href="{SETTINGS.public_url}/account#/tickets/40"' in html


async def test_unsubscribing_is_one_click_on_one_line() -> None:
    async with a_mail_server() as server:
        await mailer_to(server).send(a_mail())
        content = (server.envelopes[0].original_content or b"").decode()

    url = f"{SETTINGS.public_url}/api/v1/tickets/unsubscribe/{signed_user(7, 'key')}"
    assert f"\r\nList-Unsubscribe: <{url}>\r\n" in content
    assert "\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in content
    assert user_of(signed_user(7, "key"), "key") == 7


@pytest.mark.parametrize("signed", ["", "7", "7.", "8.abc", "x.y", "٧.abc", "7.ü", "9" * 20])
def test_a_forged_link_is_nobodys(signed: str) -> None:
    assert user_of(signed, "key") is None
    assert user_of(signed_user(7, "another key"), "key") is None
    assert user_of(signed_user(7, "key").replace("7.", "8."), "key") is None


async def test_a_mail_to_admins_has_no_way_to_unsubscribe_and_leads_to_their_page() -> None:
    mail = await sent(
        a_mail(is_to_customer=False, unsubscribe=None, to=["a@example.com", "b@example.com"])
    )

    assert mail["List-Unsubscribe"] is None
    assert mail["To"] == "a@example.com, b@example.com"
    assert f"{SETTINGS.public_url}/admin#/tickets/40" in texts_of(mail)[0].splitlines()


@pytest.mark.parametrize(
    "subject",
    [
        "Ж" * 200,
        "🙂" * 200,
        'He said "no", <b>twice</b>, =?utf-8?q?=41?= and =?utf-8?B?QQ==?=',
        "a" * 200,
        " spaces  inside ",
        '-- , ; : @ ( ) [x] \\ "',
    ],
)
async def test_a_subject_arrives_equal(subject: str) -> None:
    mail = await sent(about(subject=subject))

    assert mail["Subject"] == f"[#40] {subject}"


@pytest.mark.parametrize("subject", ["a\r\nBcc: x@example.com", "a\nb", "a\u2028b", "a\x00b\x1b"])
async def test_a_subject_cannot_add_a_header(subject: str) -> None:
    mail = await sent(about(subject=subject))

    assert mail["Bcc"] is None
    assert mail.keys().count("Subject") == 1
    assert set(mail["Subject"]) <= set("[#40] abBccx: xamplemo@.")


async def test_the_html_is_escaped_loads_nothing_and_has_a_background_for_each_colour() -> None:
    news = News(TICKET, [Kind.ANSWERED], ['<img src="https://x"> & <script>'], [])
    _, html = texts_of(await sent(a_mail(news=[news])))

    assert "<img" not in html
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert not re.search(r"<[^>]*\bsrc=|url\(|@import|<link", html)
    for style in re.findall(r'style="([^"]*)"', html):
        assert ("color:" in style.replace("background-color:", "")) <= (
            "background-color:" in style
        )


async def test_texts_are_left_out_by_default() -> None:
    mail = await sent(a_mail(), settings=replace(SETTINGS, has_content=False))

    assert "Done." not in "".join(texts_of(mail))


async def test_several_tickets_are_listed_with_their_links() -> None:
    tickets = [replace(TICKET, id=number) for number in (40, 41)]
    mail = await sent(a_mail(news=[News(each, [Kind.RESOLVED], [], []) for each in tickets]))

    assert mail["Subject"] == "2 tickets: resolved"
    assert mail["References"] is None
    lines = texts_of(mail)[0].splitlines()
    for number in (40, 41):
        assert f"#{number} The export stops: resolved" in lines
        assert f"{SETTINGS.public_url}/account#/tickets/{number}" in lines


async def test_the_last_mail_of_a_day_says_so() -> None:
    assert "last mail of today" in texts_of(await sent(a_mail(is_last=True)))[0]


async def test_replies_and_bounces_go_where_the_settings_say() -> None:
    settings = replace(SETTINGS, reply_to="Team <team@example.com>")
    async with a_mail_server() as server:
        await mailer_to(server, settings=settings, envelope_sender="bounce@example.com").send(
            a_mail()
        )

    assert server.mails[0]["Reply-To"] == "Team <team@example.com>"
    assert server.envelopes[0].mail_from == "bounce@example.com"
    # not the name of the machine
    assert server.sessions[0].host_name == "example.com"


@pytest.mark.parametrize(
    ("command", "answer", "failure"),
    [
        ("RCPT", "550 5.1.1 no such user", RecipientRefused),
        ("RCPT", "450 4.2.0 greylisted", TemporaryFailure),
        ("RCPT", "451 4.7.1 later", TemporaryFailure),
        ("MAIL", "550 5.7.1 not yours", MailUnavailable),
        ("MAIL", "451 later", TemporaryFailure),
        ("DATA", "554 5.6.0 spam", ContentRefused),
        ("DATA", "550 5.7.1 not authorised", MailUnavailable),
        ("DATA", "452 4.3.1 full", TemporaryFailure),
    ],
)
async def test_what_a_refusal_means(command: str, answer: str, failure: type[MailFailed]) -> None:
    async with a_mail_server() as server:
        server.answers = {command: [answer]}
        with pytest.raises(failure, match=answer[:3]):
            await mailer_to(server).send(a_mail())
        assert server.mails == []


async def test_a_rule_that_meets_three_recipients_in_a_row_is_about_the_sender() -> None:
    async with a_mail_server() as server:
        mailer = mailer_to(server)
        server.answers = {"RCPT": ["550 5.7.1 rule"] * 3}
        failures = []
        for name in "abc":
            with pytest.raises(MailFailed) as caught:
                await mailer.send(a_mail(to=[f"{name}@example.net"]))
            failures.append(caught.type)

    assert failures == [RecipientRefused, RecipientRefused, MailUnavailable]


async def test_the_others_get_a_mail_of_which_one_recipient_is_refused() -> None:
    async with a_mail_server() as server:
        server.answers = {"RCPT": ["550 5.1.1 unknown", "250 OK"]}
        await mailer_to(server).send(a_mail(to=["a@example.com", "b@example.com"]))

    assert server.envelopes[0].rcpt_tos == ["b@example.com"]


async def test_a_connection_that_breaks_before_the_answer_leaves_it_open() -> None:
    async with a_mail_server() as server:
        server.disconnects = True
        with pytest.raises(Unconfirmed):
            await mailer_to(server).send(a_mail())


async def test_a_server_that_hangs_after_the_text_leaves_it_open() -> None:
    async with a_mail_server() as server:
        server.hangs = asyncio.Event()
        with pytest.raises(Unconfirmed):
            await mailer_to(server, timeout=0.3).send(a_mail())
        server.hangs.set()


async def test_a_server_that_is_away_takes_no_mail_at_all() -> None:
    async with a_mail_server() as server:
        mailer = mailer_to(server)
    with pytest.raises(MailUnavailable):
        await mailer.send(a_mail())


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


CREDENTIALS = f"{USER}:a%20p%40ss%2Fword"


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_signing_in_over_tls(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext, scheme: str
) -> None:
    async with a_mail_server(server_tls, starts_tls=scheme == "smtp", needs_auth=True) as server:
        url = f"{scheme}://{CREDENTIALS}@127.0.0.1"
        await mailer_to(server, url=url, tls=client_tls).send(a_mail())
        with pytest.raises(MailUnavailable, match="535"):
            await mailer_to(server, url=f"{scheme}://{USER}:wrong@127.0.0.1", tls=client_tls).send(
                a_mail()
            )
        with pytest.raises(MailUnavailable):
            await mailer_to(server, url=url).send(a_mail())

    assert len(server.mails) == 1
    assert server.sessions[0].authenticated
    assert PASSWORD not in str(server.mails[0])


def test_a_password_is_never_sent_in_the_clear() -> None:
    assert SmtpServer.parse("smtp://a:b@mail.example.com").start_tls is True
    assert SmtpServer.parse("smtp://mail.example.com").start_tls is None
    assert SmtpServer.parse("smtp://a:b@127.0.0.1").start_tls is None
    assert SmtpServer.parse("smtps://a:b@mail.example.com").port == 465
    assert SmtpServer.parse("smtp://mail.example.com").port == 587


@pytest.mark.parametrize(
    "url",
    ["", "mail.example.com", "http://a", "smtp://", "smtp://a/b", "smtp://user@a", "smtp://a?b"],
)
def test_another_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="mail server"):
        SmtpServer.parse(url)
