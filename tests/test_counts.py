"""What is counted, how it waits while the database is away, and when it is deleted."""

import logging
import shutil
import threading
import time
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from bot.store.counts import Counts, FeedbackKey, TurnKey, add_rows
from bot.store.database import Database, StoreFault
from bot.store.retention import DailyDeletion, Retention, delete_expired
from bot.store.tables import AnswerCount, FeedbackCount
from bot.store.upkeep import Upkeep

REPLY = {"answer": "causes/pcos", "kind": "answer", "level": None}
URGENT = {"answer": "safety/urgent", "kind": "urgent", "level": "E"}
ZONE = "America/New_York"


@pytest.fixture
def counts(database) -> Counts:
    return Counts(database, ZONE, "en")


def rows(database: Database, table: type = AnswerCount) -> list[dict]:
    with database.reading() as session:
        names = [column.name for column in table.__table__.columns]
        return [{name: getattr(row, name) for name in names} for row in session.scalars(select(table))]


def test_a_turn_is_kept_as_ids_and_an_hour(database, counts):
    before = datetime.now(ZoneInfo(ZONE))
    counts.turn(URGENT, "abc", ("RF-02", "RF-01"))
    counts.write()
    (row,) = rows(database)
    assert before.date() <= row.pop("day") and row.pop("hour") in (before.hour, (before.hour + 1) % 24)  # noqa: PT018
    assert row == {
        "answer": "safety/urgent",
        "kind": "urgent",
        "level": "E",
        "rules": "RF-01 RF-02",
        "facet": "safety",
        "content_version": "abc",
        "language": "en",
        "turns": 1,
    }


def test_turns_of_one_hour_are_one_row_however_often_they_are_written(database, counts):
    for _ in range(3):
        counts.turn(REPLY, "abc")
        counts.turn(REPLY, "abc")
        counts.write()
    assert sum(row["turns"] for row in rows(database)) == 6
    assert len(rows(database)) <= 2  # two, where the hour ended meanwhile


def test_feedback_is_counted_apart(database, counts):
    for helpful in (True, True, False):
        counts.feedback("causes/pcos", helpful, "abc")
    counts.write()
    assert {row["helpful"]: row["taps"] for row in rows(database, FeedbackCount)} == {True: 2, False: 1}


def test_processes_that_count_the_same_lose_nothing(database, counts):
    def count():
        own = Counts(database, ZONE, "en")
        for _ in range(20):
            own.turn(REPLY, "abc")
            own.turn(URGENT, "abc")
            own.write()

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(row["turns"] for row in rows(database)) == 160


def test_counts_wait_while_the_database_is_away(database, counts, monkeypatch):
    counts.turn(REPLY, "abc")

    def away():
        raise StoreFault("away")

    with monkeypatch.context() as broken:
        broken.setattr(database, "writing", away)
        with pytest.raises(StoreFault):
            counts.write()
    counts.turn(REPLY, "abc")
    counts.write()
    assert sum(row["turns"] for row in rows(database)) == 2


def test_the_thread_writes_by_itself_and_once_more_at_the_end(database, counts):
    upkeep = Upkeep(database, counts, Retention(13, 90), ZONE)
    upkeep.start()
    counts.turn(REPLY, "abc")
    deadline = time.monotonic() + 10
    while not rows(database) and time.monotonic() < deadline:
        time.sleep(0.05)
    counts.turn(REPLY, "abc")
    upkeep.stop()
    assert sum(row["turns"] for row in rows(database)) == 2


def test_the_thread_makes_the_tables_when_the_database_comes_late(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("bot.store.upkeep.EVERY_S", 0.05)
    monkeypatch.setattr(logging.getLogger("bot"), "propagate", True)
    caplog.set_level(logging.INFO)
    (tmp_path / "var").write_text("in the way")
    database = Database(f"sqlite:///{tmp_path}/var/clinic.db")
    counts = Counts(database, ZONE, "en")
    upkeep = Upkeep(database, counts, Retention(13, 90), ZONE)
    counts.turn(REPLY, "abc")
    upkeep.start()
    time.sleep(0.5)
    (tmp_path / "var").unlink()
    time.sleep(0.5)
    upkeep.stop()
    assert sum(row["turns"] for row in rows(database)) == 1
    told = [record.levelname for record in caplog.records if record.name == "bot.store.upkeep"]
    assert told == ["ERROR", "INFO"]  # once, not every second


def test_the_thread_makes_the_tables_anew_when_the_file_was_deleted(tmp_path, monkeypatch):
    monkeypatch.setattr("bot.store.upkeep.EVERY_S", 0.05)
    database = Database(f"sqlite:///{tmp_path}/var/clinic.db")
    counts = Counts(database, ZONE, "en")
    upkeep = Upkeep(database, counts, Retention(13, 90), ZONE)
    upkeep.start()
    time.sleep(0.5)
    shutil.rmtree(tmp_path / "var")
    counts.turn(REPLY, "abc")
    time.sleep(0.5)
    upkeep.stop()
    assert sum(row["turns"] for row in rows(Database(f"sqlite:///{tmp_path}/var/clinic.db"))) == 1


def test_thousands_of_different_counts_are_all_that_waits(counts, monkeypatch):
    monkeypatch.setattr("bot.store.counts.MOST_WAITING", 3)
    for at in range(10):
        counts.turn(REPLY | {"answer": f"causes/{at}"}, "abc")
    assert counts.write() == 3


# Deletion.


def turn(day: date, **changes) -> dict:
    key = TurnKey(day, 9, "causes/pcos", "answer", "", "", "causes", "abc", "en")
    return key._replace(**changes)._asdict() | {"turns": 1}


def test_counts_go_after_thirteen_months(database):
    days = [date(2025, 10, 20), date(2025, 10, 21), date(2026, 11, 21)]
    with database.writing() as session:
        add_rows(session, database.dialect, AnswerCount, "turns", [turn(day) for day in days])
        taps = [FeedbackKey(day, "causes/pcos", True, "abc", "en")._asdict() | {"taps": 1} for day in days]
        add_rows(session, database.dialect, FeedbackCount, "taps", taps)
    assert delete_expired(database, Retention(13, 90), date(2026, 11, 21)) == 2
    assert [row["day"] for row in rows(database)] == days[1:]
    assert [row["day"] for row in rows(database, FeedbackCount)] == days[1:]


def test_deletion_runs_once_a_day_and_again_after_a_fault(database, monkeypatch):
    done, faults = [], [StoreFault("away")]

    def delete(database, retention, today):
        if faults:
            raise faults.pop()
        done.append(today)

    monkeypatch.setattr("bot.store.retention.delete_expired", delete)
    daily = DailyDeletion(database, Retention(13, 90))
    first, second = date(2026, 11, 21), date(2026, 11, 22)
    with pytest.raises(StoreFault):
        daily(first)
    for today in (first, first, second, second):
        daily(today)
    assert done == [first, second]


# Size and speed.


def test_a_hundred_thousand_turns_stay_few_rows_and_fast(database, counts):
    started = time.monotonic()
    for at in range(100_000):
        counts.turn(REPLY | {"answer": f"causes/{at % 80}"}, "abc")
    counted = time.monotonic() - started
    counts.write()
    assert len(rows(database)) <= 160
    with database.reading() as session:
        assert session.scalar(select(func.sum(AnswerCount.turns))) == 100_000
    assert counted / 100_000 < 0.001  # s a turn, in the path of a reply
    assert time.monotonic() - started < 60
