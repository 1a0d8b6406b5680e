"""The gate: from a ranking of answer ids to one decision — answer, or offer the nearest by title.

A wrong answer costs a worried person more than a question back, so an answer is served only when it is probable
enough. The decision is left in the parse data under `answer`, where action_answer finds it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.nlu.answer_classifier import RANKING, AnswerClassifier

DECISION = "answer"  # in the parse data: {"id", "confidence"} or {"id", "confidence", "choices"}
FALLBACK_INTENT = "nlu_fallback"
FALLBACK_ID = "meta/fallback"
OFFERED = 3
# Replies that make no sense as one of three titles to pick from.
NEVER_OFFERED = ("safety/", "meta/")


def decide(ranking: Sequence[Mapping[str, Any]], *, min_confidence: float, min_offer: float) -> dict[str, Any]:
    """Return the decision for a ranking (best first).

    The best id is served at `min_confidence` or more. Below it the nearest that can be offered are, while they have
    `min_offer` together; else the message is not understood.
    """
    best = ranking[0]
    if best["confidence"] >= min_confidence:
        return {"id": best["id"], "confidence": best["confidence"]}
    offered = [entry for entry in ranking if not entry["id"].startswith(NEVER_OFFERED)][:OFFERED]
    if len(offered) > 1 and sum(entry["confidence"] for entry in offered) >= min_offer:
        choices = [entry["id"] for entry in offered]
        return {"id": FALLBACK_ID, "confidence": best["confidence"], "choices": choices}
    return {"id": FALLBACK_ID, "confidence": best["confidence"]}


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class Gate(IntentClassifier, GraphComponent):
    """Adds the decision to each ranked message and makes its intent agree with it."""

    @classmethod
    def required_components(cls) -> list[type]:
        return [AnswerClassifier]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {"min_confidence": 0.4, "min_offer": 0.1}

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = {**self.get_default_config(), **config}
        for name in self.get_default_config():
            if not 0 <= self._config[name] <= 1:
                raise ValueError(f"config.yml: Gate: {name} is {self._config[name]}; use a number from 0 to 1")

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "Gate":
        return cls(config)

    def process(self, messages: list[Message]) -> list[Message]:
        """Add the decision to each message that was ranked; an empty message is not understood."""
        for message in messages:
            ranking = message.get(RANKING) or [{"id": FALLBACK_ID, "confidence": 0.0}]
            if message.get(TEXT) is not None:
                set_decision(message, self._decide(ranking))
        return messages

    def _decide(self, ranking: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        config = self._config
        return decide(ranking, min_confidence=config["min_confidence"], min_offer=config["min_offer"])


def set_decision(message: Message, decision: Mapping[str, Any]) -> None:
    """Leave the decision in the message, with the intent that routes to it."""
    facet = decision["id"].partition("/")[0]
    intent = FALLBACK_INTENT if decision["id"] == FALLBACK_ID else facet
    message.set(DECISION, dict(decision), add_to_output=True)
    message.set(INTENT, {"name": intent, "confidence": decision["confidence"]}, add_to_output=True)
