"""Worker processes: the supervisor that keeps them running, and the application they serve."""

from __future__ import annotations

import os
import signal
from typing import Any

from prometheus_client.multiprocess import mark_process_dead
from uvicorn.supervisors import Multiprocess

from tickets.observability.metrics import SHARED_FOLDER
from tickets.server.drain import DrainingApplication
from tickets.server.garbage_collector import tune_garbage_collector
from tickets.server.metrics_folder import hold_metrics_folder
from tickets.server.stopping import is_hang_up_ignored, stop_on_hang_up, stop_with_supervisor
from tickets.settings.settings import Settings
from tickets.support import Support


class Supervisor(Multiprocess):
    """Keeps the worker processes running; removes the gauges of one that died from the metrics."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - as uvicorn has it
        """Handle signals from now on; leave SIGHUP ignored where it is, for the workers as well."""
        is_ignored = is_hang_up_ignored()
        super().__init__(*args, **options)
        if is_ignored and hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def handle_hup(self) -> None:
        """Stop, as on SIGTERM; uvicorn would replace the workers, with the old settings."""
        self.handle_term()

    def keep_subprocess_alive(self) -> None:
        """Replace processes that have died."""
        before = {process.pid for process in self.processes}
        super().keep_subprocess_alive()
        for pid in before - {process.pid for process in self.processes}:
            mark_process_dead(pid, os.environ[SHARED_FOLDER])


def application_from_environment() -> Support | DrainingApplication:
    """Return the application of a worker process; the command line has checked the settings."""
    stop_on_hang_up()
    stop_with_supervisor()
    if SHARED_FOLDER in os.environ:
        hold_metrics_folder(os.environ[SHARED_FOLDER])
    settings = Settings.read(os.environ)
    service = Support.of(settings)
    tune_garbage_collector()
    if not settings.drain:
        return service
    draining = DrainingApplication(service, settings.drain)
    draining.handle_signals()
    return draining
