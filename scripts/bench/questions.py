"""What is asked of every system: the same questions in the same order, in conversations of a few turns.

They are messages of the evaluation set that nobody trained on, in which the bot sees no danger: a safety reply is
another way through it.
"""

import random
from collections.abc import Iterator

from bot.safety import load_check
from scripts.evaluation.data import CALIBRATION, load_part

TURNS = 4  # of a conversation, before the next one begins
SEED = 5
NUMBER = 150


def load_questions(number: int = NUMBER) -> list[str]:
    """Return questions, always the same ones for the same evaluation set."""
    check = load_check()
    texts = [turn.ask for turn in load_part(CALIBRATION).messages]
    random.Random(SEED).shuffle(texts)
    quiet = (text for text in texts if check.find(text) is None)
    return [text for text, _ in zip(quiet, range(number), strict=False)]


def conversations(questions: list[str], prefix: str) -> Iterator[tuple[str, str]]:
    """Yield (conversation, question) for ever, a new conversation every few turns."""
    turn = 0
    while True:
        yield f"{prefix}-{turn // TURNS}", questions[turn % len(questions)]
        turn += 1
