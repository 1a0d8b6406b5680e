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
import scipy.sparse
import skops.io
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion

from bot.answer_model import OFF_SUBJECT, SAVED_TYPES, as_arrays, fill
from bot.links import ALONE, FIXED, LINKS, OTHER_TOPIC, OVERVIEW, TOPIC_FACETS, WITHIN_FACETS, Last, Nearest, topic_of
from bot.one_message import Linear, NGrams, dense, side_by_side
from bot.topics import TopicWords, words_of

ROUNDS, STEPS = 8, 20  # steps of fitting in each round: enough, since the next round goes on from them
UNLIKELY = 1e-4  # the likelihood of an answer that a link does not lead to: labels can be wrong
SHARE_FROM = 0.02  # a link with a smaller share in an example is left out of the next round
LENGTHS = (1, 2, 3, 5, 8, 12)  # words
FACETS = ("basics", "causes", "warning_signs", "tests", "treatments", "prevention", "support", "clinic")
VECTOR_WEIGHT, MARKS_WEIGHT, BY_ITSELF_WEIGHT = 2.0, 0.5, 0.5  # beside the n-grams, whose rows have length 1
NEGLIGIBLE = 0.01  # probabilities below this are alike


@dataclass(frozen=True)
class FollowUps:
    """Messages with the answers before them: vectors of shape (n, 384) and probabilities by themselves (n, ids)."""

    texts: Sequence[str]
    vectors: np.ndarray
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
    links: LogisticRegression
    ids: list[str]

    def probabilities(self, messages: FollowUps, topic_words: TopicWords) -> np.ndarray:
        """Return the probability of each link for each message, shape (n, links)."""
        if len(messages.texts) > 1:
            return self._of(features(self.ngrams, messages, topic_words, self.ids))
        ngrams, links, groups, places = self._for_one
        blocks = np.concatenate([block[0] for block in _blocks(messages, topic_words, groups)])
        row = side_by_side([ngrams.of(messages.texts[0]), dense(blocks).moved(ngrams.width)])
        probabilities = np.zeros((1, len(LINKS)))
        probabilities[0, places] = links.probabilities(row)
        return probabilities

    @cached_property
    def _for_one(self) -> tuple[NGrams, Linear, np.ndarray, list[int]]:
        return NGrams(self.ngrams), Linear(self.links), _groups(self.ids), self._places()

    def _places(self) -> list[int]:
        return [LINKS.index(str(link)) for link in self.links.classes_]

    def _of(self, rows: scipy.sparse.csr_matrix) -> np.ndarray:
        probabilities = np.zeros((rows.shape[0], len(LINKS)))
        probabilities[:, self._places()] = self.links.predict_proba(rows)
        return probabilities

    def save(self, path: Path) -> None:
        """Write the model to one file."""
        ngrams = [as_arrays(vectorizer) for _, vectorizer in self.ngrams.transformer_list]
        skops.io.dump({"ngrams": ngrams, "links": self.links, "ids": self.ids}, path)

    @classmethod
    def load(cls, path: Path) -> "FollowUpModel":
        """Read a model that `save` wrote; refuses a file that holds types of anything but scikit-learn."""
        parts = skops.io.load(path, trusted=SAVED_TYPES)
        ngrams = _unfitted_ngrams()
        fill(ngrams, parts.pop("ngrams"))
        return cls(ngrams, **parts)

    @classmethod
    def fit(cls, messages: FollowUps, right: np.ndarray, asked: Asked, topic_words: TopicWords) -> "FollowUpModel":
        """Return a model fitted on messages and which ids are right for them, bool of shape (n, ids)."""
        triples = zip(messages.texts, messages.alone, messages.lasts, strict=True)
        led_to = np.stack([asked.by_link(*triple) for triple in triples])
        likelihood = np.einsum("nli,ni->nl", led_to, right) + UNLIKELY
        model = cls(
            _unfitted_ngrams().fit(messages.texts),
            LogisticRegression(C=3, max_iter=STEPS, warm_start=True),
            list(asked.ids),
        )
        rows = features(model.ngrams, messages, topic_words, model.ids)
        links = np.tile(_first_guess(), (len(messages.texts), 1))
        for _ in range(ROUNDS):
            share = links * likelihood
            share /= share.sum(axis=1, keepdims=True)
            chosen = share > SHARE_FROM
            chosen[share.argmax(axis=0), np.arange(len(LINKS))] = True  # every link stays known from round to round
            message, link = np.nonzero(chosen)
            model.links.fit(rows[message], np.array(LINKS)[link], sample_weight=share[message, link])
            links = model._of(rows)
        return model


def features(
    ngrams: FeatureUnion, messages: FollowUps, topic_words: TopicWords, ids: Sequence[str]
) -> scipy.sparse.csr_matrix:
    """Return what the links are told by: n-grams, meaning, what it asks by itself, topics, length, last facet."""
    return scipy.sparse.hstack(
        [ngrams.transform(messages.texts), *_blocks(messages, topic_words, _groups(ids))]
    ).tocsr()


def _blocks(messages: FollowUps, topic_words: TopicWords, groups: np.ndarray) -> list[np.ndarray]:
    """Return what stands beside the n-grams, each of shape (n, columns)."""
    pairs = zip(messages.texts, messages.lasts, strict=True)
    marks = np.array([list(_marks(text, last, topic_words)) for text, last in pairs], dtype=float)
    by_itself = np.log(messages.alone @ groups + NEGLIGIBLE)
    return [VECTOR_WEIGHT * messages.vectors, MARKS_WEIGHT * marks, BY_ITSELF_WEIGHT * by_itself]


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
