"""A real PostgreSQL for the tests: its own cluster in a temporary folder, on loopback, run by an unprivileged user."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg2

from tests.product import free_port

USER = "postgres"  # Debian's package makes it; PostgreSQL refuses to run as root


class PostgreSQL:
    """One server, and databases in it."""

    def __init__(self, port: int) -> None:
        self._url = f"postgresql://{USER}@127.0.0.1:{port}"
        self._numbers = count(1)

    def new_database(self) -> str:
        """Return the address of a new, empty database."""
        name = f"clinic_{next(self._numbers)}"
        with contextlib.closing(psycopg2.connect(f"{self._url}/postgres")) as connection:
            connection.autocommit = True
            connection.cursor().execute(f"CREATE DATABASE {name}")
        return f"{self._url}/{name}"


@contextlib.contextmanager
def running_postgresql() -> Iterator[PostgreSQL]:
    """Start a server, stop it at the end. Raises FileNotFoundError where PostgreSQL is not installed."""
    programs, port = programs_of_postgresql(), free_port()
    folder = Path(tempfile.mkdtemp())
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam(USER).pw_uid, -1)
    data = folder / "data"
    run(programs / "initdb", "-D", data, "-U", USER, "--auth=trust", "--no-sync", "-E", "UTF8")
    options = f"-p {port} -h 127.0.0.1 -k {folder} -c fsync=off -c max_connections=60"
    try:
        run(programs / "pg_ctl", "-D", data, "-w", "-t", "120", "-o", options, "-l", folder / "log", "start")
        yield PostgreSQL(port)
    finally:
        run(programs / "pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder)


def programs_of_postgresql() -> Path:
    """Return the folder of the newest installed PostgreSQL's programs. Raises FileNotFoundError."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if not found:
        raise FileNotFoundError("PostgreSQL is not installed; run `sh scripts/install_services.sh` as root")
    return found[-1].parent


def run(*command: object) -> None:
    """Run a program of PostgreSQL as its own user."""
    own = ["runuser", "-u", USER, "--"] if os.geteuid() == 0 else []
    subprocess.run([*own, *map(str, command)], check=True, stdout=subprocess.DEVNULL, cwd="/")
