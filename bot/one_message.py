"""What fitted parts of scikit-learn say of one message: their arithmetic, without the checks and copies around it.

Those are made for tables of thousands; for one message they took four fifths of the time. The figures are the same but
for rounding (tests/test_one_message.py).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import softmax
from sklearn.ensemble import VotingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion
from sklearn.svm import LinearSVC

if TYPE_CHECKING:
    from bot.nlu.soft_regression import SoftRegression


@dataclass(frozen=True)
class Row:
    """One row of a sparse matrix: where it is not zero, and what it is there."""

    columns: np.ndarray
    values: np.ndarray

    def moved(self, by: int, factor: float = 1.0) -> "Row":
        """Return the row behind so many other columns, its values times a factor."""
        return Row(self.columns + by, self.values * factor)


def dense(values: np.ndarray) -> Row:
    """Return a row that is zero nowhere."""
    return Row(np.arange(len(values)), values)


def side_by_side(rows: Iterable[Row]) -> Row:
    """Return rows that were moved to their places as one."""
    rows = list(rows)
    return Row(np.concatenate([row.columns for row in rows]), np.concatenate([row.values for row in rows]))


class NGrams:
    """The rows of a fitted union of TfidfVectorizers with sublinear counts. `width` is the number of its columns."""

    def __init__(self, union: FeatureUnion) -> None:
        self._parts = [_Tfidf(vectorizer) for _, vectorizer in union.transformer_list]
        self.width = sum(part.width for part in self._parts)

    def of(self, text: str) -> Row:
        """Return the row of a text."""
        start, rows = 0, []
        for part in self._parts:
            rows.append(part.of(text).moved(start))
            start += part.width
        return side_by_side(rows)


class _Tfidf:
    def __init__(self, vectorizer: TfidfVectorizer) -> None:
        self._terms: Callable[[str], Iterable[str]] = vectorizer.build_analyzer()
        self._columns: Mapping[str, int] = vectorizer.vocabulary_
        self._idf: np.ndarray = vectorizer.idf_
        self.width = len(self._columns)

    def of(self, text: str) -> Row:
        counts = Counter(column for term in self._terms(text) if (column := self._columns.get(term)) is not None)
        columns = np.fromiter(counts.keys(), dtype=int, count=len(counts))
        values = (1 + np.log(np.fromiter(counts.values(), dtype=float, count=len(counts)))) * self._idf[columns]
        return Row(columns, values / np.sqrt(values @ values) if len(values) else values)


class Linear:
    """The scores of a fitted linear model, which from then on shares its weights, in single precision."""

    def __init__(self, model: "LinearSVC | LogisticRegression | SoftRegression") -> None:
        self._weights = np.ascontiguousarray(model.coef_.T, dtype=np.float32)
        self._bias = model.intercept_
        model.coef_ = self._weights.T

    def scores(self, row: Row) -> np.ndarray:
        """Return the score of each class, shape (classes,)."""
        scores: np.ndarray = row.values @ self._weights[row.columns] + self._bias
        return scores

    def probabilities(self, row: Row) -> np.ndarray:
        """Return the probability of each class by a multinomial regression, shape (classes,)."""
        probabilities: np.ndarray = softmax(self.scores(row))
        return probabilities


class Networks:
    """The mean of what fitted networks of one hidden layer say, with rectified linear units, as they vote."""

    def __init__(self, voting: VotingClassifier) -> None:
        networks = voting.estimators_
        self._hidden = np.hstack([network.coefs_[0] for network in networks]).astype(np.float32)
        self._bias = np.concatenate([network.intercepts_[0] for network in networks]).astype(np.float32)
        self._last = [(network.coefs_[1].astype(np.float32), network.intercepts_[1]) for network in networks]

    def probabilities(self, vector: np.ndarray) -> np.ndarray:
        """Return the probability of each class, shape (classes,), for a vector of shape (inputs,)."""
        hidden = np.split(np.maximum(vector @ self._hidden + self._bias, 0), len(self._last))
        said = [softmax(part @ weights + bias) for part, (weights, bias) in zip(hidden, self._last, strict=True)]
        mean: np.ndarray = np.mean(said, axis=0)
        return mean
