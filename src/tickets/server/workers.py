"""Worker processes: the supervisor that keeps them running, and the application they serve."""

from __future__ import annotations

import logging
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

logger = logging.getLogger("tickets")

HEALTHCHECK_SECONDS = 20
"""How long a worker may take to answer its supervisor before it is killed and replaced.

A thread of its own answers, so one that does not is stopped, or has no processor. On a machine with
many more tasks than cores that lasts longer than uvicorn's 5 seconds, above all during a start, and
a worker that is replaced then costs its requests and another start.
"""


class Supervisor(Multiprocess):
    """Keeps the worker processes running; logs each that died, and removes its gauges."""

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
        before = list(self.processes)
        dead = {process.pid for process in before if process.exitcode is not None}
        super().keep_subprocess_alive()
        for process in before:
            if process not in self.processes:
                what = "has died" if process.pid in dead else "did not respond and was killed"
                code = process.exitcode or 0
                how = f"signal {-code}" if code < 0 else f"exit code {code}"
                logger.warning(
                    "server process %s %s (%s): another one replaces it", process.pid, what, how
                )
                mark_process_dead(process.pid, os.environ[SHARED_FOLDER])


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
