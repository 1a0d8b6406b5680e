"""The classifier of full answer ids: from a message to a calibrated probability for every id.

It learns from `intent: causes` with `metadata: {topic: pcos}` and predicts `causes/pcos`, on the encoder's vector
joined with word and character n-grams: each catches what the other misses (meaning; rare and misspelt names).
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
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_matrix, hstack
from scipy.special import log_softmax, softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import FeatureUnion

from bot.nlu.encoder import DIMENSION

RANKING = "answer_ranking"  # in the parse data: [{"id": …, "confidence": …}, …], best first
MODEL_FILE = "answers.skops"
SEED = 7


@dataclass
class AnswerModel:
    """A fitted model: vectoriser of n-grams, linear classifier, and the factor that calibrates its scores."""

    vectorizer: FeatureUnion
    classifier: LogisticRegression
    sharpness: float
    encoder_weight: float

    def probabilities(self, texts: Sequence[str], vectors: np.ndarray) -> np.ndarray:
        """Return the probability of each id, shape (len(texts), len(self.ids)); each row adds up to 1."""
        features = join(self.vectorizer.transform(texts), vectors, self.encoder_weight)
        return softmax(self.sharpness * self.classifier.decision_function(features), axis=1)

    @property
    def ids(self) -> list[str]:
        """The answer ids, in the order of the columns."""
        return [str(id) for id in self.classifier.classes_]

    def save(self, path: Path) -> None:
        """Write the model to one file."""
        skops.io.dump(vars(self), path)

    @classmethod
    def load(cls, path: Path) -> "AnswerModel":
        """Read a model that `save` wrote; refuses a file that holds types scikit-learn does not know."""
        return cls(**skops.io.load(path, trusted=[]))


def fit(
    texts: Sequence[str], vectors: np.ndarray, ids: Sequence[str], *, C: float, encoder_weight: float, folds: int
) -> AnswerModel:
    """Return a model fitted on examples and their ids.

    The sharpness is found on predictions for examples left out of the fitting, so that it measures messages the model
    has not seen. Raises ValueError where an id has fewer examples than there are folds.
    """
    vectorizer = FeatureUnion(
        [
            ("words", TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)),
            ("characters", TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=2, sublinear_tf=True)),
        ]
    )
    features = join(vectorizer.fit_transform(texts), vectors, encoder_weight)
    classifier = LogisticRegression(C=C, solver="liblinear", random_state=SEED)
    splits = StratifiedKFold(folds, shuffle=True, random_state=SEED)
    scores = cross_val_predict(classifier, features, ids, cv=splits, method="decision_function")
    classifier.fit(features, ids)
    columns = np.searchsorted(classifier.classes_, ids)
    return AnswerModel(vectorizer, classifier, best_sharpness(scores, columns), encoder_weight)


def best_sharpness(scores: np.ndarray, columns: np.ndarray) -> float:
    """Return the factor by which to multiply scores so that their softmax is best calibrated (temperature scaling).

    `scores` has shape (examples, ids), `columns` the right column of each example. Guo et al., ICML 2017.
    """
    rows = np.arange(len(scores))

    def loss(log_factor: float) -> float:
        return float(-log_softmax(np.exp(log_factor) * scores, axis=1)[rows, columns].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-3.0, 4.0), method="bounded").x))


def join(ngrams: csr_matrix, vectors: np.ndarray, encoder_weight: float) -> csr_matrix:
    """Return n-grams and encoder vectors side by side, the vectors weighted."""
    return hstack([ngrams, csr_matrix(vectors * encoder_weight)]).tocsr()


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class AnswerClassifier(IntentClassifier, GraphComponent):
    """Puts the ranking of answer ids and, summed by facet, the intent into each message."""

    @classmethod
    def required_components(cls) -> list[type]:
        from bot.nlu.encoder import MiniLMFeaturizer

        return [MiniLMFeaturizer]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        # Found by cross-validation over the training examples; the result is flat around these values.
        return {"C": 10.0, "encoder_weight": 2.5, "folds": 5, "ranking_length": 10}

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
            C=self._config["C"],
            encoder_weight=self._config["encoder_weight"],
            folds=self._config["folds"],
        )
        with self._model_storage.write_to(self._resource) as folder:
            self._model.save(folder / MODEL_FILE)
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        """Add the ranking and the intent to each message with text."""
        assert self._model is not None, "train the model first"
        for message in messages:
            if message.get(TEXT):
                row = self._model.probabilities([message.get(TEXT)], vector_of(message))[0]
                self._add(message, dict(zip(self._model.ids, row.tolist(), strict=True)))
        return messages

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        return training_data  # nothing after this component learns from its output

    def _add(self, message: Message, probabilities: dict[str, float]) -> None:
        ranking = sorted(probabilities.items(), key=lambda item: -item[1])[: self._config["ranking_length"]]
        message.set(RANKING, [{"id": id, "confidence": value} for id, value in ranking], add_to_output=True)
        facets = facet_ranking(probabilities)
        message.set(INTENT, facets[0], add_to_output=True)
        message.set("intent_ranking", facets, add_to_output=True)


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
