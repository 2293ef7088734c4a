"""E-mail over every adapter: what is still news when it is due, to whom, and in how many mails."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.world import ADMIN, World
from tickets.application.mail_delivery import MailDelivery
from tickets.application.mail_plans import MailPlans
from tickets.domain.mail_news import CHANNELS, MAX_PER_ADDRESS, MAX_PER_TICKET, SCHEDULE, Kind
from tickets.domain.mails import (
    ContentRefused,
    Mail,
    MailFailed,
    MailUnavailable,
    RecipientRefused,
    TemporaryFailure,
    Unconfirmed,
    address_counter,
)
from tickets.domain.people import Actor

SENDER, TEAM = "support@example.org", "team@example.org"


class FakeMailer:
    """Keeps mails, or fails as a test says."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.attempts: list[Mail] = []
        self.failures: list[MailFailed | Exception] = []

    async def send(self, mail: Mail) -> None:
        self.attempts.append(mail)
        if self.failures:
            raise self.failures.pop(0)
        self.mails.append(mail)

    def told(self) -> list[tuple[tuple[str, ...], list[tuple[int, list[Kind]]]]]:
        """Return who was told what, by ticket, and forget it."""
        told = [
            (tuple(mail.to), [(each.ticket.id, list(each.kinds)) for each in mail.news])
            for mail in self.mails
        ]
        self.mails.clear()
        return told


