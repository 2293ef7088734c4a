"""Findings of a verification: what is wrong, whether it was repaired, what prevents a start."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

EXAMPLES = 3
"""Ids of tickets that a finding names."""


class CannotServe(Exception):
    """The service cannot do its work on this database; the message is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong: the name of the check, and a sentence.

    `is_repaired` says whether it was repaired, `is_repairable` whether a run with repairs would try
    to.
    """

    check: str
    detail: str
    is_repaired: bool = False
    is_repairable: bool = False
    prevents_start: bool = False

    def __str__(self) -> str:
        """Return one line for people."""
        # an error of PostgreSQL may have a second line
        detail = " ".join(self.detail.splitlines())
        return f"{self.check}: {detail}{' (repaired)' if self.is_repaired else ''}"


@dataclass(slots=True)
class _Orphans:
    """Rows of one table that belong to no ticket, with examples of the missing ids."""

    count: int = 0
    ticket_ids: list[int] = field(default_factory=list)
    is_repairable: bool = False


@dataclass(slots=True)
class WrongThreads:
    """Counts tickets with wrong derived columns, by column, and orphans by table, with examples.

    `repairable` says whether this database can be repaired.
    """

    repairable: bool = True
    tickets: int = 0
    repaired: int = 0
    _wrong: dict[tuple[str, bool], int] = field(default_factory=dict)
    _examples: dict[tuple[str, bool], list[int]] = field(default_factory=dict)
    _orphans: dict[tuple[str, bool], _Orphans] = field(default_factory=dict)

    def add(self, ticket_id: int, columns: Iterable[str], *, is_repaired: bool) -> None:
        """Count one ticket."""
        self.tickets += 1
        self.repaired += is_repaired
        for column in columns:
            key = column, is_repaired
            self._wrong[key] = self._wrong.get(key, 0) + 1
            examples = self._examples.setdefault(key, [])
            if len(examples) < EXAMPLES:
                examples.append(ticket_id)

    def add_orphans(
        self,
        table: str,
        count: int,
        ticket_ids: Sequence[int],
        *,
        is_repaired: bool,
        is_repairable: bool,
    ) -> None:
        """Count rows of a table that belong to missing tickets, each of which counts as one."""
        self.tickets += len(ticket_ids)
        self.repaired += len(ticket_ids) * is_repaired
        orphans = self._orphans.setdefault((table, is_repaired), _Orphans())
        orphans.count += count
        orphans.ticket_ids += ticket_ids
        orphans.is_repairable = is_repairable

    def findings(self) -> Sequence[Finding]:
        """Return one finding for each column and each table, and for each outcome."""
        return [
            *(
                Finding(
                    "threads",
                    f"{column} is wrong in {count} ticket{'s' if count > 1 else ''} "
                    f"(ids {', '.join(map(str, self._examples[column, is_repaired]))}"
                    f"{', …' if count > EXAMPLES else ''})",
                    is_repaired=is_repaired,
                    is_repairable=self.repairable,
                )
                for (column, is_repaired), count in sorted(self._wrong.items())
            ),
            *(
                Finding(
                    "orphans",
                    f"{orphans.count} row{'s' if orphans.count > 1 else ''} of {table} without a "
                    f"ticket (ids {', '.join(map(str, orphans.ticket_ids[:EXAMPLES]))}"
                    f"{', …' if len(orphans.ticket_ids) > EXAMPLES else ''})",
                    is_repaired=is_repaired,
                    is_repairable=self.repairable and orphans.is_repairable,
                )
                for (table, is_repaired), orphans in sorted(
                    self._orphans.items(), key=lambda item: item[0]
                )
            ),
        ]
