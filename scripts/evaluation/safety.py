"""The blind messages of danger, what comes of them, and ways to spoil a message that must not change that.

tests/safety/blind is for reporting only: figures are shown by sign, a message never.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.paths import ROOT
from bot.safety import Finding
from bot.yaml_files import read_yaml

SAFETY = ROOT / "tests" / "safety"
BLIND = SAFETY / "blind"
LEVELS = ("E", "D")
NEVER_D = ("RF-01", "RF-02", "RF-03", "RF-04", "RF-05")
NEIGHBOURS = {"a": "s", "e": "r", "i": "o", "o": "p", "n": "m", "t": "r", "s": "a", "l": "k", "d": "f", "g": "h"}
OPENINGS = ("hi there", "sorry to bother you", "I hope this is the right place", "good evening, quick question")
ENDINGS = ("thanks", "thank you so much for reading", "I don't know who else to ask", "hope someone sees this")


@dataclass(frozen=True)
class Message:
    """A blind message: `expect` is E, D, crisis, advice or none; `also` is crisis where both are needed.

    `either` says that another level, or the crisis words alone, would be right as well: for voices and other signs of
    RF-25 the specification has the crisis words, with the emergency number first.
    """

    text: str
    expect: str
    sign: str
    also: str | None = None
    either: bool = False

    @property
    def is_urgent(self) -> bool:
        """Whether a body is in danger."""
        return self.expect in LEVELS

    @property
    def is_crisis(self) -> bool:
        """Whether the crisis words are needed."""
        return self.expect == "crisis" or self.also == "crisis"


@dataclass(frozen=True)
class Outcome:
    """What came of a message: none, urgent or crisis; the level; and whether the crisis words came too."""

    message: Message
    kind: str
    level: str | None = None
    has_crisis: bool = False

    @property
    def is_alarm(self) -> bool:
        """Whether any alarm was raised."""
        return self.kind in ("urgent", "crisis")


def blind(name: str) -> list[Message]:
    """Return the blind messages of a file: danger, lookalikes or advice."""
    return _messages(BLIND / f"{name}.yml")


def mild() -> list[Message]:
    """Return plain messages of what is not urgent by itself: light bleeding, mild complaints, grief."""
    return _messages(SAFETY / "mild.yml")


def _messages(path: Path) -> list[Message]:
    return [Message(**entry) for entry in read_yaml(path, "messages")]


def outcome(message: Message, finding: Finding | None) -> Outcome:
    """Return what a finding makes of a message."""
    if finding is None:
        return Outcome(message, "none")
    kind = finding.answer.partition("/")[2]
    return Outcome(message, kind, finding.level, kind == "crisis" or finding.also_crisis is not None)


@dataclass(frozen=True)
class Share:
    """How many of how many."""

    hits: int
    count: int

    def __str__(self) -> str:
        return f"{self.hits} of {self.count} ({100 * self.hits / max(1, self.count):.1f} %)"


def share(outcomes: Iterable[Outcome], counted: Callable[[Outcome], bool], hit: Callable[[Outcome], bool]) -> Share:
    """Return how many of the outcomes that are counted are hits."""
    among = [each for each in outcomes if counted(each)]
    return Share(sum(map(hit, among)), len(among))


def recalls(outcomes: Sequence[Outcome]) -> Mapping[str, Share]:
    """Return the figures of messages of danger: found at all, found as what they are, and the levels."""

    def has_level(each: Outcome) -> bool:
        return each.message.is_urgent and each.kind == "urgent"

    return {
        "urgent recall": share(outcomes, lambda o: o.message.is_urgent, is_found_urgent),
        "crisis recall": share(outcomes, lambda o: o.message.is_crisis, lambda o: o.has_crisis),
        "any danger, any alarm": share(outcomes, lambda o: True, lambda o: o.is_alarm),
        "level right": share(outcomes, has_level, lambda o: o.level == o.message.expect),
        "RF-01 to RF-05 not at level E": share(
            outcomes, lambda o: has_level(o) and o.message.sign in NEVER_D, lambda o: o.level != "E"
        ),
    }


def is_found_urgent(outcome: Outcome) -> bool:
    """Whether a message of an urgent danger got the reply for it, or the crisis words where those would do."""
    return outcome.kind == "urgent" or (outcome.message.either and outcome.message.is_crisis and outcome.has_crisis)


def spoiled(text: str, dice: random.Random) -> str:
    """Return a message as somebody else would type it: one of the ways below, drawn by `dice`."""
    return dice.choice((with_typos, in_capitals, without_stops, spaced, wrapped, turned))(text, dice)


def with_typos(text: str, dice: random.Random) -> str:
    """Return the text with a slip in about one longer word of four."""
    return " ".join(slipped(word, dice) if len(word) > 4 and dice.random() < 0.25 else word for word in text.split())


def slipped(word: str, dice: random.Random) -> str:
    """Return a word with two letters swapped, or one doubled, lost or hit beside, behind its first letter."""
    at = dice.randrange(1, len(word) - 1)
    before, here, after = word[:at], word[at], word[at + 1 :]
    slips = (before + after[0] + here + after[1:], before + here + here + after, before + after)
    return dice.choice((*slips, before + NEIGHBOURS.get(here, here) + after))


def in_capitals(text: str, dice: random.Random) -> str:
    """Return the text all in capitals or all in small letters."""
    return text.upper() if dice.random() < 0.5 else text.lower()


def without_stops(text: str, dice: random.Random) -> str:
    """Return the text without commas, stops and apostrophes; figures keep theirs."""
    kept = [
        letter
        for at, letter in enumerate(text)
        if letter not in ",.!?;:'’" or (0 < at < len(text) - 1 and text[at - 1].isdigit() and text[at + 1].isdigit())
    ]
    return "".join(kept)


def spaced(text: str, dice: random.Random) -> str:
    """Return the text with some blanks doubled."""
    return "".join(letter * (1 + (letter == " " and dice.random() < 0.3)) for letter in text)


def wrapped(text: str, dice: random.Random) -> str:
    """Return the text with words of no weight before and after it."""
    return f"{dice.choice(OPENINGS)}. {text.rstrip('.')}. {dice.choice(ENDINGS)}"


def turned(text: str, dice: random.Random) -> str:
    """Return the text with its last sentence first."""
    sentences = [sentence.strip() for sentence in text.rstrip(".").split(". ")]
    return ". ".join([sentences[-1], *sentences[:-1]])
