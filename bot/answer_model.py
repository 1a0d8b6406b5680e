"""From a message and its vector to a calibrated probability for every answer id. Plain scikit-learn, no Rasa.

One expert reads the encoder's vector (meaning): small neural networks. The other reads the words: a linear
support-vector machine on n-grams and on marks (the topics named, and how many words nobody uses on the subject). Their
product beats either. docs/decisions/0003-answer-ids-beside-intents.md has the measurements.
"""

import warnings
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import scipy.sparse
import skops.io
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion
from sklearn.svm import LinearSVC

from bot.encoder import MEANING
from bot.one_message import Linear, Networks, NGrams, Row, side_by_side
from bot.topics import TopicWords, words_of

OFF_SUBJECT = "meta/out_of_scope"
SEED = 7
NETWORKS = 3  # their average is better calibrated than one
SCALE = 8.0  # of the vectors, so that a value is about 0.4, as a network likes it
MARKS_WEIGHT = 0.3  # of the marks beside the n-grams, whose rows have length 1
KNOWN_FROM = 3  # a word in fewer examples on the subject is one that nobody uses there
NO_PROBABILITY = 1e-6
# The types of scikit-learn in a saved model that skops does not know by itself.
SAVED_TYPES = ["sklearn.utils._bunch.Bunch"]


@dataclass(frozen=True)
class Labelled:
    """Messages with what is known of them: the encoder's vectors, shape (n, 1152), and the right ids, best first."""

    texts: Sequence[str]
    vectors: np.ndarray
    right: Sequence[Sequence[str]]

    @property
    def ids(self) -> list[str]:
        """The best id of each message."""
        return [ids[0] for ids in self.right]


class Marks:
    """Says of a message which topics it names and how many of its words are unknown on the subject."""

    def __init__(self, topic_words: TopicWords, known_words: Sequence[str]) -> None:
        self.known_words = frozenset(known_words)
        self._topic_words = topic_words

    def of(self, text: str) -> str:
        """Return the marks of a text, separated by blanks."""
        words = words_of(text)
        unknown = sum(word not in self.known_words for word in words)
        topics = self._topic_words.find(text).topics or ("none",)
        return " ".join((*topics, f"unknown{min(unknown, 4)}", f"share{5 * unknown // max(1, len(words))}"))


@dataclass
class WordFeatures:
    """N-grams and marks of texts, as one sparse matrix."""

    ngrams: FeatureUnion
    counts: CountVectorizer
    marks: Marks

    def learn(self, texts: Sequence[str]) -> scipy.sparse.csr_matrix:
        """Learn the n-grams and marks that there are; return what `of` then would."""
        return _rows(self.ngrams.fit_transform(texts), self.counts.fit_transform(self._marked(texts)))

    def of(self, texts: Sequence[str]) -> scipy.sparse.csr_matrix:
        """Return the features, one row a text."""
        return _rows(self.ngrams.transform(texts), self.counts.transform(self._marked(texts)))

    def _marked(self, texts: Sequence[str]) -> list[str]:
        return [self.marks.of(text) for text in texts]


