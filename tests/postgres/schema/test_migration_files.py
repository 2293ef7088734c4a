"""The files of migrations: their names, numbers and line endings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.postgres.schema.migrators import (
    Connection,
)
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
