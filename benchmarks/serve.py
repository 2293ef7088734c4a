"""Serves a rival with the server, event loop and parser of the service, without an access log.

`python -m benchmarks.serve benchmarks.rivals.ceiling:app PORT`
"""

from __future__ import annotations

import sys

import uvicorn


def main() -> None:
    application, port = sys.argv[1:]
    uvicorn.run(
        application,
        port=int(port),
        loop="uvloop",
        http="httptools",
        access_log=False,
        server_header=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
