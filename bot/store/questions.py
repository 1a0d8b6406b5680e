"""The inbox: questions that visitors sent, redacted, those that ask the same in one group, and what the desk decides.

A group that was decided takes no more questions: what is asked again stands before the desk again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session, selectinload
from sqlalchemy.orm.exc import StaleDataError

from bot.encoder import meaning
from bot.store.database import POSTGRESQL, Database
from bot.store.tables import NONE, Question, QuestionGroup
from bot.store.wording import shared

OPEN, MEANS, NEEDS_ANSWER, IGNORED = "open", "means", "needs_answer", "ignored"
TAUGHT, REFUSED = "taught", "refused"  # what `make proposals` made of a group that means an answer
STATES = (OPEN, MEANS, NEEDS_ANSWER, IGNORED, TAUGHT, REFUSED)
DECISIONS = (OPEN, MEANS, NEEDS_ANSWER, IGNORED)  # what a person can set; OPEN undoes
NEWEST, FREQUENT = "newest", "frequent"
# Two questions ask the same from this cosine and this share of common words on. Subjects that no answer is about look
# alike to the encoder, which was tuned to tell answers apart: of 760 pairs of other questions, written after these were
# set, a cosine of 0.85 alone took 136 for the same, and this one. Of 20 pairs that ask the same it found 11, this 9.
SAME, SHARED = 0.8, 0.4
MOST_KEPT = 20_000
PAGE = 25
# One question at a time looks for its group, so that two that ask the same do not each make one.
LOCK_OF_QUESTIONS = 7_283_912

Embed = Callable[[Sequence[str]], np.ndarray]


class InboxFull(RuntimeError):
    """No more questions are kept until the desk has decided on some or they have grown old."""


class DecidedMeanwhile(RuntimeError):
    """Somebody else decided on the group after the page was loaded, or it was deleted; `group` is it now."""

    def __init__(self, group: QuestionGroup | None) -> None:
        super().__init__("decided meanwhile")
        self.group = group


@dataclass(frozen=True)
class Page:
    """One page of groups, and how many there are in all."""

    groups: list[QuestionGroup]
    total: int


class Questions:
    """What is kept of visitors' questions. Its methods wait for the database: call them in a thread."""

    def __init__(self, database: Database, embed: Embed) -> None:
        self._database = database
        self._embed = embed

    def keep(self, redacted: str, *, in_danger: bool, language: str, today: date) -> None:
        """Keep a redacted question. Raises StoreFault, or InboxFull."""
        vector = meaning(self._embed([redacted])[0]).astype(np.float32)
        with self._database.writing() as session:
            if self._database.dialect == POSTGRESQL:
                session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK_OF_QUESTIONS})
            if session.scalar(select(func.count(Question.id))) >= MOST_KEPT:
                raise InboxFull
            same = _same_words(session, redacted)
            if same:
                _asked_again(session, same, today)
                return
            group = _nearest_group(session, redacted, vector)
            if group is None:
                new = QuestionGroup(state=OPEN, answer=NONE, decided_by=NONE, asked=1, newest=today)
                session.add(new)
                session.flush()
                group = new.id
            else:
                _count(session, group, today)
            session.add(
                Question(group_id=group, text=redacted, in_danger=in_danger, language=language, asked=1, newest=today,
                         vector=vector.tobytes())
            )  # fmt: skip

    def page(self, state: str = OPEN, order: str = NEWEST, number: int = 0) -> Page:
        """Return a page of the groups in one state, with their questions. Raises StoreFault."""
        newest, asked = QuestionGroup.newest.desc(), QuestionGroup.asked.desc()
        by = (newest, asked) if order == NEWEST else (asked, newest)
        with self._database.reading() as session:
            total = session.scalar(select(func.count(QuestionGroup.id)).where(QuestionGroup.state == state))
            found = select(QuestionGroup).where(QuestionGroup.state == state).order_by(*by, QuestionGroup.id.desc())
            groups = session.scalars(_whole(found).offset(number * PAGE).limit(PAGE)).all()
            session.expunge_all()
        return Page(groups, total)

    def decide(self, group: int, version: int, state: str, *, by: str, answer: str = NONE) -> QuestionGroup:
        """Set what a group is, if it still is as the page showed it (`version`), and return it.

        Raises DecidedMeanwhile where somebody else was first, StoreFault.
        """
        try:
            with self._database.writing() as session:
                found = session.scalar(_whole(select(QuestionGroup).where(QuestionGroup.id == group)))
                if found is None or found.version != version or found.state == TAUGHT:
                    session.expunge_all()
                    raise DecidedMeanwhile(found)
                found.state, found.answer, found.decided_by = state, answer, by
                session.flush()
                session.expunge_all()
                return found
        except StaleDataError:
            raise DecidedMeanwhile(self.group(group)) from None

    def separate(self, group: int, version: int, question: int) -> None:
        """Put a question of an open group into one of its own. Raises DecidedMeanwhile, StoreFault."""
        try:
            with self._database.writing() as session:
                found = session.get(QuestionGroup, group)
                moved = session.get(Question, question)
                if not found or found.version != version or found.state != OPEN or not moved or moved.group_id != group:
                    raise StaleDataError
                own = QuestionGroup(state=OPEN, answer=NONE, decided_by=NONE, asked=moved.asked, newest=moved.newest)
                session.add(own)
                session.flush()
                found.asked -= moved.asked
                moved.group_id = own.id
                session.flush()
                if not found.asked:
                    session.expire(found)
                    session.delete(found)
        except StaleDataError:
            raise DecidedMeanwhile(self.group(group)) from None

    def group(self, id: int) -> QuestionGroup | None:
        """Return a group with its questions, None where it is gone. Raises StoreFault."""
        with self._database.reading() as session:
            found = session.scalar(_whole(select(QuestionGroup).where(QuestionGroup.id == id)))
            session.expunge_all()
        return found

    def counts(self) -> dict[str, int]:
        """Return how many groups there are in each state. Raises StoreFault."""
        with self._database.reading() as session:
            rows = session.execute(select(QuestionGroup.state, func.count()).group_by(QuestionGroup.state)).all()
        return dict.fromkeys(STATES, 0) | dict(map(tuple, rows))

    def delete(self, group: int, version: int) -> None:
        """Delete a group with all its questions, as when one still tells who sent it.

        Raises DecidedMeanwhile where somebody decided on it after the page was loaded, StoreFault.
        """
        try:
            with self._database.writing() as session:
                found = session.get(QuestionGroup, group)
                if found is not None and found.version == version:
                    session.delete(found)
                    return
        except StaleDataError:
            pass
        raise DecidedMeanwhile(self.group(group))


