"""How probably a message leans on the answer before it, by each link of bot/links.py, and what it asks with that.

Nobody labels links: an example says only which answer was given, what was asked then, and what serves. The model finds
the links that explain this best, by expectation-maximisation: a logistic regression says how probable each link is for
a message, and each link says which answers it leads to. Plain scikit-learn, no Rasa.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import skops.io
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion

from bot.answer_model import OFF_SUBJECT, SAVED_TYPES, as_arrays, fill
from bot.encoder import meaning
from bot.links import ALONE, FIXED, LINKS, OTHER_TOPIC, OVERVIEW, TOPIC_FACETS, WITHIN_FACETS, Last, Nearest, topic_of
from bot.nlu.soft_regression import SoftRegression, Table
from bot.one_message import Linear, NGrams, dense, side_by_side
from bot.topics import TopicWords, words_of

ROUNDS, STEPS = 8, 20  # steps of fitting in each round: enough, since the next round goes on from them
UNLIKELY = 1e-4  # the likelihood of an answer that a link does not lead to: labels can be wrong
LENGTHS = (1, 2, 3, 5, 8, 12)  # words
FACETS = ("basics", "causes", "warning_signs", "tests", "treatments", "prevention", "support", "clinic")
# Of each block beside the n-grams, whose rows have length 1.
VECTOR_WEIGHT, PAIR_WEIGHT, MARKS_WEIGHT, BY_ITSELF_WEIGHT = 2.0, 1.0, 0.5, 0.5
NEGLIGIBLE = 0.01  # probabilities below this are alike


@dataclass(frozen=True)
class FollowUps:
    """Messages with the answers before them: their vectors without and with those (bot/links.py: with_last), of shape
    (n, 1152), and probabilities by themselves (n, ids)."""

    texts: Sequence[str]
    vectors: np.ndarray
    pairs: np.ndarray
    alone: np.ndarray
    lasts: Sequence[Last]


class Asked:
    """What each link leads to, for messages with the answers before them."""

    def __init__(self, ids: Sequence[str], nearest: Nearest, topic_words: TopicWords) -> None:
        self.ids = ids
        self._nearest = nearest
        self._topic_words = topic_words
        self._within = {facet: np.array([id.startswith(f"{facet}/") for id in ids]) for facet in WITHIN_FACETS}
        self._moved = {facet: np.array([self._column(facet, id) for id in ids]) for facet in TOPIC_FACETS}

    def by_link(self, text: str, alone: np.ndarray, last: Last) -> np.ndarray:
        """Return the probability of each id under each link, shape (links, ids); each row adds up to 1.

        `alone` are the probabilities of the message by itself, shape (ids,).
        """
        topics = self._topic_words.find(text).topics
        return np.vstack([self._row(link, alone, last, topics) for link in LINKS])

    def _column(self, facet: str, id: str) -> int:
        """Return the column of the answer on the topic of `id` in a facet, that of `id` itself where there is none."""
        target = self._nearest.find(facet, topic_of(id))
        return self.ids.index(target.id if target else id)

    def _row(self, link: str, alone: np.ndarray, last: Last, topics: Sequence[str]) -> np.ndarray:
        if link in WITHIN_FACETS:
            within = alone * self._within[link]
            return within / within.sum() if within.sum() else alone
        if link == OTHER_TOPIC and len(topics) != 1 and last.facet in TOPIC_FACETS:
            return np.bincount(self._moved[last.facet], weights=alone, minlength=len(alone))
        target = self._nearest.target(link, last, topics)
        return np.array([id == target.id for id in self.ids], dtype=float) if target else alone


@dataclass
class FollowUpModel:
    """The fitted probabilities of the links."""

    ngrams: FeatureUnion
    links: SoftRegression
    ids: list[str]

    def probabilities(self, message: FollowUps, topic_words: TopicWords) -> np.ndarray:
        """Return the probability of each link for one message, shape (links,)."""
        ngrams, links, groups = self._for_one
        blocks = dense(_blocks(message, topic_words, groups)[0])
        return links.probabilities(side_by_side([ngrams.of(message.texts[0]), blocks.moved(ngrams.width)]))

    @cached_property
    def _for_one(self) -> tuple[NGrams, Linear, np.ndarray]:
        return NGrams(self.ngrams), Linear(self.links), _groups(self.ids)

    def save(self, path: Path) -> None:
        """Write the model to one file."""
        ngrams = [as_arrays(vectorizer) for _, vectorizer in self.ngrams.transformer_list]
        parts = {"ngrams": ngrams, "weights": self.links.coef_, "bias": self.links.intercept_, "ids": self.ids}
        skops.io.dump(parts, path)

    @classmethod
    def load(cls, path: Path) -> "FollowUpModel":
        """Read a model that `save` wrote; refuses a file that holds types of anything but scikit-learn."""
        parts = skops.io.load(path, trusted=SAVED_TYPES)
        ngrams = _unfitted_ngrams()
        fill(ngrams, parts["ngrams"])
        return cls(ngrams, SoftRegression(parts["weights"], parts["bias"]), parts["ids"])

    @classmethod
    def fit(cls, messages: FollowUps, right: np.ndarray, asked: Asked, topic_words: TopicWords) -> "FollowUpModel":
        """Return a model fitted on messages and which ids are right for them, bool of shape (n, ids)."""
        triples = zip(messages.texts, messages.alone, messages.lasts, strict=True)
        led_to = np.stack([asked.by_link(*triple) for triple in triples])
        likelihood = np.einsum("nli,ni->nl", led_to, right) + UNLIKELY
        ngrams = _unfitted_ngrams()
        table = Table.of(ngrams.fit_transform(messages.texts), _blocks(messages, topic_words, _groups(asked.ids)))
        links = SoftRegression.unfitted(table.width, len(LINKS))
        guess = np.tile(_first_guess(), (len(messages.texts), 1))
        for _ in range(ROUNDS):
            shares = guess * likelihood
            links.fit(table, shares / shares.sum(axis=1, keepdims=True), STEPS)
            guess = np.exp(links.log_probabilities(table))
        return cls(ngrams, links, list(asked.ids))


def _blocks(messages: FollowUps, topic_words: TopicWords, groups: np.ndarray) -> np.ndarray:
    """Return what stands beside the n-grams, shape (n, columns): meaning, topics, length, last facet, what it asks by
    itself."""
    pairs = zip(messages.texts, messages.lasts, strict=True)
    marks = np.array([list(_marks(text, last, topic_words)) for text, last in pairs], dtype=float)
    by_itself = np.log(messages.alone @ groups + NEGLIGIBLE)
    meanings = (VECTOR_WEIGHT * meaning(messages.vectors), PAIR_WEIGHT * meaning(messages.pairs))
    return np.hstack([*meanings, MARKS_WEIGHT * marks, BY_ITSELF_WEIGHT * by_itself])


def _groups(ids: Sequence[str]) -> np.ndarray:
    """Return which ids belong to each group, shape (ids, groups): the facets, some answers, and the overviews."""
    groups = [[id.startswith(prefix) for id in ids] for prefix in (*FACETS, "meta/", "safety/", OFF_SUBJECT, *FIXED)]
    return np.array([*groups, [id.endswith(f"/{OVERVIEW}") for id in ids]], dtype=float).T


def _marks(text: str, last: Last, topic_words: TopicWords) -> Iterable[bool]:
    topics, length = topic_words.find(text).topics, len(words_of(text))
    yield from (len(topics) == 0, len(topics) == 1, len(topics) > 1, topics == (last.topic,))
    yield from (length <= most for most in LENGTHS)
    yield from (last.facet == facet for facet in FACETS)
    yield last.topic == OVERVIEW


def _first_guess() -> np.ndarray:
    return np.array([0.35 if link == ALONE else 0.65 / (len(LINKS) - 1) for link in LINKS])


def _unfitted_ngrams() -> FeatureUnion:
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, min_df=3)
    return FeatureUnion([("words", words), ("characters", characters)])
