"""Whether a message is in another language than English, told by spaCy's stop words and by the script.

It only chooses the words of a refusal, so it must be sure: misspelt English, brand names and shorthand are English.
"""

import re
import unicodedata
from collections.abc import Container, Sequence
from functools import lru_cache
from pathlib import Path
from runpy import run_path

import spacy
from spacy.lang.en.tokenizer_exceptions import TOKENIZER_EXCEPTIONS

ENGLISH = "en"
# Languages in Latin letters for which spaCy has stop words and which many visitors may write.
# fmt: off
OTHERS = (
    "es", "pt", "fr", "de", "it", "pl", "nl", "tr", "ro", "vi",
    "id", "tl", "sv", "da", "cs", "hu", "fi", "hr", "sk", "sq",
)
# fmt: on
SPACY = Path(spacy.__file__).parent
MIN_LETTERS = 3  # of a telling word: shorter ones are shorthand in English too ('ng', 'pe')
_WORD = re.compile(r"[^\W\d_]+")


class Language:
    """Tells English from other languages, given words that are English."""

    def __init__(self, english: frozenset[str]) -> None:
        # "dont" and the like, too: without its mark it is a French stop word.
        self._english = english | stop_words(ENGLISH) | frozenset(map(str.lower, TOKENIZER_EXCEPTIONS))
        self._others = {language: stop_words(language) for language in OTHERS}

    def is_foreign(self, text: str) -> bool:
        """Whether `text` is surely not English; False where there are no words."""
        words = _WORD.findall(text.lower())
        if is_in_another_script(text):
            return True
        if len(words) < 2 or sum(word not in self._english for word in words) * 3 < len(words):
            return False
        return any(self._speaks_for(words, known) for known in self._others.values())

    def _speaks_for(self, words: Sequence[str], known: Container[str]) -> bool:
        """Whether words of a language that English lacks are there, and outnumber the common English ones."""
        foreign = [word for word in words if word not in self._english and len(word) >= MIN_LETTERS]
        telling = sum(word in known or not word.isascii() for word in foreign)
        common = sum(word in stop_words(ENGLISH) and word not in known for word in words)
        return telling > common


def is_in_another_script(text: str) -> bool:
    """Whether most letters are not Latin."""
    letters = [letter for letter in text if letter.isalpha()]
    return sum("LATIN" not in unicodedata.name(letter, "") for letter in letters) * 2 > len(letters)


@lru_cache
def stop_words(language: str) -> frozenset[str]:
    """Return spaCy's stop words of a language."""
    # Its file alone: the package of French compiles patterns for two seconds.
    return frozenset(run_path(str(SPACY / "lang" / language / "stop_words.py"))["STOP_WORDS"])
