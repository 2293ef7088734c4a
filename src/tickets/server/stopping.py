"""Reasons to stop besides SIGTERM and Ctrl-C: a hang-up (SIGHUP), and a supervisor that is gone."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from multiprocessing import parent_process
from multiprocessing.connection import wait

logger = logging.getLogger("tickets")

SHUTDOWN_SECONDS = 10
"""How long requests in progress may take to finish when the service is stopped."""

LAST_RESORT_SECONDS = 2 * SHUTDOWN_SECONDS
"""How long a worker without a supervisor may take to stop before it ends at once."""


def is_hang_up_ignored() -> bool:
    """Return whether SIGHUP is ignored, as under `nohup`; Windows has none."""
    hang_up = getattr(signal, "SIGHUP", None)
    return hang_up is None or signal.getsignal(hang_up) is signal.SIG_IGN


def stop_on_hang_up() -> None:
    """Treat SIGHUP as SIGTERM from now on, unless it is ignored."""
    if not is_hang_up_ignored():
        signal.signal(signal.SIGHUP, lambda _number, _frame: signal.raise_signal(signal.SIGTERM))


def stop_with_supervisor() -> None:
    """Stop this worker process when its supervisor is gone, after kill -9 too.

    Otherwise it would keep the port, and nobody would replace it. `multiprocessing` gives each
    child a pipe whose other end only the parent holds; it ends with the parent, whoever inherits
    the parent's pid. A parent that was gone before this call is noticed at once.
    """
    supervisor = parent_process()
    if supervisor is not None:
        threading.Thread(target=_stop_after, args=[supervisor.sentinel], daemon=True).start()


def _stop_after(sentinel: int) -> None:
    wait([sentinel])
    logger.warning("the supervisor is gone, so this worker process stops")
    # not raise_signal, which would signal this thread: uvicorn handles it in the main thread
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LAST_RESORT_SECONDS)
    os._exit(1)
