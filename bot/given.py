"""What is known of the message at hand, found out once: the front server makes the vector, looks for danger
and sends along to Rasa the vector, and that no danger was found where none was.

It is known where the request is answered and nowhere else, and goes with it: whoever answers requests calls `forget`
at the end of each, since a connection that was opened meanwhile keeps the request's context for as long as it lasts.
Whoever finds none makes their own.
"""

from base64 import b64decode, b64encode
from binascii import Error
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np

from bot.encoder import DIMENSION, meaning

VECTOR, CALM = "vector", "calm"  # their names beside a message
UNIT = 1e-3  # how far the length of a meaning may be from 1
HALF = "<f2"  # the encoder gives no more bits


class Given(NamedTuple):
    """The vector of a message, shape (1152,), and whether both readers looked through it and found no danger."""

    vector: np.ndarray
    is_calm: bool


_AT_HAND: ContextVar[dict[str, Given]] = ContextVar("message at hand")


def note(text: str, vector: np.ndarray | None, *, is_calm: bool = False) -> None:
    """Have this known of a text while its request is answered; nothing for one without a vector."""
    forget()
    _AT_HAND.set({} if vector is None else {text: Given(vector, is_calm)})


def known(text: str) -> np.ndarray | None:
    """Return the vector of a text, shape (1152,), None where it is not known."""
    given = _AT_HAND.get({}).get(text)
    return given.vector if given else None


def is_known_calm(text: str) -> bool:
    """Whether a text was looked through for danger already, and none was found."""
    given = _AT_HAND.get({}).get(text)
    return given is not None and given.is_calm


def sent_along(text: str) -> dict[str, Any]:
    """Return what is known of a text as it is sent beside it; empty where nothing is."""
    given = _AT_HAND.get({}).get(text)
    return {VECTOR: as_words(given.vector), CALM: given.is_calm} if given else {}


def note_sent(text: str, metadata: Any) -> None:
    """Have known of a text what was sent beside it; nothing where that is none of ours."""
    metadata = metadata if isinstance(metadata, dict) else {}
    note(text, from_words(metadata.get(VECTOR)), is_calm=metadata.get(CALM) is True)


def forget() -> None:
    """Let go of the text and what is known of it, in every copy of this request's context too."""
    _AT_HAND.get({}).clear()


def as_words(vector: np.ndarray) -> str:
    """Return a vector as it is sent."""
    return b64encode(vector.astype(HALF).tobytes()).decode()


def from_words(sent: object) -> np.ndarray | None:
    """Return the vector that was sent, None where that is none of ours."""
    try:
        vector = np.frombuffer(b64decode(str(sent), validate=True), dtype=HALF).astype(np.float32)
    except (Error, ValueError):
        return None
    length = float(np.linalg.norm(meaning(vector)))
    is_ours = vector.shape == (DIMENSION,) and abs(length - 1) < UNIT and np.isfinite(vector).all()
    return vector if is_ours else None
