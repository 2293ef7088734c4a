"""Generated documents: the checked-in files are what the code generates."""

from __future__ import annotations

import pytest

from scripts.docs.__main__ import GENERATED, drift

NAMES = [
    pytest.param(name, marks=[pytest.mark.postgres] if name.endswith(".sql") else [])
    for name in GENERATED
]


@pytest.mark.parametrize("name", NAMES)
def test_a_checked_in_document_is_what_the_code_generates(name: str) -> None:
    assert drift(name) == "", "run `uv run just docs`"


@pytest.mark.parametrize("name", NAMES)
def test_a_document_is_rendered_the_same_every_time(name: str) -> None:
    assert GENERATED[name]() == GENERATED[name]()
