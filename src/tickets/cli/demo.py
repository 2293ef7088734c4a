"""Fills the demo's database, and signs a user and an admin in."""

from __future__ import annotations

from dataclasses import dataclass

from tickets.adapters.postgres.identity.token_admin import TokenAdmin
from tickets.bootstrap import database_of
from tickets.clock import SystemClock
from tickets.demo import seed
from tickets.demo.sample_data import load_sample_data
from tickets.settings.settings import Settings


@dataclass(frozen=True, slots=True)
class DemoPeople:
    """The user and the named admin whom the demo signs in."""

    email: str
    token: str
    admin_name: str
    admin_token: str


async def seed_demo(settings: Settings) -> DemoPeople:
    """Fill the demo's database if it is empty; return its first user and admin with new tokens."""
    samples = load_sample_data()
    async with database_of(settings).open() as database:
        await seed.fill(database, samples)
        token_admin = TokenAdmin(database, SystemClock())
        email = samples.users[0]
        user_id = await token_admin.user(email)
        token = await token_admin.new_token(user_id, lifetime=settings.token_lifetime)
        admin_tokens = [await seed.token_of(database, admin) for admin in samples.admins]
    return DemoPeople(email, token, samples.admins[0].name, admin_tokens[0])