class Mailing:
    """One process that delivers mail."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.mailer = FakeMailer()
        self.outcomes: list[str] = []
        self.delivery = MailDelivery(
            world.outbox,
            world.mailbook,
            self.mailer,
            MailPlans(world.mailbook, domain="example.org", sender=SENDER, team=[TEAM]),
            world.clock,
            quiet_period=timedelta(minutes=5),
            on_outcome=lambda _channel, outcome: self.outcomes.append(outcome),
        )

    async def now(self) -> None:
        """Deliver what is due at this moment."""
        while claimed := await self.delivery.claim({}, 1):
            await self.delivery.deliver(claimed[0])

    async def later(self, **duration: float) -> None:
        """Deliver what is due after some time."""
        self.world.clock.pass_time(**duration)
        await self.now()

    async def answered(self, **ticket: str) -> int:
        """Open a ticket, whose mail to the team goes out, and answer it; return its id."""
        opened = await self.world.ticket(**ticket)  # type: ignore[arg-type]
        await self.world.service.read(opened.id, by=ADMIN)
        await self.world.reply(opened.id, ADMIN, "Done.")
        return opened.id

    async def customer_of(self, ticket_id: int) -> str:
        detail = await self.world.detail(ticket_id)
        return str(detail.user_email)


@pytest.fixture
async def mailing(world: World) -> Mailing:
    for target, events in CHANNELS.items():
        await world.channel("mail", target, *events)
    return Mailing(world)


async def test_an_answer_that_is_unread_when_it_is_due_is_mailed_once(
    mailing: Mailing, world: World
) -> None:
    ticket_id = await mailing.answered()
    await mailing.later(minutes=4)
    assert mailing.mailer.told() == []
    await world.reply(ticket_id, ADMIN, "And more.")

    await mailing.later(minutes=1)

    (mail,) = mailing.mailer.mails
    assert mail.is_to_customer
    assert list(mail.news[0].texts) == ["Done.", "And more."]
    customer = await mailing.customer_of(ticket_id)
    assert mailing.mailer.told() == [((customer,), [(ticket_id, [Kind.ANSWERED])])]
    await mailing.later(hours=1)
    assert mailing.mailer.told() == []


async def test_an_answer_that_was_read_in_time_is_not_mailed(
    mailing: Mailing, world: World
) -> None:
    ticket_id = await mailing.answered()
    user = Actor.user((await world.tickets.get(ticket_id)).user_id)
    await world.service.read(ticket_id, by=user)

    await mailing.later(minutes=6)

    assert mailing.mailer.told() == []
    assert {outcome for outcome, _, _ in await world.outcomes()} == {"skipped"}


async def test_an_answer_that_was_read_and_marked_unread_is_not_mailed(
    mailing: Mailing, world: World
) -> None:
    ticket_id = await mailing.answered()
    user = Actor.user((await world.tickets.get(ticket_id)).user_id)
    await world.service.read(ticket_id, by=user)
    await world.service.mark_unread(ticket_id, by=user)

    await mailing.later(minutes=6)

    assert mailing.mailer.told() == []


async def test_what_the_customer_writes_is_mailed_to_the_team_and_then_to_the_assignee(
    mailing: Mailing, world: World
) -> None:
    ticket = await world.ticket()
    await mailing.later(minutes=6)
    assert mailing.mailer.told() == [((TEAM,), [(ticket.id, [Kind.OPENED])])]

    anna = await world.admin("Anna", "anna@example.org")
    await world.service.assign(ticket.id, anna.id, by=Actor.named(anna))
    await world.service.read(ticket.id, by=ADMIN)
    await world.reply(ticket.id, Actor.user(ticket.user_id))
    await mailing.later(minutes=6)
    assert mailing.mailer.told() == [(("anna@example.org",), [(ticket.id, [Kind.REPLIED])])]

    await world.disable(anna)
    await world.service.read(ticket.id, by=ADMIN)
    await world.reply(ticket.id, Actor.user(ticket.user_id))
    await mailing.later(minutes=6)
    assert mailing.mailer.told() == [((TEAM,), [(ticket.id, [Kind.REPLIED])])]


async def test_an_admin_is_told_of_an_assignment_by_somebody_else_once(
    mailing: Mailing, world: World
) -> None:
    anna = await world.admin("Anna", "anna@example.org")
    omar = await world.admin("Omar", "omar@example.org")
    tickets = [await world.ticket() for _ in range(3)]
    for ticket in tickets:
        await world.service.read(ticket.id, by=ADMIN)
    await mailing.later(minutes=6)
    await world.service.assign(tickets[0].id, anna.id, by=Actor.named(anna))
    await mailing.later(minutes=6)
    assert mailing.mailer.told() == []

    await world.service.assign(tickets[0].id, omar.id, by=Actor.named(anna))
    await world.service.assign(tickets[0].id, anna.id, by=Actor.named(omar))
    await world.service.assign(tickets[0].id, omar.id, by=Actor.named(anna))
    await mailing.later(minutes=6)
    assert mailing.mailer.told() == [(("omar@example.org",), [(tickets[0].id, [Kind.ASSIGNED])])]

    for ticket in tickets[1:]:
        await world.service.assign(ticket.id, omar.id, by=Actor.named(anna))
    await mailing.later(minutes=6)
    assert mailing.mailer.told() == [
        (("omar@example.org",), [(ticket.id, [Kind.ASSIGNED]) for ticket in tickets[1:]])
    ]


async def test_a_resolution_is_mailed_unless_it_was_undone(mailing: Mailing, world: World) -> None:
    tickets = [await world.ticket() for _ in range(2)]
    for ticket in tickets:
        await world.service.read(ticket.id, by=ADMIN)
        await world.service.change_status(ticket.id, "resolved", by=ADMIN)
        await world.service.change_status(ticket.id, "open", by=ADMIN)
    world.clock.pass_time(minutes=2)
    await world.service.change_status(tickets[1].id, "resolved", by=ADMIN)

    for _ in range(10):
        await mailing.later(minutes=1)

    customer = await mailing.customer_of(tickets[1].id)
    assert mailing.mailer.told() == [((customer,), [(tickets[1].id, [Kind.RESOLVED])])]


async def test_an_answer_that_resolves_is_one_mail(mailing: Mailing, world: World) -> None:
    ticket = await world.ticket()
    await world.service.read(ticket.id, by=ADMIN)
    await world.service.reply(ticket.id, "Done.", by=ADMIN, status="resolved")

    await mailing.later(minutes=6)
    await mailing.later(minutes=6)

    customer = await mailing.customer_of(ticket.id)
    assert mailing.mailer.told() == [((customer,), [(ticket.id, [Kind.ANSWERED, Kind.RESOLVED])])]


async def test_natural_close_is_mailed_and_the_customers_own_close_is_not(
    mailing: Mailing, world: World
) -> None:
    ticket = await world.ticket()
    await world.service.read(ticket.id, by=ADMIN)
    own = await world.ticket()
    await world.service.read(own.id, by=ADMIN)
    await world.service.close(own.id, by=Actor.user(own.user_id))
    await world.service.change_status(ticket.id, "resolved", by=ADMIN)
    await mailing.later(minutes=6)
    customer = await mailing.customer_of(ticket.id)
    assert mailing.mailer.told() == [((customer,), [(ticket.id, [Kind.RESOLVED])])]
    world.clock.pass_time(days=8)
    await world.auto_close.close_due(timedelta(days=7))

    await mailing.later(minutes=6)

    assert mailing.mailer.told() == [((customer,), [(ticket.id, [Kind.CLOSED])])]


async def test_many_resolved_tickets_of_a_customer_are_one_mail(
    mailing: Mailing, world: World
) -> None:
    user_id = await world.user()
    tickets = [await world.ticket(user_id) for _ in range(3)]
    for ticket in tickets:
        await world.service.read(ticket.id, by=ADMIN)
        await world.service.change_status(ticket.id, "resolved", by=ADMIN)

    await mailing.later(minutes=6)

    (mail,) = mailing.mailer.mails
    assert [each.ticket.id for each in mail.news] == [ticket.id for ticket in tickets]
    assert mail.ticket is None


async def test_a_ticket_that_was_opened_for_a_customer_counts_as_an_answer(
    mailing: Mailing, world: World
) -> None:
    user_id = await world.user()
    opened = await world.service.open_on_behalf(
        user_id=user_id,
        email=None,
        by=ADMIN,
        category="support",
        other_category=None,
        subject="Your invoice",
        message="There was a mistake in it.",
    )

    await mailing.later(minutes=6)

    customer = await mailing.customer_of(opened.id)
    assert mailing.mailer.told() == [((customer,), [(opened.id, [Kind.ANSWERED])])]


@pytest.mark.parametrize(
    "address",
    [SENDER, "Team@example.org", '"odd name"@example.com', "ünï@example.com", "nobody"],
)
async def test_an_address_that_takes_no_mail_is_skipped(
    mailing: Mailing, world: World, address: str
) -> None:
    ticket = await world.ticket(await world.user(address))
    await world.service.read(ticket.id, by=ADMIN)
    await world.reply(ticket.id, ADMIN)

    await mailing.later(minutes=6)

    assert mailing.mailer.told() == []


async def test_somebody_who_wants_no_mail_gets_none(mailing: Mailing, world: World) -> None:
    ticket_id = await mailing.answered()
    user_id = (await world.tickets.get(ticket_id)).user_id
    for _ in range(2):
        await world.mailbook.subscribe(user_id, at=world.clock.now(), wanted=False)
    assert not await world.mailbook.is_subscribed(user_id)
    await mailing.later(minutes=6)
    assert mailing.mailer.told() == []

    await world.mailbook.subscribe(user_id, at=world.clock.now(), wanted=True)
    await world.reply(ticket_id, ADMIN)
    await mailing.later(minutes=6)
    assert len(mailing.mailer.told()) == 1


async def test_news_of_days_ago_is_not_mailed(mailing: Mailing, world: World) -> None:
    await mailing.answered()

    await mailing.later(days=2, minutes=1)

    assert mailing.mailer.told() == []
    assert "expired" in [outcome for outcome, _, _ in await world.outcomes()]


async def test_an_address_is_suspended_after_the_second_refusal_and_can_be_released(
    mailing: Mailing, world: World
) -> None:
    ticket_id = await mailing.answered()
    for _ in range(2):
        mailing.mailer.failures = [RecipientRefused("550 5.1.1 unknown")]
        await mailing.later(minutes=6)
        await world.reply(ticket_id, ADMIN)
    assert len(mailing.mailer.attempts) == 2
    await mailing.later(minutes=6)
    assert len(mailing.mailer.attempts) == 2

    customer = await mailing.customer_of(ticket_id)
    assert list(await world.mailbook.suspended([customer])) == [customer]
    assert await world.mailbook.release(customer.upper())
    assert not await world.mailbook.release(customer)
    await world.reply(ticket_id, ADMIN)
    await mailing.later(minutes=6)
    assert len(mailing.mailer.told()) == 1


async def test_an_accepted_mail_forgets_a_refusal(mailing: Mailing, world: World) -> None:
    ticket_id = await mailing.answered()
    for failures in ([RecipientRefused("550")], [], [RecipientRefused("550")], []):
        mailing.mailer.failures = [*failures]
        await mailing.later(minutes=6)
        await world.reply(ticket_id, ADMIN)

    assert len(mailing.mailer.told()) == 2


async def test_greylisting_is_retried_under_the_same_id(mailing: Mailing) -> None:
    await mailing.answered()
    mailing.mailer.failures = [TemporaryFailure("450 greylisted")]
    await mailing.later(minutes=6)
    await mailing.later(seconds=50)
    assert len(mailing.mailer.attempts) == 1

    await mailing.later(seconds=30)

    assert len({mail.id for mail in mailing.mailer.attempts}) == 1
    assert len(mailing.mailer.told()) == 1


async def test_greylisting_is_given_up_after_a_day(mailing: Mailing) -> None:
    await mailing.answered()
    mailing.mailer.failures = [TemporaryFailure("450") for _ in range(100)]
    for _ in range(len(SCHEDULE.waits) + 5):
        await mailing.later(hours=1, minutes=1)

    assert len(mailing.mailer.attempts) == len(SCHEDULE.waits) + 1
    assert "failed" in mailing.outcomes


async def test_a_mail_without_a_confirmation_is_sent_three_times_at_most(
    mailing: Mailing,
) -> None:
    await mailing.answered()
    mailing.mailer.failures = [Unconfirmed("disconnected") for _ in range(9)]
    await mailing.later(minutes=6)
    await mailing.later(minutes=4)
    assert len(mailing.mailer.attempts) == 1
    for _ in range(5):
        await mailing.later(minutes=6)

    assert len(mailing.mailer.attempts) == 3
    assert len({mail.id for mail in mailing.mailer.attempts}) == 1
    assert mailing.outcomes.count("unconfirmed") == 3


async def test_all_mail_waits_while_the_server_takes_none_and_goes_on_by_itself(
    mailing: Mailing, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        await mailing.answered()
    mailing.mailer.failures = [MailUnavailable("535 wrong password") for _ in range(4)]
    for _ in range(4):
        await mailing.later(minutes=6)

    assert len(mailing.mailer.attempts) == 4
    assert caplog.text.count("no mail can be sent") == 1
    assert {attempts for outcome, attempts, _ in await world.outcomes() if outcome is None} == {0}
    await mailing.later(minutes=6)
    await mailing.now()
    assert len(mailing.mailer.told()) == 3


async def test_a_mail_that_is_refused_for_its_text_is_given_up_without_harm_to_the_address(
    mailing: Mailing, world: World
) -> None:
    ticket_id = await mailing.answered()
    for _ in range(3):
        mailing.mailer.failures = [ContentRefused("554 spam")]
        await mailing.later(minutes=6)
        await world.reply(ticket_id, ADMIN)
    await mailing.later(minutes=6)

    assert len(mailing.mailer.told()) == 1


async def test_a_mail_that_cannot_be_built_is_parked_and_the_next_one_goes(
    mailing: Mailing, world: World
) -> None:
    ticket_id = await mailing.answered()
    mailing.mailer.failures = [KeyError("text") for _ in range(3)]
    for _ in range(4):
        await mailing.later(minutes=2)
    assert "parked" not in mailing.outcomes
    await mailing.later(minutes=2)
    assert mailing.outcomes.count("parked") == 1

    await world.reply(ticket_id, ADMIN)
    await mailing.later(minutes=6)
    assert len(mailing.mailer.told()) == 1


async def test_a_loop_ends_with_one_mail_that_says_so(mailing: Mailing, world: World) -> None:
    ticket_id = await mailing.answered()
    for _ in range(MAX_PER_TICKET + 3):
        await mailing.later(minutes=6)
        await world.reply(ticket_id, ADMIN)

    mails = mailing.mailer.mails
    assert len(mails) == MAX_PER_TICKET + 1
    assert [mail.is_last for mail in mails] == [False] * MAX_PER_TICKET + [True]
    assert "limited" in mailing.outcomes
    mails.clear()
    await mailing.later(days=1)
    assert len(mails) <= 1


async def test_an_address_gets_no_more_than_its_mails_of_a_day(
    mailing: Mailing, world: World
) -> None:
    at = world.clock.now()
    ticket_id = await mailing.answered()
    for _ in range(MAX_PER_ADDRESS + 1):
        counter = address_counter(await mailing.customer_of(ticket_id))
        await world.mailbook.count([counter], day=at.date())
    await mailing.later(minutes=6)

    assert mailing.mailer.told() == []


async def test_everything_is_asked_again_when_it_is_sent(mailing: Mailing, world: World) -> None:
    anna = await world.admin("Anna", "anna@example.org")
    omar = await world.admin("Omar", "omar@example.org")
    ticket = await world.ticket()
    await world.service.assign(ticket.id, anna.id, by=ADMIN)
    await world.reply(ticket.id, Actor.user(ticket.user_id))
    await world.service.assign(ticket.id, omar.id, by=Actor.named(omar))

    await mailing.later(minutes=6)
    await mailing.later(minutes=6)

    ((to, news),) = mailing.mailer.told()
    assert to == ("omar@example.org",)
    assert news == [(ticket.id, [Kind.OPENED, Kind.REPLIED])]
