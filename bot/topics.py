"""The topics that a message names, by the words of data/topics.yml, spelled more or less right."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rapidfuzz import fuzz, process

from bot.yaml_files import read_yaml

# Short words are one letter from too many others ("pid", "pcos"): they must be spelled right.
FUZZY_FROM_LETTERS = 6
FUZZY_SCORE = 86  # of 100; one wrong letter in seven passes
_WORD = re.compile(r"[a-z0-9][a-z0-9&'-]*")


@dataclass(frozen=True)
class Named:
    """The topics a message names, in order, and the words that named none."""

    topics: tuple[str, ...]
    other_words: tuple[str, ...]


class TopicWords:
    """Finds topics by their words, the longest first."""

    def __init__(self, forms: Mapping[str, Iterable[str]]) -> None:
        self._topic_of = {tuple(words_of(form)): topic for topic, each in forms.items() for form in each}
        self._longest = max((len(form) for form in self._topic_of), default=0)
        self._single = {form[0]: topic for form, topic in self._topic_of.items() if len(form) == 1}
        self._fuzzy = [word for word in self._single if len(word) >= FUZZY_FROM_LETTERS]

    def find(self, text: str) -> Named:
        """Return the topics that `text` names; empty for an empty text."""
        words, topics, others, start = words_of(text), [], [], 0
        while start < len(words):
            topic, length = self._at(words, start)
            if topic:
                topics.append(topic)
            else:
                others.append(words[start])
            start += length
        return Named(tuple(dict.fromkeys(topics)), tuple(others))

    def _at(self, words: list[str], start: int) -> tuple[str | None, int]:
        for length in range(min(self._longest, len(words) - start), 0, -1):
            if topic := self._topic_of.get(tuple(words[start : start + length])):
                return topic, length
        return self._alike(words[start]), 1

    def _alike(self, word: str) -> str | None:
        if len(word) < FUZZY_FROM_LETTERS:
            return None
        found = process.extractOne(word, self._fuzzy, scorer=fuzz.ratio, score_cutoff=FUZZY_SCORE)
        return self._single[found[0]] if found else None


def words_of(text: str) -> list[str]:
    """Return the words of a text in small letters."""
    return _WORD.findall(text.lower().replace("’", "'"))


def load_topics(path: Path, only: Iterable[str] | None = None) -> TopicWords:
    """Read data/topics.yml, as far as it speaks of the topics in `only`; all of it without."""
    forms = read_yaml(path, "topics")
    wanted = set(forms if only is None else only)
    return TopicWords({topic: each for topic, each in forms.items() if topic in wanted})
