"""Every interleaving of what several admins and the customer do to one ticket at once (DESK)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest

from tests.postgres.concurrency.desk_mutants import (
    AssignsWithoutVersion,
    ComparesBeforehand,
    EveryReplyAssigns,
    HandlesWithoutSeen,
    RecordsApartFromTheChange,
    RefusesByTheCache,
    RepliesAndThenResolves,
)
from tests.postgres.concurrency.mutants import SeparateCaches, SharedCache, Subject
from tests.postgres.concurrency.scene import ANSWERED, Actions, explore
from tests.reference_model import (
    AddNote,
    Assign,
    ChangeStatus,
    Close,
    Command,
    MarkHandled,
    Peek,
    Read,
    Reply,
    SetPriority,
)
from tests.world import PostgresWorld
from tickets.domain.people import Side
from tickets.domain.ticket import Status

USER, ADMIN = Side.USER, Side.ADMIN

NADIA, OMAR = "Nadia", "Omar"

ACTIONS: Actions = {
    "Nadia takes it": (Assign(NADIA, NADIA, was=None),),
    "Omar takes it": (Assign(OMAR, OMAR, was=None),),
    "the team assigns Omar": (Assign(None, OMAR),),
    "Nadia frees it": (Assign(NADIA, None),),
    "Nadia answers": (Reply(ADMIN, "", NADIA),),
    "Omar answers": (Reply(ADMIN, "", OMAR),),
    "Omar answers and resolves": (Reply(ADMIN, "", OMAR, Status.RESOLVED),),
    "the team answers and closes": (Reply(ADMIN, "", None, Status.CLOSED),),
    "Nadia says that it is handled": (Peek(ADMIN), MarkHandled(NADIA)),
    "Nadia makes it urgent": (SetPriority("urgent", was="normal", by=NADIA),),
    "Omar makes it low": (SetPriority("low", was="normal", by=OMAR),),
    "the team resolves what is open": (ChangeStatus(Status.RESOLVED, was=Status.OPEN),),
    "Nadia notes something": (AddNote("", NADIA),),
    "Omar notes something and resolves what is open": (
        AddNote("", OMAR),
        ChangeStatus(Status.RESOLVED, was=Status.OPEN),
    ),
    "the user replies": (Reply(USER, ""),),
    "the user reads": (Read(USER),),
    "the user closes": (Close(),),
}

PAIRS = list(itertools.combinations_with_replacement(ACTIONS, 2))

IN_THREES = [
    "Nadia takes it",
    "Nadia answers",
    "Omar answers and resolves",
    "Nadia says that it is handled",
    "the user replies",
]

TRIPLES = list(itertools.combinations(IN_THREES, 3))

WAITING = (*ANSWERED, Reply(USER, "the reminder"))
RESOLVED = (Reply(ADMIN, "the answer", None, Status.RESOLVED),)


@pytest.mark.parametrize(
    ("kind", "start", "plans", "least"),
    [
        (Subject, WAITING, PAIRS, 300),
        (Subject, RESOLVED, PAIRS, 300),
        (Subject, WAITING, TRIPLES, 300),
        (SharedCache, WAITING, PAIRS, 150),
        (SeparateCaches, WAITING, PAIRS, 150),
        (SeparateCaches, RESOLVED, PAIRS, 150),
        (SeparateCaches, WAITING, TRIPLES, 100),
    ],
)
async def test_what_is_done_at_once_has_the_outcome_of_some_order(
    postgres_world: PostgresWorld,
    kind: type[Subject],
    start: Sequence[Command],
    plans: Sequence[Sequence[str]],
    least: int,
) -> None:
    """Also that history and notes are those of that order, and that nobody's wait is lost."""
    orders, errors = await explore(kind(postgres_world), ACTIONS, plans, start=start)

    assert errors == []
    assert orders >= least, orders


# Each mutant, the two actions that show it, what comes before them, and what the error says.
MUTANTS = [
    (
        HandlesWithoutSeen,
        ("Nadia says that it is handled", "the user replies"),
        WAITING,
        "returned",
    ),
    (EveryReplyAssigns, ("Nadia answers", "Omar answers"), WAITING, "assignee is stored as"),
    (
        RepliesAndThenResolves,
        ("Omar answers and resolves", "the user replies"),
        WAITING,
        "thread is stored as",
    ),
    (ComparesBeforehand, ("Nadia takes it", "Omar takes it"), WAITING, "returned"),
    (
        RecordsApartFromTheChange,
        ("Nadia answers", "Omar makes it low"),
        WAITING,
        "events is stored as",
    ),
    (
        RefusesByTheCache,
        ("Omar notes something and resolves what is open", "the user replies"),
        RESOLVED,
        "returned is resolved",
    ),
    (AssignsWithoutVersion, ("Nadia takes it", "Omar takes it"), WAITING, "returned"),
]


@pytest.mark.parametrize(
    ("mutant", "plan", "start", "says"), MUTANTS, ids=[each[0].__name__ for each in MUTANTS]
)
async def test_a_mutant_of_the_desk_is_caught(
    postgres_world: PostgresWorld,
    mutant: type[Subject],
    plan: Sequence[str],
    start: Sequence[Command],
    says: str,
) -> None:
    subject = mutant(postgres_world)
    await subject.prepare()

    _, errors = await explore(subject, ACTIONS, [plan], start=start)

    assert any(says in error for error in errors), errors[:5]
