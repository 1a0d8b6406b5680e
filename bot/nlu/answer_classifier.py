"""The classifier of full answer ids, as a component of Rasa's pipeline; what it has learnt is in models.py.

It learns from `intent: causes` with `metadata: {topic: pcos}` and predicts `causes/pcos`. Examples with `use:
calibration` are held out of the fitting, to find out how sure the model may be; their `also` names other right answers.
Examples with `after: tests/imaging` were asked right after that answer, and teach how people go on from one; `about`
names the topic asked about where it is not that of the id. `kind` is that of a request for advice.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.followups import ADVICE_KIND
from bot.links import Last, last_of
from bot.nlu.featurizer import PART_VECTORS, MiniLMFeaturizer
from bot.nlu.models import Models, vector_of
from bot.nlu.parts import in_words

# In the parse data: the ranking [{"id": …, "confidence": …}, …], best first; in a conversation the same as a follow-up
# to the last answer, each with the link by which it is most probably one; and where a message asks several things, the
# ranking of each part, as [{"text": …, "answer_ranking": …, "intent_ranking": …}, …].
RANKING = "answer_ranking"
IN_CONTEXT = "context_ranking"
PARTS = "parts"
FACETS = "intent_ranking"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class AnswerClassifier(IntentClassifier, GraphComponent):
    """Puts the ranking of answer ids and, summed by facet, the intent into each message."""

    @classmethod
    def required_components(cls) -> list[type]:

        return [MiniLMFeaturizer]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {"ranking_length": 10}

    def __init__(
        self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource, models: Models | None = None
    ) -> None:
        self._config = {**self.get_default_config(), **config}
        self._model_storage = model_storage
        self._resource = resource
        self._models = models

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
            return cls(config, model_storage, resource, Models.load(folder))

    def train(self, training_data: TrainingData) -> Resource:
        """Fit the models on the examples and store them. Raises ValueError where an example names no topic."""
        self._models = Models.fit([message for message in training_data.intent_examples if message.get(TEXT)])
        with self._model_storage.write_to(self._resource) as folder:
            self._models.save(folder)
        return self._resource

    def process(self, messages: list[Message], tracker: DialogueStateTracker) -> list[Message]:
        """Add the rankings, the intent and the parts to each message with text. Rasa may give no tracker: None."""
        last = last_of(tracker.current_slot_values()) if tracker else None
        for message in messages:
            if message.get(TEXT):
                self._rank(message, last)
        return messages

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        return training_data  # nothing after this component learns from its output

    @property
    def _fitted(self) -> Models:
        assert self._models is not None, "train the model first"
        return self._models

    def _rank(self, message: Message, last: Last | None) -> None:
        models, text, vector = self._fitted, in_words(message.get(TEXT)), vector_of(message)
        alone = models.alone(text, vector)
        facets = facet_ranking(models.ids, alone)
        parts = (message.get(PART_VECTORS) or {}).items()
        message.set(RANKING, self._best(alone), add_to_output=True)
        message.set(INTENT, facets[0], add_to_output=True)
        message.set(ADVICE_KIND, models.kind(vector), add_to_output=True)
        message.set(FACETS, facets, add_to_output=True)
        message.set(PARTS, [self._part(text, vector) for text, vector in parts], add_to_output=True)
        if last:
            in_context, links = models.in_context(text, vector, alone, last)
            message.set(IN_CONTEXT, self._best(in_context, links), add_to_output=True)

    def _part(self, text: str, vector: np.ndarray) -> dict[str, Any]:
        alone = self._fitted.alone(text, vector)
        return {TEXT: text, RANKING: self._best(alone)}

    def _best(self, probabilities: np.ndarray, links: Sequence[str] | None = None) -> list[dict[str, Any]]:
        best = np.argsort(-probabilities)[: self._config["ranking_length"]]
        ids = self._fitted.ids
        entries = [{"id": ids[column], "confidence": float(probabilities[column])} for column in best]
        return (
            [entry | {"link": links[column]} for entry, column in zip(entries, best, strict=True)] if links else entries
        )


def facet_ranking(ids: Sequence[str], probabilities: np.ndarray) -> list[dict[str, Any]]:
    """Return the facets as a Rasa intent ranking, each with the summed probability of its ids, best first."""
    facets: dict[str, float] = {}
    for id, probability in zip(ids, probabilities.tolist(), strict=True):
        facet = id.partition("/")[0]
        facets[facet] = facets.get(facet, 0.0) + probability
    return [{"name": name, "confidence": value} for name, value in sorted(facets.items(), key=lambda item: -item[1])]
