"""The database at DATABASE_URL: an SQLite file in var/ unless told otherwise, or PostgreSQL.

`prepare` brings the tables up to date and says in one line what to do where that fails. What fails later is raised as
StoreFault and must never reach a visitor: whoever counts or keeps something catches it.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from bot.paths import ROOT

DEFAULT_URL = f"sqlite:///{ROOT / 'var' / 'clinic.db'}"
MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_S = 5  # how long a write waits for another, and a connection for the server
SQLITE, POSTGRESQL = "sqlite", "postgresql"
EXAMPLES = "sqlite:///var/clinic.db or postgresql://user:password@host/name"
# Only one process at a time brings the tables up to date; the others wait for it.
LOCK_OF_MIGRATIONS = 7_283_911


class StoreFault(RuntimeError):
    """The database cannot do its work. The message is one line that says what to do, and holds no value of a row."""


class Database:
    """One database. It opens no connection before the first is needed, and is safe to share between threads."""

    def __init__(self, url: str = DEFAULT_URL, on_failure: Callable[[str], None] = lambda reason: None) -> None:
        """`on_failure` is told each error's type. Raises StoreFault where the URL names no database that we know."""
        self.url = checked_url(url)
        self._on_failure = on_failure
        self.dialect = self.url.get_backend_name()
        self._engine = engine_for(self.url)
        # SQLite takes the lock at once: a transaction that reads first and then writes would fail without waiting.
        self._writer = self._engine.execution_options(begin="BEGIN IMMEDIATE")

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session to read with. Raises StoreFault."""
        with self._session(self._engine) as session:
            yield session

    @contextlib.contextmanager
    def writing(self) -> Iterator[Session]:
        """Give a session whose changes are all kept at the end, or none. Raises StoreFault.

        StaleDataError passes: somebody else changed the same row first.
        """
        with self._session(self._writer) as session, session.begin():
            yield session

    @contextlib.contextmanager
    def _session(self, engine: Engine) -> Iterator[Session]:
        try:
            with Session(engine, future=True) as session:
                yield session
        except StaleDataError:
            raise
        except (SQLAlchemyError, OSError) as error:  # OSError: a file that may not be touched
            raise self._fault(error) from None

    def _fault(self, error: Exception) -> StoreFault:
        self._on_failure(type(error).__name__)
        return StoreFault(explained(error, self.url))

    def prepare(self) -> None:
        """Bring the tables up to date. Raises StoreFault where that cannot be done; then nothing has changed."""
        try:
            with self._writer.connect() as connection, connection.begin():
                if self.dialect == POSTGRESQL:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK_OF_MIGRATIONS})
                command.upgrade(alembic_config(connection), "head")
        except (SQLAlchemyError, CommandError, OSError) as error:
            raise self._fault(error) from None

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()


def open_database(
    environ: Mapping[str, str] = os.environ, on_failure: Callable[[str], None] = lambda reason: None
) -> Database:
    """Return the database at DATABASE_URL, its tables not yet looked at. Raises StoreFault for a wrong URL."""
    return Database(environ.get("DATABASE_URL") or DEFAULT_URL, on_failure)


def checked_url(written: str) -> URL:
    """Return the URL with the driver that we install. Raises StoreFault where it is none of ours."""
    try:
        url = make_url(written.replace("postgres://", "postgresql://", 1))
        backend = url.get_backend_name()
    except (ArgumentError, ValueError):
        raise StoreFault(f"DATABASE_URL is no address of a database; write {EXAMPLES}") from None
    if backend == SQLITE and url.database and url.database != ":memory:":
        path = ROOT / url.database  # a path of its own stays as it is
        return url.set(drivername=SQLITE, database=str(path))
    if backend == POSTGRESQL and url.database:
        return url.set(drivername="postgresql+psycopg2")
    raise StoreFault(f"DATABASE_URL names {backend!r} or no database; write {EXAMPLES}")


def engine_for(url: URL) -> Engine:
    """Return the engine: short waits, checked connections, and on SQLite a file that its owner alone can read."""
    if url.get_backend_name() == POSTGRESQL:
        return create_engine(
            url, future=True, pool_pre_ping=True, pool_timeout=BUSY_S, connect_args={"connect_timeout": BUSY_S}
        )
    engine = create_engine(url, future=True, connect_args={"timeout": BUSY_S, "check_same_thread": False})
    event.listen(engine, "do_connect", _own_file)
    event.listen(engine, "connect", _as_we_use_sqlite)
    event.listen(engine, "begin", _begin)
    return engine


def _own_file(dialect, record, args, params) -> None:
    path = Path(args[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)


def _as_we_use_sqlite(connection, record) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself: _begin does
    for setting in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {setting}").close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


def alembic_config(connection: Connection) -> Config:
    """Return what Alembic needs to migrate over an open connection."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


# What the driver says -> what to do. Never the message itself: it may hold the values of a row.
_REMEDIES = (
    ("database is locked", "another program holds its lock; stop that program, then try again"),
    ("disk is full", "its disk is full; make room, then try again"),
    ("disk i/o error", "its disk cannot be read or written; look at the disk, then try again"),
    ("no space left", "its disk is full; make room, then try again"),
    ("unable to open", "the file cannot be opened; see that its folder exists and may be written to"),
    ("permission denied", "it may not be written to; give its owner the right, or name another in DATABASE_URL"),
    ("readonly", "it may not be written to; give its owner the right, or name another in DATABASE_URL"),
    ("read-only", "it may not be written to; give its owner the right, or name another in DATABASE_URL"),
    ("file exists", "its folder is a file; name another in DATABASE_URL"),
    ("not a directory", "its folder is a file; name another in DATABASE_URL"),
    ("not a database", "the file is no database; name another in DATABASE_URL, or put a backup back"),
    ("malformed", "the file is damaged; put a backup back"),
    ("authentication failed", "the user or the password is wrong; mend DATABASE_URL"),
    ("no password supplied", "the password is missing; mend DATABASE_URL"),
    ("does not exist", "there is no such database or user; create it, or mend DATABASE_URL"),
    ("could not translate host", "there is no such host; mend DATABASE_URL"),
    ("connection refused", "nothing listens there; start PostgreSQL, or mend DATABASE_URL"),
    ("timeout", "it does not answer; see that PostgreSQL runs and can be reached"),
    ("can't locate revision", "its tables are of a later release; start that release, or put a backup back"),
    ("already exists", "it holds tables of another program; name an empty one in DATABASE_URL"),
    ("no such table", "its tables are missing; run `make migrate`"),
)


def explained(error: Exception, url: URL) -> str:
    """Return one line that says what is wrong with the database and what to do."""
    said = str(error.orig if isinstance(error, DBAPIError) else error).lower()
    remedies = [remedy for words, remedy in _REMEDIES if words in said]
    remedy = remedies[0] if remedies else f"it failed ({type(error).__name__}); see that it runs, then try again"
    where = url.database if url.get_backend_name() == SQLITE else url.render_as_string(hide_password=True)
    return f"The database {where}: {remedy}"
