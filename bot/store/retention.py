"""Deleting what has been kept long enough: at start and once a day."""

from dataclasses import dataclass
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta
from sqlalchemy import delete, func, select, update

from bot.store.database import Database
from bot.store.tables import AnswerCount, FeedbackCount, Question, QuestionGroup


@dataclass(frozen=True)
class Retention:
    """How long things are kept."""

    counts_months: int
    questions_days: int


def delete_expired(database: Database, retention: Retention, today: date) -> int:
    """Delete the counts and questions that are older than they may be; return how many rows went. Raises StoreFault."""
    counted_from = today - relativedelta(months=retention.counts_months)
    asked_from = today - timedelta(days=retention.questions_days)
    with database.writing() as session:
        old = [
            session.execute(delete(AnswerCount).where(AnswerCount.day < counted_from)),
            session.execute(delete(FeedbackCount).where(FeedbackCount.day < counted_from)),
            session.execute(delete(Question).where(Question.newest < asked_from)),
        ]
        left = select(func.coalesce(func.sum(Question.asked), 0)).where(Question.group_id == QuestionGroup.id)
        if old[-1].rowcount:
            session.execute(
                update(QuestionGroup).values(asked=left.scalar_subquery()), execution_options=_WITHOUT_OBJECTS
            )
            session.execute(delete(QuestionGroup).where(QuestionGroup.asked == 0), execution_options=_WITHOUT_OBJECTS)
        return sum(result.rowcount for result in old)


_WITHOUT_OBJECTS = {"synchronize_session": False}


class DailyDeletion:
    """Deletes on the first call and then on the first of each day."""

    def __init__(self, database: Database, retention: Retention) -> None:
        self._database = database
        self._retention = retention
        self._done_on: date | None = None

    def __call__(self, today: date) -> None:
        """Delete, unless that was done today. Raises StoreFault; then it is tried again."""
        if today != self._done_on:
            delete_expired(self._database, self._retention, today)
            self._done_on = today
