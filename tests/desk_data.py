"""What a busy clinic's database holds after a year, made up: counts, taps, questions, and an audit."""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
from sqlalchemy import insert

from bot.answers import load_answers
from bot.paths import ANSWERS
from bot.store.database import Database
from bot.store.desk import Audit
from bot.store.questions import IGNORED, MEANS, NEEDS_ANSWER, OPEN
from bot.store.tables import NONE, AnswerCount, FeedbackCount, Question, QuestionGroup

DAYS = 7 * 56
DIMENSIONS = 384  # of the encoder
KINDS = ("answer",) * 16 + ("choice", "not_covered", "out_of_scope", "fallback", "small_talk", "advice", "urgent")
ASKED = (
    "Does dyeing my hair matter in week {n}?",
    "May I fly in week {n}?",
    "Is there parking near the clinic after {n} o'clock?",
    "Do you take the insurance plan {n}?",
    "Can I work {n} hours a day while we wait for the results?",
    "Is a bath of {n} minutes all right?",
    "My sister had {n} losses, does that say anything about me?",
    "Would you see us if we live {n} miles away?",
)


def fill_counts(database: Database, turns: int, today: date, seed: int = 1) -> None:
    """Count so many turns over a year, no two in one sum, and a tenth as many taps."""
    chance = random.Random(seed)
    answers = list(load_answers(ANSWERS))
    versions = (f"v{number}" for number in range(turns))
    rows = [turn(chance, answers, today, version) for version in versions]
    taps = [
        {"day": row["day"], "answer": row["answer"], "helpful": chance.random() < 0.8, "taps": 1, "language": "en",
         "content_version": row["content_version"]}
        for row in rows[::10]
    ]  # fmt: skip
    with database.writing() as session:
        session.execute(insert(AnswerCount.__table__), rows)
        session.execute(insert(FeedbackCount.__table__), taps)


def turn(chance: random.Random, answers: Sequence[str], today: date, version: str) -> dict:
    kind = chance.choice(KINDS)
    is_urgent = kind == "urgent"
    answer = "safety/urgent" if is_urgent else answers[int(len(answers) * chance.random() ** 2)]
    return {
        "day": today - timedelta(days=int(DAYS * chance.random() ** 1.3)), "hour": chance.randrange(8, 22), "turns": 1,
        "answer": answer, "kind": kind, "facet": answer.partition("/")[0], "content_version": version, "language": "en",
        "level": "E" if is_urgent else NONE, "rules": f"RF-{chance.randrange(1, 25):02}" if is_urgent else NONE,
    }  # fmt: skip


def fill_questions(database: Database, number: int, today: date, seed: int = 1) -> None:
    """Keep so many questions: a large group of a tenth of them, small ones, most of them not yet decided on."""
    chance = random.Random(seed)
    vectors = np.random.default_rng(seed).normal(size=(number, DIMENSIONS)).astype(np.float32)
    sizes = [number // 10, *group_sizes(chance, number - number // 10)]
    states = [OPEN, *chance.choices((OPEN, MEANS, NEEDS_ANSWER, IGNORED), (7, 1, 1, 1), k=len(sizes) - 1)]
    groups = [
        {"id": id, "version": 1, "state": state, "answer": "causes/pcos" if state == MEANS else NONE, "asked": size,
         "decided_by": NONE if state == OPEN else "dana", "newest": today - timedelta(days=chance.randrange(28))}
        for id, (size, state) in enumerate(zip(sizes, states, strict=True), 1)
    ]  # fmt: skip
    owners = [group for group, size in zip(groups, sizes, strict=True) for _ in range(size)]
    questions = [
        {"group_id": group["id"], "text": ASKED[group["id"] % len(ASKED)].format(n=at), "in_danger": not at % 50,
         "language": "en", "asked": 1, "newest": group["newest"], "vector": vector.tobytes()}
        for at, (group, vector) in enumerate(zip(owners, vectors, strict=True))
    ]  # fmt: skip
    with database.writing() as session:
        session.execute(insert(QuestionGroup.__table__), groups)
        session.execute(insert(Question.__table__), questions)


def group_sizes(chance: random.Random, left: int) -> Iterator[int]:
    """Yield sizes of one to six that add up."""
    while left:
        size = min(left, chance.randrange(1, 7))
        left -= size
        yield size


def fill_audit(database: Database, lines: int) -> None:
    """Write so many lines of an audit."""
    at = datetime.now(UTC).replace(tzinfo=None)
    rows = [
        {"at": at - timedelta(minutes=7 * line), "who": ("dana", "rosa.m")[line % 2], "deed": "signed in", "about": "",
         "place": "1a2b3c"}
        for line in reversed(range(lines))
    ]  # fmt: skip
    with database.writing() as session:
        session.execute(insert(Audit.__table__), rows)
