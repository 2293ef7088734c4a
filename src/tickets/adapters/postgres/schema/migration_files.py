"""Migration files: numbered SQL with directives in comments, and a checksum.

From 0009 on, a file says whether the previous release may serve while and after it runs, and may be
divided into steps. `CONTRIBUTING.md` explains the directives to their authors:

    -- previous release: may serve
    -- step: add_columns
    -- step: index_messages, concurrently
    -- step: fill_ordinals, in batches
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from hashlib import sha256
from importlib.resources.abc import Traversable

from tickets.adapters.postgres.sql_loader import Query, parse_queries, sql_folder

FIRST_WITH_DIRECTIVES = 9
"""The number from which on a file must say what it means for the previous release."""

_FILE = re.compile(r"(\d{4})_(\w+)\.sql")
_PREVIOUS_RELEASE = re.compile(r"^-- previous release: (may serve|must be stopped)$", re.MULTILINE)
_STEP = re.compile(r"^-- step: ([a-z][a-z0-9_]*)(?:, (concurrently|in batches))?$", re.MULTILINE)
_DIRECTIVE = re.compile(r"^[ \t]*--[ \t]*(?:previous release|step)[ \t]*:.*$", re.MULTILINE)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_INDEX = re.compile(
    r"create\s+(?:unique\s+)?index\s+concurrently\s+(\w+)\s+on\s"
    r"|drop\s+index\s+concurrently\s+if\s+exists\s",
    re.IGNORECASE,
)


class MigrationError(Exception):
    """The database cannot be migrated; the message is a sentence that says why."""


class Kind(Enum):
    """How a step runs."""

    TRANSACTION = None
    CONCURRENTLY = "concurrently"
    IN_BATCHES = "in batches"


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a migration that is recorded when it is finished, and then never runs again."""

    name: str
    kind: Kind
    sql: str

    @property
    def index(self) -> str | None:
        """The name of the index that a concurrent step creates; None if it drops one."""
        found = _INDEX.match(_code(self.sql))
        return found[1] if found else None

    @property
    def batch(self) -> Query:
        """The statement of a step in batches, with the parameters `after` and `size`."""
        return parse_queries(f"-- name: {self.name}\n{self.sql}", {})[self.name]


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file of `sql/migrations`."""

    number: int
    name: str
    script: str

    @property
    def title(self) -> str:
        """The file name without its ending."""
        return f"{self.number:04}_{self.name}"

    @property
    def checksum(self) -> str:
        """The SHA-256 of the script, with the line endings that git may have changed restored."""
        return sha256(_with_newlines(self.script).encode()).hexdigest()

    @property
    def steps(self) -> Sequence[Step]:
        """The steps in order; empty for a file that runs in one transaction.

        Raises `MigrationError` for a directive that cannot be understood.
        """
        return _steps(self.title, _with_newlines(self.script))

    @property
    def previous_release_may_serve(self) -> bool | None:
        """Whether the previous release works while and after it runs; None if it does not say."""
        found = _PREVIOUS_RELEASE.search(_with_newlines(self.script))
        return None if found is None else found[1] == "may serve"


def load_migrations(folder: Traversable | None = None) -> list[Migration]:
    """Return the migrations in this folder, by default all that this version knows, in order.

    Backup copies of editors and hidden files are skipped. Raises `MigrationError` for an SQL file
    without a number, where two have the same one, as after a merge, and for wrong directives.
    """
    found: dict[int, Migration] = {}
    for file in (folder or sql_folder() / "migrations").iterdir():
        if file.name.startswith(".") or not file.name.endswith(".sql"):
            continue
        if (named := _FILE.fullmatch(file.name)) is None:
            raise MigrationError(f"{file.name} must be named like 0001_what_it_does.sql.")
        migration = Migration(int(named[1]), named[2], file.read_text(encoding="utf-8"))
        if (duplicate := found.setdefault(migration.number, migration)) is not migration:
            both = " and ".join(sorted((duplicate.title, migration.title)))
            raise MigrationError(f"{both} have the same number; give the newer one the next.")
        _check_directives(migration)
    return [found[number] for number in sorted(found)]


def _check_directives(migration: Migration) -> None:
    _ = migration.steps
    said = migration.previous_release_may_serve
    if said is None and migration.number >= FIRST_WITH_DIRECTIVES:
        raise MigrationError(
            f"{migration.title} must say `-- previous release: may serve` or "
            f"`-- previous release: must be stopped`."
        )


@cache
def _steps(title: str, script: str) -> tuple[Step, ...]:
    for line in _DIRECTIVE.findall(script):
        if not (_STEP.fullmatch(line) or _PREVIOUS_RELEASE.fullmatch(line)):
            raise MigrationError(f"{title} has a directive that is not known: {line.strip()}")
    head, *parts = _STEP.split(script)
    if parts and _code(head):
        raise MigrationError(f"{title} has statements before its first step.")
    steps = tuple(
        Step(name, Kind(kind), sql.strip())
        for name, kind, sql in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    )
    names = [step.name for step in steps]
    for step in steps:
        if names.count(step.name) > 1:
            raise MigrationError(f"{title} has two steps named {step.name}.")
        if (reason := _refusal(step)) is not None:
            raise MigrationError(f"{title}: step {step.name} {reason}.")
    return steps


def _refusal(step: Step) -> str | None:
    if not _code(step.sql):
        return "has no statement"
    if step.kind is Kind.IN_BATCHES and set(step.batch.parameters) != {"after", "size"}:
        return "runs in batches, so it must use the parameters :after and :size"
    if step.kind is Kind.CONCURRENTLY and not _INDEX.match(_code(step.sql)):
        # what a second run can repeat after an interruption
        return (
            "must be `create index concurrently NAME on …` or "
            "`drop index concurrently if exists NAME`"
        )
    return None


def _code(sql: str) -> str:
    return _COMMENT.sub("", sql).strip()


def _with_newlines(script: str) -> str:
    return script.replace("\r\n", "\n")
