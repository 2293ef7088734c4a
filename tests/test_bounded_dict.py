"""The bounded dictionary of the caches: a maximum number of entries, FIFO eviction."""

from __future__ import annotations

from tickets.bounded_dict import BoundedDict


def test_an_entry_is_found_until_it_is_removed() -> None:
    entries: BoundedDict[str, int] = BoundedDict(2)
    entries.put("a", 1)

    assert entries.get("a") == 1
    assert entries.pop("a") == 1
    assert entries.get("a") is None
    assert entries.pop("a") is None
    assert len(entries) == 0


def test_a_full_dictionary_evicts_the_entry_written_longest_ago() -> None:
    entries: BoundedDict[str, int] = BoundedDict(2)
    for key, value in (("a", 1), ("b", 2), ("c", 3)):
        entries.put(key, value)

    assert [entries.get(key) for key in "abc"] == [None, 2, 3]
    assert len(entries) == 2


def test_writing_an_entry_again_makes_it_the_last_to_be_evicted() -> None:
    entries: BoundedDict[str, int] = BoundedDict(2)
    entries.put("a", 1)
    entries.put("b", 2)
    entries.put("a", 10)
    assert len(entries) == 2

    entries.put("c", 3)

    assert [entries.get(key) for key in "abc"] == [10, None, 3]


def test_reading_an_entry_does_not_keep_it_from_being_evicted() -> None:
    entries: BoundedDict[str, int] = BoundedDict(2)
    entries.put("a", 1)
    entries.put("b", 2)
    entries.get("a")

    entries.put("c", 3)

    assert entries.get("a") is None


def test_clearing_removes_every_entry() -> None:
    entries: BoundedDict[str, int] = BoundedDict(2)
    entries.put("a", 1)
    entries.clear()

    assert len(entries) == 0
    assert entries.get("a") is None
