"""The database: its tables, and one line that says what to do for each thing that can be wrong with it."""

import sqlite3
import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from bot.store import database as module
from bot.store.database import Database, StoreFault, checked_url, open_database
from bot.store.tables import Base
from scripts.migrate import main as migrate


def test_the_migrations_make_the_tables_that_the_code_maps(database):
    with database.reading() as session:
        context = MigrationContext.configure(session.connection(), opts={"compare_type": True})
        ours = [change for change in compare_metadata(context, Base.metadata) if "users" not in str(change)]
        assert ours == []


def test_preparing_again_changes_nothing(database):
    database.prepare()


def test_processes_that_start_together_prepare_one_after_another(empty_database_url):
    faults = []

    def prepare():
        try:
            Database(empty_database_url).prepare()
        except StoreFault as fault:
            faults.append(fault)

    threads = [threading.Thread(target=prepare) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


@pytest.mark.parametrize(
    "url", ["nonsense", "mysql://u@h/clinic", "sqlite://", "sqlite:///:memory:", "postgresql://host"]
)
def test_a_wrong_address_says_how_to_write_one(url):
    with pytest.raises(StoreFault, match="write sqlite:///var/clinic"):
        checked_url(url)


def test_a_fault_names_no_password():
    with pytest.raises(StoreFault) as fault:
        Database("postgresql://clinic:secret-word@127.0.0.1:1/clinic").prepare()
    assert "start PostgreSQL" in str(fault.value)
    assert "secret-word" not in str(fault.value)


def test_a_wrong_address_stops_the_migration_with_one_line(capsys):
    assert migrate({"DATABASE_URL": "nonsense"}) == 1
    assert "DATABASE_URL is no address" in capsys.readouterr().err


def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path):
    path = tmp_path / "clinic.db"
    path.write_text("a letter " * 1000)
    with pytest.raises(StoreFault, match="is no database"):
        Database(f"sqlite:///{path}").prepare()
    assert path.read_text() == "a letter " * 1000


def test_a_folder_that_is_a_file_is_told(tmp_path):
    (tmp_path / "var").write_text("")
    with pytest.raises(StoreFault, match="folder is a file"):
        Database(f"sqlite:///{tmp_path}/var/clinic.db").prepare()


def test_a_locked_file_is_told_after_the_wait(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BUSY_S", 0.2)
    path = tmp_path / "clinic.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA journal_mode=WAL")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreFault, match="another program holds its lock"):
        Database(f"sqlite:///{path}").prepare()
    other.execute("COMMIT")
    Database(f"sqlite:///{path}").prepare()


def test_a_full_disk_is_told_and_leaves_no_half_made_tables(tmp_path, monkeypatch):
    real = module._as_we_use_sqlite

    def on_a_small_disk(connection, record):
        real(connection, record)
        connection.execute("PRAGMA max_page_count=4").close()

    monkeypatch.setattr(module, "_as_we_use_sqlite", on_a_small_disk)
    with pytest.raises(StoreFault, match="disk is full"):
        Database(f"sqlite:///{tmp_path}/clinic.db").prepare()
    monkeypatch.undo()
    tables = sqlite3.connect(tmp_path / "clinic.db").execute("SELECT name FROM sqlite_master").fetchall()
    assert tables == []


def test_tables_of_a_later_release_are_refused(database):
    with database.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreFault, match="later release"):
        database.prepare()


def test_only_its_owner_can_read_the_file(tmp_path):
    database = open_database({"DATABASE_URL": f"sqlite:///{tmp_path}/new/clinic.db"})
    database.prepare()
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "new").iterdir()} == {0o600}
