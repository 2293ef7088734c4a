"""Expectations that go stale in silence: tests keyed to comments, figures copied into documents."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
COMMENT = re.compile(r"--([^\n]*)(?:\n|$)")
DIRECTIVE = re.compile(r"-- (?:name|include|step|previous release): [^\n]*")
"""A line that the loader or the migration runner reads: a name, and no comment."""

PHRASE = 4
"""Words that a test and a comment do not have in common by chance."""

MEASURED = {"docs/performance.md", "docs/decisions", "docs/specification.md"}
"""Where a figure is a measurement or a requirement, and says so."""

FIGURE = re.compile(
    r"(?i)\b(?:\d[\d,]*|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\s+"
    r"(?:(?:wrong|generated|more)\s+)?"
    r"(?:tests?|runs|orders|pairs|triples|mutants|mutations|variants|checks|random steps)\b"
)
"""A count of what a test does, such as "197 orders"."""


def words(text: str) -> str:
    """Return the words of a text alone, in lower case, to compare it across line breaks."""
    return " ".join(re.findall(r"[^\W\d][\w']*", text.lower()))


def sql_scripts() -> str:
    """Return the text of all files in `sql/`."""
    files = sorted((CHECKOUT / "sql").rglob("*.sql"))
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def strings(path: Path) -> Iterator[str]:
    """Yield the strings of a test file, without its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or id(node) in docstrings:
            continue
        if isinstance(node.value, str):
            yield node.value


def test_no_test_looks_for_the_text_of_an_sql_comment() -> None:
    """Rewording a comment must break nothing: queries have names for that (`query_names`)."""
    scripts = sql_scripts()
    comments = words(" ".join(COMMENT.findall(DIRECTIVE.sub("", scripts))))
    # what the statements say is no comment, such as the message of an error
    code = words(COMMENT.sub("\n", scripts))
    copied = {
        f"{path.name}: {text}"
        for path in sorted((CHECKOUT / "tests").rglob("*.py"))
        for text in strings(path)
        if len((phrase := words(text)).split()) >= PHRASE
        and phrase in comments
        and phrase not in code
    }

    assert copied == set()


def test_no_document_copies_the_counts_of_a_test_by_hand() -> None:
    """A count of tests or of their steps is wrong after the next change of the test."""
    documents = [CHECKOUT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
    documents += sorted((CHECKOUT / "docs").rglob("*.md"))
    copied = {
        f"{path.name}: {' '.join(found[0].split())}"
        for path in documents
        if not any(str(path.relative_to(CHECKOUT)).startswith(measured) for measured in MEASURED)
        for found in FIGURE.finditer(path.read_text(encoding="utf-8"))
    }

    assert copied == set()
