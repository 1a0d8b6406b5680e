"""What the encoder is tuned on: every training message, with what is known of it as a column for each task.

Nothing of tests/ and nothing that is held out to calibrate with.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from bot.answers import load_answers
from bot.danger_model import Crisis, Entry, Urgent, is_held_out, read_examples
from bot.followups import nameable_topics
from bot.links import (
    ALONE,
    FIXED,
    LINKS,
    OTHER_TOPIC,
    SAME,
    TOPIC_FACETS,
    Last,
    Nearest,
    load_nearest,
    with_last,
)
from bot.paths import ANSWERS, DATA
from bot.topics import TopicWords, load_topics
from scripts.evaluation.data import load_after, load_examples
from scripts.train_danger import joined_messages

UNKNOWN = -1
SAFETY = "safety/"
URGENT, CRISIS, ADVICE = "safety/urgent", "safety/crisis", "safety/personal_advice"
WORDINGS, PEOPLE = ("self", "violence", "other"), ("self", "other", "staff")
LINK_ORDER = (SAME, OTHER_TOPIC, *TOPIC_FACETS, *FIXED)  # the first that leads to the right answer explains it


@dataclass(frozen=True)
class Message:
    """One message; a task of which nothing is known has UNKNOWN."""

    text: str
    answer: str | None = None
    link: str | None = None
    urgent: int = UNKNOWN
    crisis: int = UNKNOWN
    emergency: int = UNKNOWN
    wording: str | None = None
    who: str | None = None


class Tasks:
    """All messages, and the columns of the tasks as arrays."""

    def __init__(self) -> None:
        self.messages = [*danger_messages(), *answer_messages(), *followup_messages()]
        self.answers = sorted({message.answer for message in self.messages if message.answer})

    @cached_property
    def texts(self) -> np.ndarray:
        """The texts, as objects."""
        return np.array([message.text for message in self.messages], dtype=object)

    @cached_property
    def columns(self) -> Mapping[str, np.ndarray]:
        """The labels of each task, int32 of shape (messages,), UNKNOWN where there is none."""
        choices = {"answer": self.answers, "link": LINKS, "wording": WORDINGS, "who": PEOPLE}
        named = {name: [index(getattr(each, name), known) for each in self.messages] for name, known in choices.items()}
        told = {name: [getattr(each, name) for each in self.messages] for name in ("urgent", "crisis", "emergency")}
        return {name: np.array(values, dtype=np.int32) for name, values in (named | told).items()}

    @property
    def sizes(self) -> Mapping[str, int]:
        """The number of classes of each task; 1 for yes or no."""
        classes = {"answer": len(self.answers), "link": len(LINKS), "wording": len(WORDINGS), "who": len(PEOPLE)}
        return classes | {"urgent": 1, "crisis": 1, "emergency": 1}


def index(name: str | None, known: Sequence[str]) -> int:
    """Return the place of a name among those known, UNKNOWN where there is none."""
    return UNKNOWN if name is None else list(known).index(name)


def danger_messages() -> Iterator[Message]:
    """Yield the messages of data/danger that are not held out, and some again beside an ordinary question."""
    examples = read_examples(DATA / "danger")
    for entry in (*examples.urgent, *examples.crisis, *examples.quiet):
        if not is_held_out(entry.text):
            yield danger_message(entry.text, entry)
    for text, joined_to in joined_messages(examples):
        yield replace(danger_message(text, joined_to), answer=None)


def danger_message(text: str, entry: Entry | None) -> Message:
    """Return what is known of a text that holds a message of data/danger, or none."""
    if isinstance(entry, Urgent):
        crisis, emergency = int(entry.also == "crisis"), int(entry.level == "E")
        return Message(text, URGENT, None, 1, crisis, emergency, who=entry.who)
    if isinstance(entry, Crisis):
        return Message(text, CRISIS, None, 0, 1, wording=entry.kind, who=entry.who)
    return Message(text, urgent=0, crisis=0)


def answer_messages() -> Iterator[Message]:
    """Yield the examples of data/nlu; of those that ask for advice it is not known whether they tell of danger."""
    for example in load_examples():
        urgent, crisis = int(example.id == URGENT), int(example.id == CRISIS)
        if example.id == ADVICE:
            urgent = crisis = UNKNOWN
        yield Message(example.text, example.id, urgent=urgent, crisis=crisis)


def followup_messages() -> Iterator[Message]:
    """Yield each follow-up of data/nlu/followups twice.

    As typed, with the link that explains it or with its own answer; and with the answer before it in front, from which
    the answer to give follows.
    """
    answers = load_answers(ANSWERS)
    nearest = load_nearest(DATA / "followups.yml", answers)
    topic_words = load_topics(DATA / "topics.yml", only=nameable_topics(DATA / "followups.yml", answers))
    for text, last, right in load_after():
        link = link_of(text, last, right, nearest, topic_words)
        calm = UNKNOWN if right[0].startswith(SAFETY) else 0
        yield Message(text, right[0] if link == ALONE else None, link, urgent=calm, crisis=calm)
        yield Message(with_last(text, last), right[0], link)


def link_of(text: str, last: Last, right: tuple[str, ...], nearest: Nearest, topic_words: TopicWords) -> str:
    """Return the first link that leads from the last answer to a right one, else that it stands alone."""
    topics = topic_words.find(text).topics
    targets = ((link, nearest.target(link, last, topics)) for link in LINK_ORDER)
    return next((link for link, target in targets if target and target.id in right), ALONE)
