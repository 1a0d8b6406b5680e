"""Whether a message tells of a loss of its writer's own, so that the answer may begin with a line of sympathy."""

import re
from pathlib import Path

from bot.safety_phrases import Index, PhraseReader
from bot.yaml_files import YamlFault, read_yaml

NEAR = 3  # words before a phrase that may take it back
_WORD = re.compile(r"\d+|[a-z][a-z0-9'/]*|[.?!;,]")
_MISSPELT = re.compile(r"mis+c[aeu]r+[a-z]*")


class Sympathy:
    """Finds messages that tell of a loss."""

    def __init__(self, phrases: Index, before: frozenset[str]) -> None:
        self._phrases = phrases
        self._before = before

    def is_due(self, text: str) -> bool:
        """Whether `text` tells of a loss of the writer's own that has happened."""
        words = words_of(text)
        return any(self._is_told(words, spans[0][0]) for _, spans in self._phrases.found(words))

    def _is_told(self, words: list[str], start: int) -> bool:
        return self._before.isdisjoint(words[max(0, start - NEAR) : start])


def load_sympathy(path: Path) -> Sympathy:
    """Read data/sympathy.yml. Raises YamlFault for a phrase that cannot be read."""
    settings = read_yaml(path, "sympathy")
    reader = PhraseReader(settings["lists"], {}, frozenset())
    try:
        phrases = [(reader.phrase(text), text) for text in settings["told"]]
    except ValueError as fault:
        raise YamlFault(f"{path}: told: {fault}") from None
    return Sympathy(Index(phrases), frozenset(settings["before"]))


def words_of(text: str) -> list[str]:
    """Return the words and stops of a text in small letters, each misspelling of miscarriage written as it."""
    return [_mended(word) for word in _WORD.findall(text.lower().replace("’", "'"))]


def _mended(word: str) -> str:
    if not _MISSPELT.fullmatch(word):
        return word
    if word.endswith("ed"):
        return "miscarried"
    return "miscarriages" if word.endswith("s") else "miscarriage"
