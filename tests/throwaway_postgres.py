"""The PostgreSQL server of the tests: a throwaway container or cluster, or a named server."""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tickets.embedded_postgres.cluster import EmbeddedPostgres

VARIABLE = "TICKETS_TEST_POSTGRES"
IMAGE = "postgres:18-alpine"

# Durability is off: a throwaway cluster need not survive a crash. Many tests need many connections.
OPTIONS = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300"]


def setting() -> str:
    """Return the setting from the environment: empty, container, embedded, none, or a URL.

    A URL is that of the maintenance database of a running server, where the tests create and drop
    databases of their own. "none" makes a test that needs PostgreSQL fail.
    """
    value = os.environ.get(VARIABLE, "")
    if value in ("", "container", "embedded", "none") or value.startswith("postgresql://"):
        return value
    message = f"{VARIABLE} must be container, embedded, none or a postgresql:// URL, not {value!r}"
    raise pytest.UsageError(message)


@functools.cache
def choice() -> str:
    """Return the setting, or else what this machine can run: container or embedded."""
    return setting() or ("container" if _container_engine_responds() else "embedded")


def description() -> str:
    """Return the server that `running` starts, in words."""
    names = {"container": f"a throwaway container ({IMAGE})", "embedded": "throwaway, embedded"}
    return names.get(choice(), f"the server of {VARIABLE}")


@contextlib.contextmanager
def running() -> Iterator[str]:
    """Start the server; return the URL of its maintenance database."""
    start = {"container": _container, "embedded": _embedded, "none": _none}.get(choice(), _named)
    with start() as url:
        yield url


def _container_engine_responds() -> bool:
    # Imported here: most runs of a few tests need no PostgreSQL, and this import is slow.
    import docker  # noqa: PLC0415

    # With a version the client sends no request before it can be closed.
    version = docker.constants.MINIMUM_DOCKER_API_VERSION
    client = docker.APIClient(version=version, timeout=5, **docker.utils.kwargs_from_env())
    with warnings.catch_warnings():
        # After a refused connection the library leaves the socket to the garbage collector, whose
        # warning would fail the first test.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            client.ping()
            responds = True
        except (docker.errors.DockerException, OSError):
            responds = False
        finally:
            client.close()
        gc.collect()
    return responds


@contextlib.contextmanager
def _container() -> Iterator[str]:
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415 - slow

    flags = " ".join(f"-c {option}" for option in OPTIONS)
    container = PostgresContainer(IMAGE, driver=None).with_command(f"postgres {flags}")
    with container as postgres:
        yield postgres.get_connection_url()


@contextlib.contextmanager
def _embedded() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="tickets-test-"))
    # The account that runs PostgreSQL for root must be able to enter.
    folder.chmod(0o711)
    try:
        with EmbeddedPostgres(folder / "cluster", options=OPTIONS) as postgres:
            yield postgres.url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _named() -> Iterator[str]:
    yield choice()


def _none() -> contextlib.AbstractContextManager[str]:
    pytest.fail(f"this test needs PostgreSQL, and {VARIABLE} is none", pytrace=False)
