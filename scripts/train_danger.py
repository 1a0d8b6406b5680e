"""The training of the reader of danger; scripts/train.py says when.

It is kept apart from Rasa's model because the front server needs it too, and needs nothing else.
"""

import random
import re
import time
from bisect import bisect
from collections.abc import Iterator, Sequence

from bot.danger_model import CRISIS, URGENT, Entry, Examples, Quiet, fit, is_held_out, kind_of, read_examples
from bot.kept_vectors import KeptVectors
from bot.paths import DANGER_MODEL, DATA
from scripts.evaluation.data import Example, load_examples

FOLLOWUPS = DATA / "nlu" / "followups"
LABELS = {"safety/urgent": URGENT, "safety/crisis": CRISIS}
NEAR = ("support/", "warning_signs/", "safety/", "meta/", "clinic/")  # ordinary messages that lie near danger
JOINED_SHARE = 0.15  # of the messages are learnt with a question behind or before them as well
_SENTENCE_END = re.compile(r"(?<=[.?!])\s+")
SHORTEST_QUESTION, LONGEST_QUESTION = 5, 30  # words
STORY_SHARE, CALM_STORY_SHARE = 0.1, 0.35  # of those of danger, and of those of none, are learnt in a story, too
LONGEST_STORY = 120  # words


def train_danger_model() -> None:
    """Train the model into its folder."""
    print("Training the reader of danger (a minute or two on two cores) …", flush=True)
    started, examples = time.monotonic(), read_examples(DATA / "danger")
    fit(examples, other_messages(examples), KeptVectors().embed).save(DANGER_MODEL)
    print(f"Trained in {time.monotonic() - started:.0f} s: models/{DANGER_MODEL.name}", flush=True)


def danger_texts() -> list[str]:
    """Return every text that the model is fitted on or calibrated with."""
    examples = read_examples(DATA / "danger")
    own = (*examples.urgent, *examples.crisis, *examples.quiet)
    return [*(entry.text for entry in own), *(text for text, _ in other_messages(examples))]


def other_messages(examples: Examples) -> list[tuple[str, str]]:
    """Return the messages beside those of data/danger, each with its kind."""
    return [*ordinary_messages(), *((text, kind_of(entry)) for text, entry in joined_messages(examples))]


def ordinary_messages() -> list[tuple[str, str]]:
    """Return the messages of data/nlu, each with its kind: follow-ups first, then those near to danger."""
    followups, examples = load_examples(FOLLOWUPS), load_examples()
    near = [example for example in examples if example.id.startswith(NEAR)]
    others = [example for example in examples if not example.id.startswith(NEAR)]
    return [(example.text, _kind(example)) for example in (*followups, *near, *others)]


def _kind(example: Example) -> str:
    return LABELS.get(example.id) or kind_of(None, example.id.partition("/")[0])


def joined_messages(examples: Examples) -> Iterator[tuple[str, Entry | None]]:
    """Yield messages of data/danger with an ordinary question before or behind them, or in an ordinary story, and pairs
    of such questions.

    Whoever is in danger may ask about something else in the same breath, or tell all that led up to it, and that must
    not hide it. Each is drawn by its own text, so that a changed example leaves the others with what they had; nothing
    that is held out.
    """
    questions = [example.text for example in load_examples() if is_plain(example, SHORTEST_QUESTION, LONGEST_QUESTION)]
    stories = [example.text for example in load_examples() if is_plain(example, LONGEST_QUESTION, LONGEST_STORY)]
    beside, within = Beside(questions), Beside([story for story in stories if not is_held_out(story)])
    for entry in (*examples.urgent, *examples.crisis, *examples.quiet):
        if is_held_out(entry.text):
            continue
        if beside.is_drawn(entry.text):
            yield beside.join(entry.text), entry
        if within.is_drawn(entry.text, "story", CALM_STORY_SHARE if isinstance(entry, Quiet) else STORY_SHARE):
            yield within.tell(entry.text), entry
    for question in dict.fromkeys(questions):
        if beside.is_drawn(question):
            yield beside.join(question), None
        if within.is_drawn(question, "story", CALM_STORY_SHARE):
            yield within.tell(question), None


class Beside:
    """Draws a question or a story for a message, at random but for each message the same: the next one on a ring of
    hashes."""

    def __init__(self, questions: Sequence[str]) -> None:
        self._ring = sorted((_place(question), question) for question in questions)

    def is_drawn(self, text: str, name: str = "drawn", share: float = JOINED_SHARE) -> bool:
        """Whether a message is among those that are learnt with another as well."""
        return random.Random(f"{name} {text}").random() < share

    def join(self, text: str) -> str:
        """Return a message with its question behind or before it."""
        dice = random.Random(text)
        return joined(text, self._next(dice), dice)

    def tell(self, text: str) -> str:
        """Return a message between the sentences of its story or two, before the first or behind the last."""
        dice = random.Random(f"story {text}")
        sentences = _SENTENCE_END.split(" ".join(self._next(dice) for _ in range(dice.randint(1, 2))))
        sentences.insert(dice.randrange(len(sentences) + 1), text if text[-1] in ".?!" else f"{text}.")
        return " ".join(sentences)

    def _next(self, dice: random.Random) -> str:
        return self._ring[bisect(self._ring, (dice.random(), "")) % len(self._ring)][1]


def _place(question: str) -> float:
    return random.Random(f"ring {question}").random()


def is_plain(example: Example, least: int, most: int) -> bool:
    """Whether an example is far from danger and has so many words."""
    return not example.id.startswith(NEAR) and least <= len(example.text.split()) <= most


def joined(first: str, second: str, dice: random.Random) -> str:
    """Return two messages as one, in either order and mostly with a stop between them."""
    if dice.random() < 0.5:
        first, second = second, first
    stop = "" if first[-1] in ".?!" or dice.random() < 0.3 else "."
    return f"{first}{stop} {second}"
