"""What a database holds of counts and questions: `python -m tests.faults.kept URL` prints it as JSON.

A program of its own too, since SQLite's file may be on a disk that only the product and who joins it sees.
"""

import json
import sys
from collections import Counter

from sqlalchemy import select

from bot.store.database import Database
from bot.store.tables import AnswerCount, Question


def kept_in(database: Database) -> Counter[str]:
    """Return how often each question was asked, and how often each answer was given. Raises StoreFault."""
    with database.reading() as session:
        questions = session.execute(select(Question.text, Question.asked)).all()
        counts = session.scalars(select(AnswerCount)).all()
        key = [column.name for column in AnswerCount.__table__.primary_key]
        turns = [(" ".join(str(getattr(row, name)) for name in key), row.turns) for row in counts]
    return Counter(dict([*questions, *turns]))


if __name__ == "__main__":
    print(json.dumps(kept_in(Database(sys.argv[1]))))
