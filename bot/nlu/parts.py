"""The questions in a message: where one asks two things, each is read by itself too.

Only sentences and clauses that ask something count; what is told around them is background.
"""

import re
from collections.abc import Iterator

MAX_PARTS = 6
_SENTENCE_END = re.compile(r"(?<=[.?!:])\s+|\n+")
_QUESTION_WORD = (
    r"(?:what|how|why|when|where|which|who|can|could|is|are|do|does|did|should|will|would|may|has|have|any)"
)
# 'what causes it and how is it treated': two clauses that each open as a question
_JOINT = re.compile(rf",?\s+(?:and|also|plus|but)\s+(?:also\s+)?(?={_QUESTION_WORD}\b)", re.IGNORECASE)
_OPENS_AS_QUESTION = re.compile(rf"^(?:and\s+|so\s+|also\s+|but\s+)?{_QUESTION_WORD}\b", re.IGNORECASE)


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
