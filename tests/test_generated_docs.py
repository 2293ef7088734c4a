"""Generated documents: the checked-in files are what the code generates."""

from __future__ import annotations

import pytest

from scripts.docs.__main__ import DOCUMENTS, drift


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_checked_in_document_is_what_the_code_generates(name: str) -> None:
    assert drift(name) == "", "run `uv run just docs`"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_rendered_the_same_every_time(name: str) -> None:
    assert DOCUMENTS[name]() == DOCUMENTS[name]()
