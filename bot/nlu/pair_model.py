"""What a message asks after an answer, read as one text with it: plain scikit-learn, no Rasa.

Beside followup_model.py, which reads the message alone and reasons by links: this one sees both together, and so what
"can it be taken out" means after the scans for fibroids. Each is right where the other is wrong often enough that the
two together are better than either (docs/decisions/0004).
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import skops.io
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from bot.answer_model import NO_PROBABILITY, SCALE, best_weights, joined
from bot.encoder import meaning
from bot.one_message import Linear, dense

EVEN = (0.5, 0.5)  # weights of the links and of this model where nothing is held out to find them with
ARGUABLE = 0.02  # of the held-out follow-ups could as well be labelled otherwise: one in fifty or more
STEPS = 40  # of fitting: with 100 it was no better for follow-ups that are held out
DOUBT = 0.05  # of the links' word that is always taken: this model knows no answer that nobody was given


@dataclass(frozen=True)
class HeldOut:
    """A follow-up to calibrate with: the probabilities of the ids by the links, shape (ids,), and its vectors with and
    without the answer before, shape (1, 1152)."""

    by_links: np.ndarray
    pair: np.ndarray
    vector: np.ndarray


@dataclass
class PairModel:
    """The fitted probabilities of the answers, and the weights that join and calibrate them with the links'."""

    answers: LogisticRegression
    weights: np.ndarray

    def joined(self, by_links: np.ndarray, pair: np.ndarray, vector: np.ndarray, ids: Sequence[str]) -> np.ndarray:
        """Return the probabilities of the ids by the links, shape (ids,), joined with what this model says.

        `pair` is the vector of the message with the answer before it, `vector` that of the message; shape (1, 1152).
        """
        return np.exp(joined(self._scores(by_links, pair, vector, ids), self.weights)[0])

    def calibrate(self, held_out: Sequence[HeldOut], right: np.ndarray, ids: Sequence[str]) -> None:
        """Find the weights with which the probabilities are best calibrated for follow-ups that nothing learnt from.

        `right` says which ids are right for each: bool, shape (follow-ups, ids).
        """
        scores = [self._scores(each.by_links, each.pair, each.vector, ids) for each in held_out]
        self.weights = best_weights([np.vstack(expert) for expert in zip(*scores, strict=True)], right, ARGUABLE)

    def _scores(
        self, by_links: np.ndarray, pair: np.ndarray, vector: np.ndarray, ids: Sequence[str]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the log-probabilities by the links and by this model, each of shape (1, ids)."""
        said = np.zeros(len(ids))
        said[self._places(tuple(ids))] = self._linear.probabilities(dense(rows(pair, vector)[0]))
        doubting = DOUBT * by_links + (1 - DOUBT) * said
        return np.log(by_links + NO_PROBABILITY)[None, :], np.log(doubting + NO_PROBABILITY)[None, :]

    @cached_property
    def _linear(self) -> Linear:
        return Linear(self.answers)

    @cached_property
    def _places(self) -> Callable[[tuple[str, ...]], list[int]]:
        return cache(lambda ids: [ids.index(str(id)) for id in self.answers.classes_])

    def save(self, path: Path) -> None:
        """Write the model to one file."""
        skops.io.dump({"answers": self.answers, "weights": self.weights}, path)

    @classmethod
    def load(cls, path: Path) -> "PairModel":
        """Read what `save` wrote; refuses a file that holds types of anything but scikit-learn."""
        return cls(**skops.io.load(path))

    @classmethod
    def fit(cls, pairs: np.ndarray, vectors: np.ndarray, ids: Sequence[str]) -> "PairModel":
        """Return a model fitted on follow-ups: their vectors with and without the answer before, and the right ids."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # stopped early on purpose
            answers = LogisticRegression(max_iter=STEPS).fit(rows(pairs, vectors), list(ids))
        return cls(answers, np.array(EVEN))


def rows(pairs: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Return what the answers are told by, shape (n, 768)."""
    return SCALE * np.hstack([meaning(pairs), meaning(vectors)])