@dataclass
class AnswerModel:
    """Two fitted experts, one on meaning and one on words, and the weights that join and calibrate them."""

    features: WordFeatures
    meaning: VotingClassifier
    words: LinearSVC
    weights: np.ndarray

    def probabilities(self, texts: Sequence[str], vectors: np.ndarray) -> np.ndarray:
        """Return the probability of each id, shape (len(texts), len(self.ids)); each row adds up to 1.

        `vectors` are the encoder's, shape (len(texts), 1152).
        """
        scores = self._scores_of_one(texts[0], vectors[0]) if len(texts) == 1 else self.scores(texts, vectors)
        return np.exp(joined(scores, self.weights))

    def scores(self, texts: Sequence[str], vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return each expert's scores, shape (len(texts), len(self.ids)); the greater, the likelier."""
        by_kind = self.meaning.predict_proba(SCALE * vectors[:, : self.width])
        return np.log(by_kind @ self._kinds + NO_PROBABILITY), self.words.decision_function(self.features.of(texts))

    def _scores_of_one(self, text: str, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        networks, ngrams, words = self._for_one
        marks = self.features.counts.vocabulary_
        found = {marks[mark] for mark in self.features.marks.of(text).split() if mark in marks}
        marked = Row(np.array(sorted(found), dtype=int), np.full(len(found), MARKS_WEIGHT))
        row = side_by_side([ngrams.of(text), marked.moved(ngrams.width)])
        by_kind = networks.probabilities(SCALE * vector[: self.width])
        return np.log(by_kind @ self._kinds + NO_PROBABILITY)[None, :], words.scores(row)[None, :]

    @cached_property
    def _for_one(self) -> tuple[Networks, NGrams, Linear]:
        return Networks(self.meaning), NGrams(self.features.ngrams), Linear(self.words)

    @cached_property
    def _kinds(self) -> np.ndarray:
        """Return which kinds belong to each id, shape (kinds, ids); where there are none, each id is one."""
        return np.array([[id_of(kind) == id for id in self.ids] for kind in self.meaning.classes_], dtype=np.float32)

    @cached_property
    def width(self) -> int:
        """How many numbers of a vector are read, from the first on."""
        return int(self.meaning.estimators_[0].n_features_in_)

    @cached_property
    def ids(self) -> list[str]:
        """The answer ids, in the order of the columns."""
        return [str(id) for id in self.words.classes_]

    def save(self, path: Path) -> None:
        """Write the model to one file, without the topic words, which have their own."""
        parts = {"meaning": self.meaning, "words": self.words, "weights": self.weights}
        ngrams = [as_arrays(vectorizer) for _, vectorizer in self.features.ngrams.transformer_list]
        known = as_array(sorted(self.features.marks.known_words))
        skops.io.dump({**parts, "ngrams": ngrams, "counts": self.features.counts, "known": known}, path)

    @classmethod
    def load(cls, path: Path, topic_words: TopicWords) -> "AnswerModel":
        """Read a model that `save` wrote; refuses a file that holds types of anything but scikit-learn."""
        parts = skops.io.load(path, trusted=SAVED_TYPES)
        features = _unfitted_features(Marks(topic_words, as_terms(parts.pop("known"))))
        fill(features.ngrams, parts.pop("ngrams"))
        features.counts = parts.pop("counts")
        return cls(features, **parts)


def as_arrays(vectorizer: TfidfVectorizer) -> dict[str, np.ndarray]:
    """Return what a vectorizer has learnt, for a file: skops would write and check each term by itself."""
    terms = sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.__getitem__)
    return {"terms": as_array(terms), "idf": vectorizer.idf_}


def fill(ngrams: FeatureUnion, learnt: Sequence[dict[str, np.ndarray]]) -> None:
    """Have the vectorizers of a union know what those had learnt of which `as_arrays` was written."""
    for (_, vectorizer), each in zip(ngrams.transformer_list, learnt, strict=True):
        vectorizer.vocabulary_ = {term: column for column, term in enumerate(as_terms(each["terms"]))}
        vectorizer.idf_ = each["idf"]


def as_array(terms: Sequence[str]) -> np.ndarray:
    """Return terms as one array of bytes; none of them has a line break."""
    return np.frombuffer("\n".join(terms).encode(), dtype=np.uint8)


def as_terms(array: np.ndarray) -> list[str]:
    """Return the terms of which `as_array` was made."""
    return array.tobytes().decode().split("\n")


def fit(
    examples: Labelled,
    held_out: Labelled,
    topic_words: TopicWords,
    width: int = MEANING,
    kinds: Sequence[str] | None = None,
) -> AnswerModel:
    """Return a model fitted on the examples and calibrated on messages that were held out of the fitting.

    It reads so many numbers of each vector, from the first on: without more, the meaning. With `kinds`, those of the
    examples ("urgent RF-01": the id and more), the networks learn to tell these apart.

    Raises ValueError where a held-out message has an id that no example has.
    """
    with ThreadPoolExecutor(1) as beside:  # neither expert needs the other, and each takes one processor
        meaning = beside.submit(_fitted_networks, examples.vectors[:, :width], kinds or examples.ids)
        features = _unfitted_features(Marks(topic_words, words_on_subject(examples)))
        words = LinearSVC(random_state=SEED).fit(features.learn(examples.texts), examples.ids)
    words.coef_ = words.coef_.astype(np.float32)  # half the file, and the same to six digits
    model = AnswerModel(features, meaning.result(), words, np.ones(2))
    scores = model.scores(held_out.texts, held_out.vectors)
    model.weights = best_weights(scores, right_columns(held_out, model.ids))
    return model


def id_of(kind: str) -> str:
    """Return the id that a kind is one of."""
    return kind.partition(" ")[0]


def words_on_subject(examples: Labelled) -> list[str]:
    """Return the words that at least three examples on the subject use, in alphabetical order."""
    pairs = zip(examples.texts, examples.ids, strict=True)
    counts = Counter(word for text, id in pairs if id != OFF_SUBJECT for word in set(words_of(text)))
    return sorted(word for word, count in counts.items() if count >= KNOWN_FROM)


def right_columns(messages: Labelled, ids: Sequence[str]) -> np.ndarray:
    """Return which ids are right for each message: bool, shape (messages, ids). Raises ValueError for an unknown id."""
    if unknown := {id for right in messages.right for id in right} - set(ids):
        raise ValueError(
            f"data/nlu: held out or asked after an answer, but in no example: {', '.join(sorted(unknown))}"
        )
    return np.array([[id in right for id in ids] for right in messages.right])


def best_weights(scores: Sequence[np.ndarray], right: np.ndarray, arguable: float = NO_PROBABILITY) -> np.ndarray:
    """Return the weight of each expert that makes their joined probabilities best calibrated, shape (experts,).

    Each of `scores` has shape (messages, ids), `right` too and says which ids are right. With one expert this is
    temperature scaling (Guo et al., ICML 2017); with more, a product of experts with a temperature each. `arguable` is
    the share of messages of which others would say that another answer is right: they pull the weights less.
    """

    def loss(log_weights: np.ndarray) -> float:
        probabilities = np.exp(joined(scores, np.exp(log_weights)))
        return -float(np.log((probabilities * right).sum(axis=1) + arguable).mean())

    return np.exp(minimize(loss, np.zeros(len(scores)), method="Nelder-Mead").x)


def joined(scores: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """Return the log-probabilities that the experts' scores give together."""
    together = sum(weight * score for weight, score in zip(weights, scores, strict=True))
    return log_softmax(np.asarray(together, dtype=float), axis=1)


def _unfitted_features(marks: Marks) -> WordFeatures:
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=2, sublinear_tf=True)
    ngrams = FeatureUnion([("words", words), ("characters", characters)])
    return WordFeatures(ngrams, CountVectorizer(token_pattern=r"\S+", binary=True), marks)  # noqa: S106 (a pattern)


def _rows(ngrams: scipy.sparse.csr_matrix, marks: scipy.sparse.csr_matrix) -> scipy.sparse.csr_matrix:
    return scipy.sparse.hstack([ngrams, MARKS_WEIGHT * marks]).tocsr()


def _fitted_networks(vectors: np.ndarray, ids: Sequence[str]) -> VotingClassifier:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # more rounds were no better for what is held out
        fitted = _unfitted_networks().fit(SCALE * vectors, ids)
    for network in fitted.estimators_:
        del network._optimizer  # of use for more fitting alone, and twice as large as what was learnt
    return fitted


def _unfitted_networks() -> VotingClassifier:
    settings = {"alpha": 3e-2, "batch_size": 256, "learning_rate_init": 4e-3, "max_iter": 12}
    networks = [MLPClassifier((256,), random_state=SEED + number, **settings) for number in range(NETWORKS)]
    return VotingClassifier([(f"network{number}", each) for number, each in enumerate(networks)], voting="soft")
