"""Processes of a killed server that are still there: backends that outlive their postmaster.

PostgreSQL refuses to start while they are attached to its shared memory. They notice the death of
their postmaster by themselves, within milliseconds, unless they are suspended or hang in the
kernel. They are recognised by the lock "running", which they inherited, never by a pid alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

_PROCESSES = Path("/proc")

_PROGRAM = "postgres"


def is_alive(pid: int) -> bool:
    """Return whether this process exists and is no zombie.

    Nobody reaps a zombie where the service is a container's first process.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        status = (_PROCESSES / f"{pid}" / "stat").read_bytes()
    except OSError:
        # ended just now; or a system without /proc
        return not _PROCESSES.is_dir() or (_PROCESSES / f"{pid}").exists()
    return status.rpartition(b") ")[2][:1] not in (b"Z", b"X")


def kill_leftovers(lock: Path) -> int:
    """Kill the processes of PostgreSQL that have this lock file open; return how many.

    Only for a caller that knows that their postmaster is gone, and that nobody starts another. It
    returns 0 on systems without /proc.
    """
    file = lock.stat()
    killed = 0
    for process in _PROCESSES.glob("[0-9]*"):
        # a process that ends meanwhile, or that belongs to somebody else
        with contextlib.suppress(OSError):
            if (process / "comm").read_text().strip() == _PROGRAM and _has_open(process, file):
                os.kill(int(process.name), signal.SIGKILL)
                killed += 1
    return killed


def _has_open(process: Path, file: os.stat_result) -> bool:
    for descriptor in (process / "fd").iterdir():
        with contextlib.suppress(OSError):
            if os.path.samestat(descriptor.stat(), file):
                return True
    return False
