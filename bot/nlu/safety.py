"""The safety check inside the pipeline: the same data and code as in the front server, for every other channel.

It comes last and overrules the classifier: a missed emergency costs far more than a notice shown for nothing.
"""

from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.nlu.gate import Gate, set_decision
from bot.paths import DATA
from bot.safety import Finding, SafetyCheck


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class SafetyOverride(IntentClassifier, GraphComponent):
    """Replaces the decision on a message in danger with the safety reply."""

    @classmethod
    def required_components(cls) -> list[type]:
        return [Gate]

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
        """Overrule the decision on each message in which a sign of danger is found."""
        for message in messages:
            if finding := self._check.find(message.get(TEXT) or ""):
                set_decision(message, as_decision(finding))
        return messages


def as_decision(finding: Finding) -> dict[str, Any]:
    """Return a finding as the decision that action_answer reads."""
    return {
        "id": finding.answer,
        "confidence": 1.0,
        "variant": finding.variant,
        "level": finding.level,
        "also_crisis": finding.also_crisis,
    }
