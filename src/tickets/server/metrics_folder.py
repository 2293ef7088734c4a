"""The shared folder of the metrics: a temporary folder that does not outlive its processes.

prometheus_client shares the metrics of several processes through files. Whoever uses the folder
holds a shared file lock (flock) in it, which the kernel drops with the process, after kill -9 too.
So each start can tell which folders a killed service has left behind, and removes them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

if sys.platform != "win32":
    import fcntl

PREFIX = "tickets-metrics-"

LOCK = "lock"
"""The file in the folder on which its processes hold a shared lock."""


@contextlib.contextmanager
def shared_metrics_folder() -> Iterator[Path]:
    """Create a folder below TMPDIR for the block."""
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with _created_lock(folder):
            yield folder


@contextlib.contextmanager
def _created_lock(folder: Path) -> Iterator[None]:
    """Create the folder's lock, locked from the moment at which it can be seen."""
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(folder / "new", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        (folder / "new").rename(folder / LOCK)
        yield
    finally:
        os.close(descriptor)


def hold_metrics_folder(folder: str) -> None:
    """Keep the folder until this process ends: a worker may outlive its supervisor for a while."""
    if sys.platform == "win32":
        return
    descriptor = os.open(Path(folder) / LOCK, os.O_RDWR | os.O_CLOEXEC)
    fcntl.flock(descriptor, fcntl.LOCK_SH)


def remove_abandoned_metrics() -> None:
    """Remove the folders of this user below TMPDIR that have a lock which no process holds."""
    if sys.platform == "win32":
        return
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        # a folder of another user, or one that somebody else has just removed
        with contextlib.suppress(OSError):
            _remove_if_abandoned(folder)


def _remove_if_abandoned(folder: Path) -> None:
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        return
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    finally:
        os.close(descriptor)
