"""The installed command in processes of its own, with an environment that holds nothing else."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

TICKETS = Path(sys.executable).with_name("tickets")
PATIENCE = 60


def inherited() -> dict[str, str]:
    """Return all that a command inherits of this environment: PATH, and that coverage is measured."""
    names = ("PATH", "COVERAGE_PROCESS_CONFIG")
    return {name: os.environ[name] for name in names if name in os.environ}


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class Running:
    """A command that goes on until it is stopped, and what it has said so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said = ""
        self._news = threading.Condition()
        self._readers = [
            threading.Thread(target=self._listen, args=[stream], daemon=True)
            for stream in (process.stdout, process.stderr)
            if stream is not None
        ]
        for reader in self._readers:
            reader.start()

    def _listen(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                with self._news:
                    self.said += line
                    self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Return the first match in what the command says; fail where it ends without."""

        def found() -> bool:
            return bool(re.search(pattern, self.said)) or not any(
                r.is_alive() for r in self._readers
            )

        with self._news:
            self._news.wait_for(found, PATIENCE)
        match = re.search(pattern, self.said)
        assert match, f"never said {pattern!r}, but:\n{self.said}"
        return match

    def stop(self, signal_number: int = signal.SIGTERM) -> int:
        """Send the signal to the command and return its exit code."""
        self.process.send_signal(signal_number)
        return self.end()

    def end(self) -> int:
        """Wait for the command to end, and for all that it says."""
        code = self.process.wait(PATIENCE)
        for reader in self._readers:
            reader.join(PATIENCE)
        return code

    def kill(self) -> None:
        """End the command at once, if it has not ended, and let go of what it says."""
        self.process.kill()
        self.end()


class Shell:
    """Runs `tickets` with a data folder and an environment of its own."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self._stack = stack
        self.folder = folder
        self.environment = {
            **inherited(),
            "HOME": str(folder),
            "TICKETS_DATA_FOLDER": str(folder / "cluster"),
        }

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [TICKETS, *arguments],
            env=self.environment | settings,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def start(self, *arguments: str, **settings: str) -> Running:
        """Start a command that goes on, and kill it in the end if need be."""
        process = subprocess.Popen(
            [TICKETS, *arguments],
            env=self.environment | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        running = Running(process)
        self._stack.callback(running.kill)
        return running


@pytest.fixture
def shell() -> Iterator[Shell]:
    """Return a shell whose folder also the account of root's PostgreSQL can enter."""
    folder = Path(tempfile.mkdtemp(prefix="tickets-commands-"))
    folder.chmod(0o711)
    try:
        with contextlib.ExitStack() as stack:
            shell = Shell(folder, stack)
            yield shell
            # whoever opens the cluster last stops it, also where a test has left it to a killed process
        if (folder / "cluster").exists():
            shell.run("migrate", "--check")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
