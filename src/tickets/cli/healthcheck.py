"""The container's health check: exits with 0 if the service in the same container is ready.

Run as `python -m tickets.cli.healthcheck`.
"""

from __future__ import annotations

import os
import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

from tickets.settings.settings import Settings

TIMEOUT_SECONDS = 4


def is_ready(port: int) -> bool:
    """Return whether the service on this port of this machine is ready."""
    # not urllib, which would use a proxy from the environment, for 127.0.0.1 too
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_ready(Settings.read(os.environ).port) else 1)
