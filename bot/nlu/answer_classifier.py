"""The classifier of full answer ids: from a message to a calibrated probability for every id.

It learns from `intent: causes` with `metadata: {topic: pcos}` and predicts `causes/pcos`. One linear expert reads the
encoder's vector (meaning), another word and character n-grams (rare and misspelt names); their product beats either.
`AnswerModel` is plain scikit-learn; `AnswerClassifier` is the Rasa component around it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import skops.io
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import INTENT, METADATA, METADATA_INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import FeatureUnion
from sklearn.svm import LinearSVC

from bot.nlu.encoder import DIMENSION, PART_VECTORS

# In the parse data: the ranking [{"id": …, "confidence": …}, …], best first; and where a message asks several things,
# the same for each part, as [{"text": …, "answer_ranking": …, "intent_ranking": …}, …].
RANKING = "answer_ranking"
PARTS = "parts"
FACETS = "intent_ranking"
MODEL_FILE = "answers.skops"
SEED = 7


@dataclass
class AnswerModel:
    """Two fitted experts, one on meaning and one on words, and the weights that join and calibrate them."""

    vectorizer: FeatureUnion
    meaning: LogisticRegression
    words: LinearSVC
    weights: np.ndarray

    def probabilities(self, texts: Sequence[str], vectors: np.ndarray) -> np.ndarray:
        """Return the probability of each id, shape (len(texts), len(self.ids)); each row adds up to 1.

        `vectors` are the encoder's, shape (len(texts), 384).
        """
        scores = (
            self.meaning.decision_function(vectors),
            self.words.decision_function(self.vectorizer.transform(texts)),
        )
        return np.exp(joined(scores, self.weights))

    @property
    def ids(self) -> list[str]:
        """The answer ids, in the order of the columns."""
        return [str(id) for id in self.meaning.classes_]

    def save(self, path: Path) -> None:
        """Write the model to one file."""
        skops.io.dump(vars(self), path)

    @classmethod
    def load(cls, path: Path) -> "AnswerModel":
        """Read a model that `save` wrote; refuses a file that holds types scikit-learn does not know."""
        return cls(**skops.io.load(path, trusted=[]))


def fit(
    texts: Sequence[str],
    vectors: np.ndarray,
    ids: Sequence[str],
    *,
    meaning_C: float,
    words_C: float,
    folds: int,
) -> AnswerModel:
    """Return a model fitted on examples and their ids; `meaning_C` and `words_C` are the experts' regularisation.

    The weights are found on scores for examples left out of the fitting, so that the probabilities are right for
    messages the model has not seen. Raises ValueError where an id has fewer examples than there are folds.
    """
    vectorizer = FeatureUnion(
        [
            ("words", TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)),
            ("characters", TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=2, sublinear_tf=True)),
        ]
    )
    ngrams = vectorizer.fit_transform(texts)
    meaning = LogisticRegression(C=meaning_C, max_iter=500)
    words = LinearSVC(C=words_C, random_state=SEED)
    splits = StratifiedKFold(folds, shuffle=True, random_state=SEED)
    scores = tuple(
        cross_val_predict(expert, features, ids, cv=splits, method="decision_function")
        for expert, features in ((meaning, vectors), (words, ngrams))
    )
    meaning.fit(vectors, ids)
    words.fit(ngrams, ids)
    return AnswerModel(vectorizer, meaning, words, best_weights(scores, np.searchsorted(meaning.classes_, ids)))


def best_weights(scores: Sequence[np.ndarray], columns: np.ndarray) -> np.ndarray:
    """Return the weight of each expert that makes their joined probabilities best calibrated, shape (experts,).

    Each of `scores` has shape (examples, ids), `columns` the right column of each example. With one expert this is
    temperature scaling (Guo et al., ICML 2017); with more, a product of experts with a temperature each.
    """
    rows = np.arange(len(columns))

    def loss(log_weights: np.ndarray) -> float:
        return float(-joined(scores, np.exp(log_weights))[rows, columns].mean())

    return np.exp(minimize(loss, np.zeros(len(scores)), method="Nelder-Mead").x)


def joined(scores: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """Return the log-probabilities that the experts' scores give together."""
    return log_softmax(sum(weight * score for weight, score in zip(weights, scores, strict=True)), axis=1)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class AnswerClassifier(IntentClassifier, GraphComponent):
    """Puts the ranking of answer ids and, summed by facet, the intent into each message."""

    @classmethod
    def required_components(cls) -> list[type]:
        from bot.nlu.encoder import MiniLMFeaturizer

        return [MiniLMFeaturizer]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        # Regularisation: the result is flat around these values (docs/decisions/0003-answer-ids-beside-intents.md).
        return {"meaning_C": 10.0, "words_C": 1.0, "folds": 3, "ranking_length": 10}

    def __init__(
        self,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        model: AnswerModel | None = None,
    ) -> None:
        self._config = {**self.get_default_config(), **config}
        self._model_storage = model_storage
        self._resource = resource
        self._model = model

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "AnswerClassifier":
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> "AnswerClassifier":
        with model_storage.read_from(resource) as folder:
            return cls(config, model_storage, resource, AnswerModel.load(folder / MODEL_FILE))

    def train(self, training_data: TrainingData) -> Resource:
        """Fit the model on every example that names a topic, and store it."""
        examples = [message for message in training_data.intent_examples if message.get(TEXT)]
        self._model = fit(
            [message.get(TEXT) for message in examples],
            np.vstack([vector_of(message) for message in examples]),
            [id_of(message) for message in examples],
            meaning_C=self._config["meaning_C"],
            words_C=self._config["words_C"],
            folds=self._config["folds"],
        )
        with self._model_storage.write_to(self._resource) as folder:
            self._model.save(folder / MODEL_FILE)
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        """Add the ranking, the intent and the parts to each message with text."""
        for message in messages:
            if text := message.get(TEXT):
                ranked = self._rank(text, vector_of(message))
                message.set(RANKING, ranked[RANKING], add_to_output=True)
                message.set(INTENT, ranked[FACETS][0], add_to_output=True)
                message.set(FACETS, ranked[FACETS], add_to_output=True)
                vectors = message.get(PART_VECTORS) or {}
                message.set(PARTS, [self._rank(part, vector) for part, vector in vectors.items()], add_to_output=True)
        return messages

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        return training_data  # nothing after this component learns from its output

    def _rank(self, text: str, vector: np.ndarray) -> dict[str, Any]:
        assert self._model is not None, "train the model first"
        row = self._model.probabilities([text], vector)[0].tolist()
        probabilities = dict(zip(self._model.ids, row, strict=True))
        best = sorted(probabilities.items(), key=lambda item: -item[1])[: self._config["ranking_length"]]
        ranking = [{"id": id, "confidence": value} for id, value in best]
        return {TEXT: text, RANKING: ranking, FACETS: facet_ranking(probabilities)}


def facet_ranking(probabilities: dict[str, float]) -> list[dict[str, Any]]:
    """Return the facets as a Rasa intent ranking, each with the summed probability of its ids, best first."""
    facets: dict[str, float] = {}
    for id, probability in probabilities.items():
        facet = id.partition("/")[0]
        facets[facet] = facets.get(facet, 0.0) + probability
    return [{"name": name, "confidence": value} for name, value in sorted(facets.items(), key=lambda item: -item[1])]


def id_of(message: Message) -> str:
    """Return the answer id that a training example carries. Raises ValueError where it names no topic."""
    topic = message.get(METADATA, {}).get(METADATA_INTENT, {}).get("topic")
    if not topic:
        raise ValueError(
            f"data/nlu: {message.get(INTENT)}: {message.get(TEXT)!r} has no topic; add 'metadata: {{topic: …}}'"
        )
    return f"{message.get(INTENT)}/{topic}"


def vector_of(message: Message) -> np.ndarray:
    """Return the encoder's vector of a message, shape (1, 384); zeros where it has none."""
    _, sentence = message.get_dense_features(TEXT)
    return sentence.features if sentence else np.zeros((1, DIMENSION), dtype=np.float32)
