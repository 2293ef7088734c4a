"""The files of migrations: their names, numbers and line endings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.postgres.schema.migrators import (
    Connection,
)
from tickets.adapters.postgres.schema.migration_files import Kind
from tickets.adapters.postgres.schema.migrations import (
    Migration,
    MigrationError,
    Migrator,
    load_migrations,
)


async def test_other_line_endings_do_not_change_a_migration(
    connection: Connection, tmp_path: Path
) -> None:
    await Migrator(connection).apply()
    for migration in load_migrations():
        text = migration.script.replace("\n", "\r\n")
        (tmp_path / f"{migration.title}.sql").write_bytes(text.encode())
    as_read = load_migrations(tmp_path)
    as_it_is = [replace(m, script=m.script.replace("\n", "\r\n")) for m in load_migrations()]

    assert await Migrator(connection, as_read).due() == []
    assert await Migrator(connection, as_it_is).due() == []


def test_backup_copies_of_editors_are_not_migrations(tmp_path: Path) -> None:
    for name in ("0001_first.sql", "0001_first.sql~", "0001_first.sql.orig", ".0002_second.sql"):
        (tmp_path / name).write_text("select 1;")

    assert load_migrations(tmp_path) == [Migration(1, "first", "select 1;")]


def test_an_sql_file_without_a_number_is_refused_and_named(tmp_path: Path) -> None:
    """It would be skipped silently otherwise."""
    (tmp_path / "2_second.sql").write_text("select 1;")

    with pytest.raises(MigrationError, match=r"2_second\.sql must be named like 0001"):
        load_migrations(tmp_path)


def test_two_migrations_with_one_number_are_refused_and_named(tmp_path: Path) -> None:
    for name in ("0001_first.sql", "0002_mine.sql", "0002_yours.sql"):
        (tmp_path / name).write_text("select 1;")

    with pytest.raises(MigrationError, match="0002_mine and 0002_yours have the same number"):
        load_migrations(tmp_path)


def test_the_numbers_of_our_migrations_have_no_gap() -> None:
    numbers = [migration.number for migration in load_migrations()]

    assert numbers == list(range(1, len(numbers) + 1))


def one_file(folder: Path, script: str) -> Migration:
    (folder / "0009_ninth.sql").write_text(script)
    (migration,) = load_migrations(folder)
    return migration


HEAD = "-- Changes something.\n-- previous release: may serve\n"


def test_a_file_without_steps_is_one_transaction(tmp_path: Path) -> None:
    migration = one_file(tmp_path, HEAD + "alter table tickets add column a int;")

    assert migration.steps == ()
    assert migration.previous_release_may_serve is True


def test_directives_divide_a_file_into_steps(tmp_path: Path) -> None:
    migration = one_file(
        tmp_path,
        """-- Changes something.
-- previous release: must be stopped

-- step: first
-- step by step, a: b
select 1; select 2;
-- step: the_index, concurrently
-- Says what for.
create index concurrently tickets_by_a on tickets (a);
-- step: gone, concurrently
drop index concurrently if exists tickets_by_b;
-- step: fill, in batches
select :after::bigint + :size;
""",
    )

    assert migration.previous_release_may_serve is False
    assert [(step.name, step.kind) for step in migration.steps] == [
        ("first", Kind.TRANSACTION),
        ("the_index", Kind.CONCURRENTLY),
        ("gone", Kind.CONCURRENTLY),
        ("fill", Kind.IN_BATCHES),
    ]
    assert migration.steps[0].sql.endswith("select 1; select 2;")
    assert [step.index for step in migration.steps[1:3]] == ["tickets_by_a", None]
    assert migration.steps[3].batch.bind(after=1, size=2)[1:] == (1, 2)


def test_other_line_endings_do_not_change_the_steps(tmp_path: Path) -> None:
    script = HEAD + "-- step: first\nselect 1;\n-- step: second\nselect 2;\n"
    migration = one_file(tmp_path, script)

    assert replace(migration, script=script.replace("\n", "\r\n")).steps == migration.steps


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("-- Says nothing.\nselect 1;", "must say `-- previous release: may serve`"),
        ("-- previous release: may stop\nselect 1;", "not known: -- previous release: may stop"),
        (HEAD + "-- step: one, at night\nselect 1;", "not known: -- step: one, at night"),
        (HEAD + "-- step: Two-Words\nselect 1;", "not known: -- step: Two-Words"),
        (HEAD + "--step: one\nselect 1;", "not known: --step: one"),
        (HEAD + "select 1;\n-- step: one\nselect 1;", "statements before its first step"),
        (HEAD + "-- step: one\n-- nothing\n", "step one has no statement"),
        (HEAD + "-- step: one\nselect 1;\n-- step: one\nselect 2;", "two steps named one"),
        (HEAD + "-- step: one, in batches\nselect :after;", "parameters :after and :size"),
        (
            HEAD + "-- step: one, in batches\nselect :after + :size + :more;",
            "parameters :after and :size",
        ),
        (HEAD + "-- step: one, concurrently\nselect 1;", "create index concurrently NAME on"),
        (
            HEAD + "-- step: one, concurrently\ndrop index concurrently tickets_by_a;",
            "drop index concurrently if exists NAME",
        ),
    ],
)
def test_a_directive_that_cannot_be_followed_is_refused(
    tmp_path: Path, script: str, reason: str
) -> None:
    with pytest.raises(MigrationError, match="0009_ninth") as error:
        one_file(tmp_path, script)

    assert reason in str(error.value)
