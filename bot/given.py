"""The encoder's vector of the message at hand, made once: the front server makes it and sends it along to Rasa.

It is known where the request is answered and nowhere else, and goes with it: whoever answers requests calls `forget`
at the end of each, since a connection that was opened meanwhile keeps the request's context for as long as it lasts.
Whoever finds none makes their own.
"""

from base64 import b64decode, b64encode
from binascii import Error
from contextvars import ContextVar

import numpy as np

from bot.encoder import DIMENSION

VECTOR = "vector"  # its name beside a message
UNIT = 1e-3  # how far the length of a vector may be from 1
_AT_HAND: ContextVar[dict[str, np.ndarray]] = ContextVar("message at hand")


def note(text: str, vector: np.ndarray | None) -> None:
    """Have the vector of a text, shape (384,), known while this request is answered; None for one without."""
    forget()
    _AT_HAND.set({} if vector is None else {text: vector})


def known(text: str) -> np.ndarray | None:
    """Return the vector of a text, shape (384,), None where it is not known."""
    return _AT_HAND.get({}).get(text)


def forget() -> None:
    """Let go of the text and its vector, in every copy of this request's context too."""
    _AT_HAND.get({}).clear()


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