def _whole(query):
    return query.options(selectinload(QuestionGroup.questions).defer(Question.vector))


def _same_words(session: Session, redacted: str) -> tuple[int, int] | None:
    """Return (question, group) of an open question with just these words."""
    query = select(Question.id, Question.group_id).join(QuestionGroup)
    row = session.execute(query.where(QuestionGroup.state == OPEN, Question.text == redacted)).first()
    return (row[0], row[1]) if row else None


def _asked_again(session: Session, same: tuple[int, int], today: date) -> None:
    question, group = same
    change = update(Question).where(Question.id == question).values(asked=Question.asked + 1, newest=today)
    session.execute(change, execution_options=_WITHOUT_OBJECTS)
    _count(session, group, today)


def _count(session: Session, group: int, today: date) -> None:
    # Past the version: that a question came in does not disturb somebody who decides on its group just now.
    change = update(QuestionGroup).where(QuestionGroup.id == group)
    session.execute(
        change.values(asked=QuestionGroup.asked + 1, newest=today), execution_options=_WITHOUT_OBJECTS
    )  # fmt: skip


def _nearest_group(session: Session, asked: str, vector: np.ndarray) -> int | None:
    """Return the open group of the question that asks the same, None where there is none."""
    query = (
        select(Question.group_id, Question.text, Question.vector).join(QuestionGroup).where(QuestionGroup.state == OPEN)
    )
    rows = session.execute(query).all()
    if not rows:
        return None
    vectors = np.frombuffer(b"".join(row.vector for row in rows), dtype=np.float32).reshape(len(rows), -1)
    likeness = vectors @ vector
    nearest = (rows[at] for at in np.argsort(-likeness) if likeness[at] >= SAME)
    return next((row.group_id for row in nearest if shared(asked, row.text) >= SHARED), None)


_WITHOUT_OBJECTS = {"synchronize_session": False}
