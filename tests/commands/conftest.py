"""Runs the installed command in processes of its own, with a minimal environment."""

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
    """Return the environment variables that commands inherit: PATH and coverage settings."""
    names = ("PATH", "COVERAGE_PROCESS_CONFIG")
    return {name: os.environ[name] for name in names if name in os.environ}


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class Running:
    """A command that runs until it is stopped, and its output so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.output = ""
        self._changed = threading.Condition()
        self._readers = [
            threading.Thread(target=self._read, args=[stream], daemon=True)
            for stream in (process.stdout, process.stderr)
            if stream is not None
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                with self._changed:
                    self.output += line
                    self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait for a match in the output and return it; fail if the command ends without one."""

        def found() -> bool:
            return bool(re.search(pattern, self.output)) or not any(
                r.is_alive() for r in self._readers
            )

        with self._changed:
            self._changed.wait_for(found, PATIENCE)
        match = re.search(pattern, self.output)
        assert match, f"no {pattern!r} in the output:\n{self.output}"
        return match

    def stop(self, signal_number: int = signal.SIGTERM) -> int:
        """Send the signal, wait for the end and return the exit code."""
        self.process.send_signal(signal_number)
        return self.end()

    def end(self) -> int:
        """Wait for the end of the command and of its output; return the exit code."""
        code = self.process.wait(PATIENCE)
        for reader in self._readers:
            reader.join(PATIENCE)
        return code

    def kill(self) -> None:
        """Kill the command if it is still running, and close its output."""
        self.process.kill()
        self.end()


class Shell:
    """Runs `tickets` with its own data folder and environment."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self._stack = stack
        self.folder = folder
        self.environment = {
            **inherited(),
            "HOME": str(folder),
            "TICKETS_DATA_FOLDER": str(folder / "cluster"),
        }

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end and return the result."""
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
        """Start a command that keeps running; it is killed at the end of the test if need be."""
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
    """Return a shell whose folder the account of root's PostgreSQL can enter as well."""
    folder = Path(tempfile.mkdtemp(prefix="tickets-commands-"))
    folder.chmod(0o711)
    try:
        with contextlib.ExitStack() as stack:
            shell = Shell(folder, stack)
            yield shell
            # stops the server that a killed command has left running: the last to leave stops it
        if (folder / "cluster").exists():
            shell.run("migrate", "--check")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
