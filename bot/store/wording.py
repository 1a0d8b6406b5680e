"""How far two questions are put in the same words, those aside that any question may have."""

from collections.abc import Sequence

from rapidfuzz import fuzz
from spacy.lang.en.stop_words import STOP_WORDS

from bot.topics import words_of

# Beside spaCy's stop words: what is said of every subject here, so that it tells none from another.
SAID_ANYWHERE = """
    allowed baby babies bad cause causes causing early good help helps long lose losing loss losses lost mean means
    miscarriage miscarriages miscarry need ok okay pregnancies pregnancy pregnant question safe thing time useful want
    work works
"""
TELLS_NOTHING = STOP_WORDS | frozenset(SAID_ANYWHERE.split())
SLIP = 80  # of rapidfuzz's 100: a letter or two differ
STEM = 3  # letters


def shared(one: str, other: str) -> float:
    """Return the share of the words of both, 0 to 1, that the other has as well, in another form or misspelt too."""
    ones, others = _telling(one), _telling(other)
    common = sum(_has(others, word) for word in ones) + sum(_has(ones, word) for word in others)
    return common / (len(ones) + len(others)) if ones or others else 0.0


def _telling(text: str) -> list[str]:
    words = words_of(text)
    return [word for word in words if len(word) > 1 and word not in TELLS_NOTHING] or words


def _has(words: Sequence[str], sought: str) -> bool:
    return any(fuzz.ratio(word, sought) >= SLIP or _is_a_form(word, sought) for word in words)


def _is_a_form(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return len(short) >= STEM and long.startswith(short)
