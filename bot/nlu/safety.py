"""The safety check inside the pipeline: the same data and code as in the front server, for every other channel.

It comes last and overrules the classifier: a missed emergency costs far more than a notice shown for nothing.
"""

from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.nlu.answer_classifier import AnswerClassifier
from bot.paths import DATA
from bot.safety import Finding, SafetyCheck

DANGER = "danger"  # in the parse data: the safety reply to give, whatever else was understood


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class SafetyOverride(IntentClassifier, GraphComponent):
    """Leaves the safety reply to give in each message in danger."""

    @classmethod
    def required_components(cls) -> list[type]:
        return [AnswerClassifier]

    def __init__(self) -> None:
        self._check = SafetyCheck(DATA / "safety.yml")

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "SafetyOverride":
        return cls()

    def process(self, messages: list[Message]) -> list[Message]:
        """Mark each message in which a sign of danger is found."""
        for message in messages:
            if finding := self._check.find(message.get(TEXT) or ""):
                message.set(DANGER, as_decision(finding), add_to_output=True)
                message.set(INTENT, {"name": "safety", "confidence": 1.0}, add_to_output=True)
        return messages


def as_decision(finding: Finding) -> dict[str, Any]:
    """Return a finding as action_answer reads it."""
    return {
        "id": finding.answer,
        "variant": finding.variant,
        "level": finding.level,
        "also_crisis": finding.also_crisis,
    }
