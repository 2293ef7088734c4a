"""Architecture: the core imports only the standard library, and the domain is synchronous.

The direction of all other imports is checked by import-linter (`[tool.importlinter]`).
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import tickets

PACKAGE = Path(tickets.__file__).parent
DOMAIN = sorted((PACKAGE / "domain").rglob("*.py"))
CORE = [*DOMAIN, *sorted((PACKAGE / "application").rglob("*.py"))]

PORTS = sorted((PACKAGE / "domain" / "ports").glob("*.py"))
"""The one module of the domain with asynchronous signatures, and no code behind them."""

INPUT_OUTPUT = {
    "asyncio",
    "concurrent",
    "http",
    "io",
    "multiprocessing",
    "os",
    "pathlib",
    "queue",
    "random",
    "sched",
    "secrets",
    "select",
    "selectors",
    "shutil",
    "signal",
    "socket",
    "sqlite3",
    "ssl",
    "subprocess",
    "sys",
    "tempfile",
    "threading",
    "time",
    "urllib",
    "uuid",
}
"""Modules of the standard library that do I/O, wait, run concurrently, or read clock and chance."""


def imports(path: Path) -> Iterator[str]:
    """Yield the full names of the modules that a file imports, under TYPE_CHECKING too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} has a relative import"
            assert node.module is not None
            yield node.module


def root(module: str) -> str:
    return module.partition(".")[0]


def is_core(module: str) -> bool:
    return module.startswith(("tickets.domain", "tickets.application"))


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("path", CORE, ids=relative)
def test_the_core_imports_only_itself_and_the_standard_library(path: Path) -> None:
    foreign = [
        module
        for module in imports(path)
        if not is_core(module) and root(module) not in sys.stdlib_module_names
    ]

    assert foreign == []


@pytest.mark.parametrize("path", DOMAIN, ids=relative)
def test_the_domain_imports_nothing_that_does_input_or_output(path: Path) -> None:
    assert [module for module in imports(path) if root(module) in INPUT_OUTPUT] == []


@pytest.mark.parametrize("path", [path for path in DOMAIN if path not in PORTS], ids=relative)
def test_the_domain_is_synchronous(path: Path) -> None:
    asynchronous = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    tree = ast.parse(path.read_text(encoding="utf-8"))

    assert [node for node in ast.walk(tree) if isinstance(node, asynchronous)] == []


def test_the_ports_are_signatures_without_code() -> None:
    functions = [
        node
        for path in PORTS
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]

    assert functions
    for function in functions:
        assert ast.get_docstring(function), function.name
        assert len(function.body) == 1, function.name


def test_no_module_is_longer_than_300_lines() -> None:
    lengths = {
        relative(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in PACKAGE.rglob("*.py")
    }

    assert {name: length for name, length in lengths.items() if length > 300} == {}
