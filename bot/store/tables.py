"""The tables, as SQLAlchemy maps them. A change here needs a new file in bot/store/migrations/versions.

No column may hold a person, a conversation id or a visitor's words, but for `questions.text`: redacted, and sent on
purpose.
"""

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Text,
)
from sqlalchemy.orm import DeclarativeMeta, registry, relationship

NONE = ""  # stands for "none" in keys, where NULL would equal nothing
ID_CHARS, WORD_CHARS = 80, 32
# Each constraint has a name, so that a migration can change it on every database.
NAMES = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}
_TABLES = registry(MetaData(naming_convention=NAMES))


class Base(metaclass=DeclarativeMeta):
    """What every table's class inherits."""

    __abstract__ = True
    registry = _TABLES
    metadata = _TABLES.metadata
    __init__ = _TABLES.constructor


class AnswerCount(Base):
    """How often one answer was given in one hour: the whole key but for `turns`."""

    __tablename__ = "answer_counts"

    day = Column(Date, primary_key=True)  # in the clinic's time zone, as the hour is
    hour = Column(SmallInteger, primary_key=True)
    answer = Column(String(ID_CHARS), primary_key=True)
    kind = Column(String(WORD_CHARS), primary_key=True)
    level = Column(String(1), primary_key=True, default=NONE)
    rules = Column(String(200), primary_key=True, default=NONE)  # ids of the signs found, with spaces between
    facet = Column(String(WORD_CHARS), primary_key=True)
    content_version = Column(String(WORD_CHARS), primary_key=True)
    language = Column(String(8), primary_key=True)
    turns = Column(Integer, nullable=False)

    # All that the desk's Counts sums up, so that a year of it is read from the index alone.
    __table_args__ = (Index(None, day, answer, kind, level, rules, turns),)


class FeedbackCount(Base):
    """How often visitors said on one day that an answer did or did not help."""

    __tablename__ = "feedback_counts"

    day = Column(Date, primary_key=True)
    answer = Column(String(ID_CHARS), primary_key=True)
    helpful = Column(Boolean, primary_key=True)
    content_version = Column(String(WORD_CHARS), primary_key=True)
    language = Column(String(8), primary_key=True)
    taps = Column(Integer, nullable=False)


class QuestionGroup(Base):
    """Questions that ask the same: what the desk decides on. `version` grows with every change (optimistic locking)."""

    __tablename__ = "question_groups"

    id = Column(Integer, primary_key=True)
    version = Column(Integer, nullable=False)
    state = Column(String(WORD_CHARS), nullable=False)  # one of bot.store.questions.STATES
    answer = Column(String(ID_CHARS), nullable=False, default=NONE)  # what it means, where the desk said so
    decided_by = Column(String(ID_CHARS), nullable=False, default=NONE)
    asked = Column(Integer, nullable=False)  # how often, all its questions together
    newest = Column(Date, nullable=False)
    questions = relationship("Question", order_by="Question.id.desc()", cascade="all, delete-orphan")

    __table_args__ = (Index(None, state, newest),)
    __mapper_args__ = {"version_id_col": version}


class Question(Base):
    """A question that a visitor sent, redacted. Sent again word for word, it is counted, not kept twice."""

    __tablename__ = "questions"

    id = Column(Integer, primary_key=True)
    group_id = Column(ForeignKey(QuestionGroup.id, ondelete="CASCADE"), nullable=False, index=True)
    text = Column(Text, nullable=False)
    in_danger = Column(Boolean, nullable=False)
    language = Column(String(8), nullable=False)
    asked = Column(Integer, nullable=False)
    newest = Column(Date, nullable=False, index=True)
    vector = Column(LargeBinary, nullable=False)  # the encoder's, float32, of the redacted text
