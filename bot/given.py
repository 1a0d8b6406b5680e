"""The encoder's vector of the message at hand, made once: the front server makes it and sends it along to Rasa.

It is known where the request is answered and nowhere else, and goes with it. Whoever finds none makes their own.
"""

from base64 import b64decode, b64encode
from binascii import Error
from contextvars import ContextVar

import numpy as np

from bot.encoder import DIMENSION

VECTOR = "vector"  # its name beside a message
UNIT = 1e-3  # how far the length of a vector may be from 1
_AT_HAND: ContextVar[tuple[str, np.ndarray] | None] = ContextVar("message at hand", default=None)


def note(text: str, vector: np.ndarray | None) -> None:
    """Have the vector of a text, shape (384,), known while this request is answered; None for one without."""
    _AT_HAND.set(None if vector is None else (text, vector))


def known(text: str) -> np.ndarray | None:
    """Return the vector of a text, shape (384,), None where it is not known."""
    at_hand = _AT_HAND.get()
    return at_hand[1] if at_hand and at_hand[0] == text else None


def as_words(vector: np.ndarray) -> str:
    """Return a vector as it is sent."""
    return b64encode(vector.astype("<f4").tobytes()).decode()


def from_words(sent: object) -> np.ndarray | None:
    """Return the vector that was sent, None where that is none of length 1."""
    try:
        vector = np.frombuffer(b64decode(str(sent), validate=True), dtype="<f4")
    except (Error, ValueError):
        return None
    is_ours = vector.shape == (DIMENSION,) and abs(float(vector @ vector) - 1) < UNIT
    return vector.astype(np.float32) if is_ours else None
