"""Every interleaving of the statements of two or three concurrent actions on one ticket."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest

from tests.postgres.concurrency.mutants import (
    MUTANTS,
    HighWaterMark,
    SeparateCaches,
    SharedCache,
    Subject,
)
from tests.postgres.concurrency.scene import Actions, explore
from tests.reference_model import (
    Acknowledge,
    ChangeStatus,
    Close,
    MarkUnread,
    Peek,
    Read,
    Reply,
)
from tests.world import PostgresWorld
from tickets.domain.people import Side
from tickets.domain.ticket import Status

USER, ADMIN = Side.USER, Side.ADMIN

ACTIONS: Actions = {
    "user reads": (Read(USER),),
    "admin reads": (Read(ADMIN),),
    "user reads the newest message": (Read(USER, limit=1),),
    "user replies": (Reply(USER, ""),),
    "admin replies": (Reply(ADMIN, ""),),
    "user acknowledges": (Peek(USER), Acknowledge(USER)),
    "admin acknowledges": (Peek(ADMIN), Acknowledge(ADMIN)),
    "user marks unread": (MarkUnread(USER),),
    "admin marks unread": (MarkUnread(ADMIN),),
    "admin resolves": (ChangeStatus(Status.RESOLVED),),
    "admin closes": (ChangeStatus(Status.CLOSED),),
    "user closes": (Close(),),
}

PAIRS = list(itertools.combinations_with_replacement(ACTIONS, 2))

WRITERS = ("user replies", "admin replies")

PAIRS_ONLY = ("admin marks unread", "user closes")

TRIPLES = [
    triple
    for triple in itertools.combinations_with_replacement(
        [action for action in ACTIONS if action not in PAIRS_ONLY], 3
    )
    # Only where somebody writes while the user reads can a message be marked read unseen. The same
    # for the admins' reading is among the pairs.
    if any(action in WRITERS for action in triple)
    and any(action in ("user reads", "user acknowledges") for action in triple)
]


@pytest.mark.parametrize(
    ("kind", "plans", "least"),
    [
        (Subject, PAIRS, 190),
        (Subject, TRIPLES, 3000),
        (SharedCache, PAIRS, 120),
        (SharedCache, TRIPLES, 1400),
        (SeparateCaches, PAIRS, 120),
        (SeparateCaches, TRIPLES, 1400),
    ],
)
async def test_no_interleaving_marks_a_message_read_unseen_or_loses_a_change(
    postgres_world: PostgresWorld,
    kind: type[Subject],
    plans: Sequence[Sequence[str]],
    least: int,
) -> None:
    orders, errors = await explore(kind(postgres_world), ACTIONS, plans)

    assert errors == []
    assert orders >= least, orders


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
async def test_a_mutant_is_caught(postgres_world: PostgresWorld, mutant: type[Subject]) -> None:
    subject = mutant(postgres_world)
    await subject.prepare()
    plans: Sequence[Sequence[str]] = PAIRS
    if mutant is HighWaterMark:
        # its error needs two writers, whose ids are in another order than their commits
        plans = [("user reads", "admin replies", "admin replies")]

    _, errors = await explore(subject, ACTIONS, plans)

    assert any("marked read" in error for error in errors), errors[:5]
