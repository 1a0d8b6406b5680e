"""What overrules the classifier in the pipeline: danger, a sign that a doctor must see, and another language.

The safety check is that of the front server, from the same data and code, for messages in which that found danger and
for those that it did not look through (another channel, or too many at once): a missed emergency costs far more than a
notice shown for nothing.
"""

from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.followups import OVERRIDE
from bot.given import is_known_calm
from bot.language import Language
from bot.nlu.answer_classifier import PARTS, AnswerClassifier
from bot.nlu.featurizer import PART_VECTORS
from bot.nlu.models import vector_of
from bot.safety import Finding, SafetyCheck, load_check

NOT_ENGLISH = {"id": "meta/out_of_scope", "variant": "not_english"}
NEEDS_VISIT = {"id": "meta/not_covered", "variant": "needs_visit"}
DANGER = "danger"  # in the parse data: the safety reply to give, whatever else was understood


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class SafetyOverride(IntentClassifier, GraphComponent):
    """Leaves the safety reply to give in each message in danger, and what else overrules the answer."""

    @classmethod
    def required_components(cls) -> list[type]:
        return [AnswerClassifier]

    def __init__(self, check: SafetyCheck) -> None:
        self._check = check
        self._language = Language(self._check.english)

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> "SafetyOverride":
        return cls(load_check())

    def process(self, messages: list[Message]) -> list[Message]:
        """Mark each message in which a sign is found, and each that is not in English."""
        for message in messages:
            text = message.get(TEXT) or ""
            if self._language.is_foreign(text):
                message.set(OVERRIDE, NOT_ENGLISH, add_to_output=True)
            elif self._check.needs_visit(text):
                message.set(OVERRIDE, NEEDS_VISIT, add_to_output=True)
            if not is_known_calm(text) and (finding := self._check.find(text, vector_of(message)[0])):
                message.set(DANGER, as_decision(finding), add_to_output=True)
                message.set(
                    PARTS, [self._marked(part, message) for part in message.get(PARTS) or ()], add_to_output=True
                )
                message.set(INTENT, {"name": "safety", "confidence": 1.0}, add_to_output=True)
        return messages

    def _marked(self, part: dict[str, Any], message: Message) -> dict[str, Any]:
        """Return one of the questions in a message, with whether it tells of danger itself."""
        vector = message.get(PART_VECTORS)[part[TEXT]][0]
        return part | {DANGER: self._check.find(part[TEXT], vector) is not None}


def as_decision(finding: Finding) -> dict[str, Any]:
    """Return a finding as action_answer reads it."""
    return {
        "id": finding.answer,
        "variant": finding.variant,
        "level": finding.level,
        "also_crisis": finding.also_crisis,
    }
