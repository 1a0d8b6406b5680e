"""Which caution a reply carries because of what the message names: a medicine, bleeding, a value."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bot.answers import NOT_COVERED
from bot.gate import ADVICE
from bot.topics import TopicWords
from bot.yaml_files import read_yaml

BEHIND = 3  # words between what was measured and its value
REFUSED = (ADVICE, NOT_COVERED)  # they say nothing of what was named but that it can't be judged here


class Cautions:
    """Finds the cautions that a message calls for."""

    def __init__(self, settings: dict[str, Any]) -> None:
        values = settings["values"]
        self._words = TopicWords(settings["words"])
        self._value = _pattern(**values)
        self._of_value: str = values["caution"]

    def named(self, text: str, *, is_refused: bool) -> tuple[str, ...]:
        """Return the names of the cautions, as K4: of a value always, of words only where the message is refused."""
        by_words = self._words.find(text).topics if is_refused else ()
        return (*((self._of_value,) if self._value.search(text) else ()), *by_words)


def load_cautions(path: Path) -> Cautions:
    """Read data/cautions.yml."""
    return Cautions(read_yaml(path, "cautions"))


def _pattern(
    *, measured: Iterable[str], told_by: Iterable[str], units: Iterable[str], counts: Iterable[str], caution: str
) -> re.Pattern[str]:
    number = rf"\d[\d.,]*(?![\w/.,-]|\s+(?:{_any(counts)})\b)"
    named = rf"\b(?:{_any(measured)})\b(?:[^\w.?!]+\w+){{0,{BEHIND}}}?[^\w?!]+(?:{number}|(?:{_any(told_by)})\b)"
    told = rf"\b(?:{_any(told_by)})\s+(?:{_any(measured)})\b"
    return re.compile(rf"{named}|{told}|\d\s?(?:{_any(units)})\b", re.IGNORECASE)


def _any(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, words))
