"""Where clusters lie in the folder of the setting TICKETS_DATA_FOLDER.

Everything that the embedded server needs is inside of it, so that it can be a mount point:

    postgres-18               the cluster of `tickets serve`
    postgres-18.log, .lock …  its log, its locks and its temporary folders
    demo-postgres-18          the cluster of `tickets demo`, with the same beside it

In earlier releases the folder of the setting was itself the cluster, its log and locks lay beside
it, and so did the cluster of the demo. Such clusters stay where they are: nobody gets an empty desk
beside the one that holds the tickets.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import platformdirs

from tickets.embedded_postgres.data_folder import POSTGRES_MAJOR
from tickets.embedded_postgres.errors import EmbeddedPostgresError
from tickets.embedded_postgres.os_account import is_root

CLUSTER = f"postgres-{POSTGRES_MAJOR}"

DEMO_CLUSTER = f"demo-{CLUSTER}"

_VERSION_FILE = "PG_VERSION"

_PARTS_OF_A_CLUSTER = ("base", "global", "pg_wal")


def default_folder() -> Path:
    """Return the default folder: the user's own data folder for this application.

    For root it is below /var/lib unless XDG_DATA_HOME says otherwise: PostgreSQL refuses to run as
    root, and the account that it runs as instead cannot enter /root.
    """
    if is_root() and not os.environ.get("XDG_DATA_HOME", "").strip():
        return Path("/var/lib/tickets")
    return platformdirs.user_data_path("tickets", appauthor=False)


def cluster_in(folder: Path) -> Path:
    """Return the cluster of the service in this folder; it need not exist yet.

    Raises `EmbeddedPostgresError` where a new one would be an empty desk beside an older one.
    """
    if _is_cluster(folder):
        return folder
    cluster = folder / CLUSTER
    if _is_cluster(cluster):
        return cluster
    if any((folder / part).is_dir() for part in _PARTS_OF_A_CLUSTER):
        raise EmbeddedPostgresError(
            f"{folder} looks like a PostgreSQL cluster without its file {_VERSION_FILE}: restore"
            " it, or set TICKETS_DATA_FOLDER to another folder."
        )
    if other := _cluster_of_another_version(folder):
        version = other.name.rpartition("-")[2]
        raise EmbeddedPostgresError(
            f"{other} was created by PostgreSQL {version}, but this is PostgreSQL"
            f" {POSTGRES_MAJOR}: dump it with PostgreSQL {version} and restore it here, or set"
            " TICKETS_DATA_FOLDER to another folder."
        )
    return cluster


def demo_cluster_in(folder: Path) -> Path:
    """Return the cluster of the demo in this folder; it need not exist yet."""
    beside = folder.parent / DEMO_CLUSTER
    inside = folder / DEMO_CLUSTER
    # that of an earlier release; nothing new is put into a folder that is itself a cluster
    if _is_cluster(folder) or (_is_cluster(beside) and not _is_cluster(inside)):
        return beside
    return inside


def _is_cluster(folder: Path) -> bool:
    try:
        return (folder / _VERSION_FILE).exists()
    except PermissionError:
        # another account's; opening it says so
        return True


def _cluster_of_another_version(folder: Path) -> Path | None:
    found = [
        path
        for path in folder.glob("postgres-*")
        if re.fullmatch(r"postgres-[0-9]+", path.name) and _is_cluster(path)
    ]
    return max(found, default=None)
