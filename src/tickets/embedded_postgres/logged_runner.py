"""Runs binaries of PostgreSQL whose child processes may outlive them; logs their output."""

from __future__ import annotations

import os
import threading

from tickets.embedded_postgres.binaries import Binaries
from tickets.embedded_postgres.data_folder import DataFolder, open_private
from tickets.embedded_postgres.errors import failed


class LoggedRunner:
    """Runs binaries on one cluster; what they write goes to its log, as a pipe would break."""

    def __init__(self, folder: DataFolder, binaries: Binaries) -> None:
        """Run these binaries on the cluster in this folder."""
        self._folder = folder
        self._binaries = binaries

    def run(
        self,
        command: tuple[str, ...],
        *,
        failure: str,
        running: int,
        statement: str = "",
        cancelled: threading.Event | None = None,
    ) -> None:
        """Run a binary to its end; its child processes inherit the lock "running".

        Raises `EmbeddedPostgresError` with `failure` and the causes that were written to the log.
        """
        descriptor = open_private(self._folder.log, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        with os.fdopen(descriptor, encoding="utf-8", errors="replace") as log:
            end = log.seek(0, os.SEEK_END)
            done = self._binaries.run(
                *command,
                statement=statement,
                output=descriptor,
                running=running,
                cancelled=cancelled,
            )
            log.seek(end)
            if done.returncode:
                raise failed(self._folder.log, failure, log.read() + done.stderr)
