"""Kernel file locks (flock) that coordinate the processes which share a cluster.

Three locks on files beside the cluster decide everything. A pid never does, as it may have been
reused: the kernel drops a lock with the last process that holds it, after kill -9 too.

deciding  Exclusive. Held by whoever creates, starts, adopts or stops the server, for just as long
          as that takes.
open      Shared. Held by everyone who has the cluster open. It is taken, and tested by whoever
          leaves, only while "deciding" is held. So nobody can arrive between "I am the last" and
          the stop: a process that arrives then waits for "deciding", finds the server gone, and
          starts it.
running   Exclusive. Inherited on purpose by initdb, pg_ctl, postgres and all its children; the
          other two never are. While it is held, a process of the cluster is alive: the initdb of a
          supervisor that was killed, say, or backends that outlive a killed postmaster. Once it is
          free, pid files are out of date, whatever they say.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from tickets.embedded_postgres.data_folder import DataFolder, open_private

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def deciding(folder: DataFolder) -> Iterator[None]:
    """Hold the lock "deciding"; wait for it if need be."""
    with lock_file(folder, "deciding") as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def lock_file(folder: DataFolder, name: str) -> Iterator[int]:
    """Open a lock file, not locked yet, and close it at the end."""
    descriptor = open_private(folder.beside(f"{name}.lock"), os.O_RDWR | os.O_CREAT)
    try:
        yield descriptor
    finally:
        # Closed, never unlocked: to unlock would take "running" away from postgres as well.
        os.close(descriptor)


def lock_shared(descriptor: int) -> None:
    """Take a shared lock; wait for it if need be."""
    fcntl.flock(descriptor, fcntl.LOCK_SH)


def is_locked_exclusively(descriptor: int) -> bool:
    """Return whether somebody else holds an exclusive lock at this moment.

    It takes a shared lock for an instant, which `try_lock_exclusive` of others may come across:
    they try again.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False


def try_lock_exclusive(descriptor: int) -> bool:
    """Take an exclusive lock if that is possible at once; return whether it was."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
