"""The Rasa component that adds the encoder's vectors to messages, and to the parts of one that asks two questions."""

from collections.abc import Callable
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.encoder import shared_encoder
from bot.given import known
from bot.kept_vectors import KeptVectors
from bot.nlu.parts import in_words, questions

PART_VECTORS = "part_vectors"  # in a message that asks several things: each part's text and vector, shape (1, 1152)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class MiniLMFeaturizer(DenseFeaturizer, GraphComponent):
    """Adds the encoder's vector to each message as its dense sentence feature, shape (1, 1152)."""

    def __init__(self, config: dict[str, Any], name: str) -> None:
        super().__init__(name, config)
        self._encoder = shared_encoder()

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "MiniLMFeaturizer":
        return cls(config, execution_context.node_name)

    def process(self, messages: list[Message]) -> list[Message]:
        """Add the vectors; a message without text keeps none."""
        self._add(messages, self._vectors)
        for message in messages:
            if parts := questions(message.get(TEXT) or ""):
                message.set(PART_VECTORS, dict(zip(parts, self._encoder.embed(parts)[:, None, :], strict=True)))
        return messages

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        self._add(training_data.training_examples, KeptVectors().embed)
        return training_data

    def _add(self, messages: list[Message], embed: Callable[[list[str]], np.ndarray]) -> None:
        with_text = [message for message in messages if message.get(TEXT)]
        for message, row in zip(with_text, embed([in_words(m.get(TEXT)) for m in with_text]), strict=True):
            self.add_features_to_message(row[None, :], row[None, :], TEXT, message)

    def _vectors(self, texts: list[str]) -> np.ndarray:
        given = known(texts[0]) if len(texts) == 1 else None
        return self._encoder.embed(texts) if given is None else given[None, :]

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """Nothing to set."""
