"""The runbook's commands for backup and restore do what they say, with a real PostgreSQL and with SQLite."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import psycopg2
import pytest

from bot.paths import ROOT
from tests.postgresql import postgresql_program

RUNBOOK = (ROOT / "ops" / "runbook.md").read_text()
QUESTIONS = [(1, "what does the test cost?"), (2, "Ω ' \" \\ \n")]


def command(program: str) -> str:
    """Return the runbook's line that runs a program."""
    (line,) = re.findall(rf"^\S*{program} .*$", RUNBOOK, re.MULTILINE)
    return line


def run(line: str, folder: Path, **environ: str) -> None:
    """Run a line of the runbook in a folder."""
    path = f"{postgresql_program('pg_dump').parent}:{os.environ['PATH']}"
    subprocess.run(["sh", "-euc", line], cwd=folder, env=os.environ | environ | {"PATH": path}, check=True)


@pytest.fixture(scope="module")
def url(postgresql):
    return postgresql.new_database()


@pytest.fixture(scope="module")
def empty(postgresql):
    return postgresql.new_database()


def ask(url: str, sql: str, rows=()) -> list:
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        for row in rows or [()]:
            cursor.execute(sql, row)
        return cursor.fetchall() if cursor.description else []


def test_what_was_in_postgresql_is_back_and_what_came_later_is_not(url, tmp_path):
    ask(url, "CREATE TABLE questions (id serial PRIMARY KEY, text text NOT NULL)")
    ask(url, "INSERT INTO questions VALUES (%s, %s)", QUESTIONS)
    run(command("pg_dump"), tmp_path, DATABASE_URL=url)
    ask(url, "UPDATE questions SET text = 'lost'")
    ask(url, "INSERT INTO questions VALUES (%s, %s)", [(3, "later")])
    run(command("pg_restore"), tmp_path, DATABASE_URL=url)
    assert ask(url, "SELECT id, text FROM questions ORDER BY id") == QUESTIONS


def test_it_is_back_in_an_empty_database_too(url, empty, tmp_path):
    run(command("pg_dump"), tmp_path, DATABASE_URL=url)
    run(command("pg_restore"), tmp_path, DATABASE_URL=empty)
    assert ask(empty, "SELECT count(*) FROM questions") == [(len(QUESTIONS),)]


def test_a_backup_that_is_damaged_changes_nothing(url, tmp_path):
    run(command("pg_dump"), tmp_path, DATABASE_URL=url)
    dump = tmp_path / "bot.dump"
    dump.write_bytes(dump.read_bytes()[: dump.stat().st_size // 2])
    with pytest.raises(subprocess.CalledProcessError):
        run(command("pg_restore"), tmp_path, DATABASE_URL=url)
    assert ask(url, "SELECT count(*) FROM questions") == [(len(QUESTIONS),)]


def test_sqlite_is_copied_whole_while_it_is_written_to(tmp_path):
    tmp_path.joinpath("var").mkdir()
    with sqlite3.connect(tmp_path / "var" / "clinic.db") as bot:
        bot.execute("PRAGMA journal_mode = WAL")
        bot.execute("CREATE TABLE questions (id INTEGER, text TEXT)")
        bot.executemany("INSERT INTO questions VALUES (?, ?)", QUESTIONS)
        bot.commit()
        bot.execute("INSERT INTO questions VALUES (3, 'not committed')")
        run(command("python -c").replace(".venv/bin/python", sys.executable), tmp_path)
    shutil.copy(tmp_path / "bot.db", tmp_path / "restored.db")
    restored = sqlite3.connect(tmp_path / "restored.db")
    assert restored.execute("SELECT * FROM questions ORDER BY id").fetchall() == QUESTIONS
