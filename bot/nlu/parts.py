"""What of a message is read: emoji alone by their names, and where it asks two things, each by itself too.

Only sentences and clauses that ask something count; what is told around them is background.
"""

import re
import unicodedata
from collections.abc import Iterator

MAX_PARTS = 6
_SENTENCE_END = re.compile(r"(?<=[.?!:])\s+|\n+")
_QUESTION_WORD = (
    r"(?:what|how|why|when|where|which|who|can|could|is|are|do|does|did|should|will|would|may|has|have|any)"
)
# 'what causes it and how is it treated': two clauses that each open as a question
_JOINT = re.compile(rf",?\s+(?:and|also|plus|but)\s+(?:also\s+)?(?={_QUESTION_WORD}\b)", re.IGNORECASE)
_OPENS_AS_QUESTION = re.compile(rf"^(?:and\s+|so\s+|also\s+|but\s+)?{_QUESTION_WORD}\b", re.IGNORECASE)


def in_words(text: str) -> str:
    """Return a text as it is read: one of emoji alone as their names in Unicode ('crying face'), any other as it is.

    The encoder knows no emoji: they all were the same unknown word to it.
    """
    if any(char.isalnum() for char in text):
        return text
    signs = [char for char in dict.fromkeys(text) if unicodedata.category(char) == "So"]
    return " ".join(unicodedata.name(sign, "").lower() for sign in signs).strip() or text


def questions(text: str) -> list[str]:
    """Return the parts of a message that ask something; empty where it has only one part."""
    parts = list(_parts(text))
    if len(parts) < 2:
        return []
    return [part for part in parts if part.endswith("?") or _OPENS_AS_QUESTION.match(part)][:MAX_PARTS]


def _parts(text: str) -> Iterator[str]:
    for sentence in _SENTENCE_END.split(text):
        clauses = _JOINT.split(sentence) if _OPENS_AS_QUESTION.match(sentence.strip()) else [sentence]
        yield from (clause.strip() for clause in clauses if clause.strip())
