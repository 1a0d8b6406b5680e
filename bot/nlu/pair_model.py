"""What a message asks after an answer, read as one text with it: plain scikit-learn, no Rasa.

Beside followup_model.py, which reads the message alone and reasons by links: this one sees both together, and so what
"can it be taken out" means after the scans for fibroids. Each is right where the other is wrong often enough that the
two together are better than either (docs/decisions/0004).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import skops.io
from sklearn.linear_model import LogisticRegression

from bot.answer_model import SCALE
from bot.one_message import Linear, dense

WEIGHT = 0.5  # of this model beside the links; held-out follow-ups are served alike from 0.35 to 0.65
DOUBT = 0.05  # of the links' word that is always taken: this model knows no answer that nobody was given


@dataclass
class PairModel:
    """The fitted probabilities of the answers."""

    answers: LogisticRegression

    def joined(self, by_links: np.ndarray, pair: np.ndarray, vector: np.ndarray, ids: Sequence[str]) -> np.ndarray:
        """Return the probabilities of the ids by the links, shape (ids,), joined with what this model says.

        `pair` is the vector of the message with the answer before it, `vector` that of the message; shape (1, 384).
        """
        said = np.zeros(len(ids))
        said[self._places(tuple(ids))] = self._linear.probabilities(dense(rows(pair, vector)[0]))
        joined: np.ndarray = by_links ** (1 - WEIGHT) * (DOUBT * by_links + (1 - DOUBT) * said) ** WEIGHT
        return joined / joined.sum()

    @cached_property
    def _linear(self) -> Linear:
        return Linear(self.answers)

    @cached_property
    def _places(self) -> Callable[[tuple[str, ...]], list[int]]:
        return cache(lambda ids: [ids.index(str(id)) for id in self.answers.classes_])

    def save(self, path: Path) -> None:
        """Write the model to one file."""
        skops.io.dump(self.answers, path)

    @classmethod
    def load(cls, path: Path) -> "PairModel":
        """Read what `save` wrote; refuses a file that holds types of anything but scikit-learn."""
        return cls(skops.io.load(path))

    @classmethod
    def fit(cls, pairs: np.ndarray, vectors: np.ndarray, ids: Sequence[str]) -> "PairModel":
        """Return a model fitted on follow-ups: their vectors with and without the answer before, and the right ids."""
        return cls(LogisticRegression(max_iter=100).fit(rows(pairs, vectors), list(ids)))


def rows(pairs: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Return what the answers are told by, shape (n, 768)."""
    return SCALE * np.hstack([pairs, vectors])
