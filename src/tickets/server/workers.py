"""Worker processes: the supervisor that keeps them running, and the application they serve."""

from __future__ import annotations

import os

from litestar import Litestar
from prometheus_client.multiprocess import mark_process_dead
from uvicorn.supervisors import Multiprocess

from tickets.bootstrap import application
from tickets.observability.metrics import SHARED_FOLDER
from tickets.server.garbage_collector import tune_garbage_collector
from tickets.settings.settings import Settings


class Supervisor(Multiprocess):
    """Keeps the worker processes running; removes the gauges of one that died from the metrics."""

    def keep_subprocess_alive(self) -> None:
        """Replace processes that have died."""
        before = {process.pid for process in self.processes}
        super().keep_subprocess_alive()
        for pid in before - {process.pid for process in self.processes}:
            mark_process_dead(pid, os.environ[SHARED_FOLDER])


def application_from_environment() -> Litestar:
    """Return the application of a worker process; the command line has checked the settings."""
    service = application(Settings.read(os.environ))
    tune_garbage_collector()
    return service
