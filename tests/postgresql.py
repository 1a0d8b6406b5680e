"""A real PostgreSQL for the tests: Debian's, a cluster of its own in a temporary folder, on loopback, run by an
unprivileged user. It can be killed and stopped, and started again with what was committed."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psutil
import psycopg2

from tests.product import free_port

USER = "postgres"  # Debian's package makes it; PostgreSQL refuses to run as root
BACK_WITHIN_S = 60


class PostgreSQL:
    """One server, and databases in it. `is_safe` has it wait for the disk at each commit, as a clinic's does."""

    def __init__(self, folder: Path, *, is_safe: bool = False) -> None:
        """`folder` belongs to the server's user. Raises FileNotFoundError where PostgreSQL is not installed."""
        self.port = free_port()
        self.url = f"postgresql://{USER}@127.0.0.1:{self.port}/postgres"
        self._data, self._log = folder / "data", folder / "log"
        self._options = f"-p {self.port} -h 127.0.0.1 -k {folder} -c max_connections=60" + " -c fsync=off" * (
            not is_safe
        )
        self._numbers = count(1)
        run(postgresql_program("initdb"), "-D", self._data, "-U", USER, "--auth=trust", "--no-sync", "-E", "UTF8")

    def start(self) -> None:
        """Start it; what a killed one left is mended first. Returns once it answers."""
        until = time.monotonic() + BACK_WITHIN_S
        while True:
            try:
                self._control("-w", "-t", "60", "-o", self._options, "-l", self._log, "start")
                return
            except subprocess.CalledProcessError:  # processes of the killed one still hold its memory
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)

    def stop(self) -> None:
        """End it at once."""
        self._control("-m", "immediate", "stop")

    def kill(self) -> None:
        """Kill all of its processes outright."""
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def suspend(self) -> None:
        """Have all of its processes hang."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Have them go on."""
        self._signal(signal.SIGCONT)

    def answers(self) -> bool:
        """Whether it takes a question."""
        try:
            with contextlib.closing(psycopg2.connect(self.url, connect_timeout=2)):
                return True
        except psycopg2.OperationalError:
            return False

    def processes(self) -> list[psutil.Process]:
        """Return its processes, the one above the others first; none where it does not run."""
        try:
            first = psutil.Process(int(self._data.joinpath("postmaster.pid").read_text().split()[0]))
            return [first, *first.children(recursive=True)]
        except (psutil.NoSuchProcess, FileNotFoundError):
            return []

    def new_database(self) -> str:
        """Return the address of a new, empty database."""
        name = f"clinic_{next(self._numbers)}"
        with contextlib.closing(psycopg2.connect(self.url)) as connection:
            connection.autocommit = True
            connection.cursor().execute(f"CREATE DATABASE {name}")
        return self.url.removesuffix("postgres") + name

    def _signal(self, number: int) -> None:
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def _control(self, *words: object) -> None:
        run(postgresql_program("pg_ctl"), "-s", "-D", self._data, *words)


@contextlib.contextmanager
def running_postgresql(*, is_safe: bool = False) -> Iterator[PostgreSQL]:
    """Start a server that is gone at the end. Raises FileNotFoundError where PostgreSQL is not installed."""
    folder = Path(tempfile.mkdtemp())
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam(USER).pw_uid, -1)
    server = PostgreSQL(folder, is_safe=is_safe)
    server.start()
    try:
        yield server
    finally:
        server.resume()
        with contextlib.suppress(subprocess.CalledProcessError):  # where a test killed it
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def postgresql_program(name: str) -> Path:
    """Return one of the newest installed PostgreSQL's programs, which Debian keeps in a folder for each version.

    Raises FileNotFoundError.
    """
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    if elsewhere := shutil.which(name):
        found.insert(0, Path(elsewhere))
    if not found:
        raise FileNotFoundError("PostgreSQL is not installed; run `sh scripts/install_services.sh` as root")
    return found[-1]


def run(*command: object) -> None:
    """Run a program of PostgreSQL as its own user."""
    own = ["runuser", "-u", USER, "--"] if os.geteuid() == 0 else []
    subprocess.run([*own, *map(str, command)], check=True, stdout=subprocess.DEVNULL, cwd="/")
