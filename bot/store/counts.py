"""Counting what was answered and whether it helped: ids and hours, never words, persons or conversations.

A turn is counted in memory and written by a thread of its own, many at once, so that no reply ever waits for the
database. While the database is away the counts wait for it; what is not yet written when the process is killed is lost.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from bot.store.database import POSTGRESQL, Database, StoreFault
from bot.store.tables import NONE, AnswerCount, FeedbackCount

MOST_WAITING = 20_000  # different counts held while the database is away: days of a busy clinic
MOST_RULES = 10  # ids of signs told with one turn; their column holds 200 characters


class TurnKey(NamedTuple):
    """What is told of a turn: the columns of answer_counts."""

    day: date
    hour: int
    answer: str
    kind: str
    level: str
    rules: str
    facet: str
    content_version: str
    language: str


class FeedbackKey(NamedTuple):
    """What is told of a tap on 'did this help?': the columns of feedback_counts."""

    day: date
    answer: str
    helpful: bool
    content_version: str
    language: str


Key = TurnKey | FeedbackKey


class Counts:
    """Counts turns and taps in one clinic's time. Safe to share between threads."""

    def __init__(self, database: Database, time_zone: str, language: str) -> None:
        self._database = database
        self._zone = ZoneInfo(time_zone)
        self._language = language
        self._waiting: Counter[Key] = Counter()
        self._lock = threading.Lock()

    def turn(self, reply: Mapping, content_version: str, rules: tuple[str, ...] = ()) -> None:
        """Count a reply that was given; `rules` are the ids of the signs of danger that were found."""
        now = datetime.now(self._zone)
        facet = reply["answer"].partition("/")[0]
        told = " ".join(sorted(rules)[:MOST_RULES])
        level = reply["level"] or NONE
        self._add(TurnKey(now.date(), now.hour, reply["answer"], reply["kind"], level, told, facet, content_version,
                          self._language))  # fmt: skip

    def feedback(self, answer: str, helpful: bool, content_version: str) -> None:
        """Count one tap."""
        self._add(FeedbackKey(datetime.now(self._zone).date(), answer, helpful, content_version, self._language))

    def _add(self, key: Key) -> None:
        with self._lock:
            if key in self._waiting or len(self._waiting) < MOST_WAITING:
                self._waiting[key] += 1

    def write(self) -> int:
        """Write what was counted since the last time; return how many rows that were.

        Raises StoreFault; then it is all still waiting.
        """
        with self._lock:
            waiting, self._waiting = self._waiting, Counter()
        if not waiting:
            return 0
        try:
            with self._database.writing() as session:
                for table, column, kind in ((AnswerCount, "turns", TurnKey), (FeedbackCount, "taps", FeedbackKey)):
                    rows = [key._asdict() | {column: n} for key, n in waiting.items() if isinstance(key, kind)]
                    add_rows(session, self._database.dialect, table, column, rows)
        except StoreFault:
            with self._lock:
                self._waiting += waiting
            raise
        return len(waiting)


def add_rows(session: Session, dialect: str, table: type, column: str, rows: list[dict]) -> None:
    """Add rows to a table of counts; where one with the same key is there, their `column` is added up."""
    if not rows:
        return
    # In one order everywhere: two processes that write the same rows in turn would wait for each other for good.
    ordered = sorted(rows, key=lambda row: tuple(map(str, row.values())))
    new = (postgresql if dialect == POSTGRESQL else sqlite).insert(table)
    keys = [key.name for key in table.__table__.primary_key]  # type: ignore[attr-defined]
    total = getattr(table, column) + new.excluded[column]
    session.execute(new.on_conflict_do_update(index_elements=keys, set_={column: total}), ordered)
