"""The classifier of full answer ids, as a component of Rasa's pipeline; the models are in answer_model.py and
followup_model.py.

It learns from `intent: causes` with `metadata: {topic: pcos}` and predicts `causes/pcos`. Examples with `use:
calibration` are held out of the fitting, to find out how sure the model may be; their `also` names other right answers.
Examples with `after: tests/imaging` were asked right after that answer, and teach how people go on from one; `about`
names the topic asked about where it is not that of the id.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.constants import INTENT, METADATA, METADATA_INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.answer_model import AnswerModel, Labelled, fit, right_columns
from bot.encoder import DIMENSION
from bot.followups import nameable_topics
from bot.links import LINKS, Last, last_of, load_nearest, topic_of
from bot.nlu.featurizer import PART_VECTORS, MiniLMFeaturizer
from bot.nlu.followup_model import Asked, FollowUpModel, FollowUps
from bot.paths import DATA
from bot.topics import load_topics

# In the parse data: the ranking [{"id": …, "confidence": …}, …], best first; in a conversation the same as a follow-up
# to the last answer, each with the link by which it is most probably one; and where a message asks several things, the
# ranking of each part, as [{"text": …, "answer_ranking": …, "intent_ranking": …}, …].
RANKING = "answer_ranking"
IN_CONTEXT = "context_ranking"
PARTS = "parts"
FACETS = "intent_ranking"
ANSWERS_FILE, FOLLOWUPS_FILE = "answers.skops", "followups.skops"
CALIBRATION = "calibration"
TOPICS, NEAREST = DATA / "topics.yml", DATA / "followups.yml"


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
        self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource, models: "Models | None" = None
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
    def _fitted(self) -> "Models":
        assert self._models is not None, "train the model first"
        return self._models

    def _rank(self, message: Message, last: Last | None) -> None:
        models, text, vector = self._fitted, message.get(TEXT), vector_of(message)
        alone = models.alone(text, vector)
        facets = facet_ranking(models.ids, alone)
        parts = (message.get(PART_VECTORS) or {}).items()
        message.set(RANKING, self._best(alone), add_to_output=True)
        message.set(INTENT, facets[0], add_to_output=True)
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


class Models:
    """What the component has learnt: the answers of a message by itself, and how it leans on the answer before it."""

    def __init__(self, answers: AnswerModel, followups: FollowUpModel | None = None) -> None:
        self.ids = answers.ids
        self._answers = answers
        self._followups = followups
        self._topic_words = load_topics(TOPICS, only=nameable_topics(NEAREST, self.ids))

    @cached_property
    def _asked(self) -> Asked:
        return Asked(self.ids, load_nearest(NEAREST, self.ids), self._topic_words)

    def alone(self, text: str, vector: np.ndarray) -> np.ndarray:
        """Return the probability of each id for a message by itself, shape (ids,)."""
        return self._answers.probabilities([text], vector)[0]

    def in_context(
        self, text: str, vector: np.ndarray, alone: np.ndarray, last: Last
    ) -> tuple[np.ndarray, Sequence[str]]:
        """Return the same after the answer before it, and by which link each id is most probably meant."""
        assert self._followups is not None, "there is no follow-up among the examples"
        messages = FollowUps([text], vector, alone[None, :], [last])
        by_link = self._followups.probabilities(messages, self._topic_words)[0][:, None]
        joint = by_link * self._asked.by_link(text, alone, last)
        return joint.sum(axis=0), [LINKS[row] for row in joint.argmax(axis=0)]

    @classmethod
    def fit(cls, messages: Sequence[Message]) -> "Models":
        """Return the models fitted on the training data."""
        examples, held_out, after = by_use(messages)
        models = cls(fit(labelled(examples), labelled(held_out), load_topics(TOPICS)))
        return models._with_followups(after) if after else models

    def _with_followups(self, after: Sequence[Message]) -> "Models":
        given = labelled(after)
        alone = self._answers.probabilities(given.texts, given.vectors)
        lasts = [last_before(message) for message in after]
        if unknown := {last.id for last in lasts} - set(self.ids):
            raise ValueError(f"data/nlu: asked after an answer that does not exist: {', '.join(sorted(unknown))}")
        messages = FollowUps(given.texts, given.vectors, alone, lasts)
        self._followups = FollowUpModel.fit(messages, right_columns(given, self.ids), self._asked, self._topic_words)
        return self

    def save(self, folder: Path) -> None:
        """Write the models to a folder."""
        self._answers.save(folder / ANSWERS_FILE)
        if self._followups:
            self._followups.save(folder / FOLLOWUPS_FILE)

    @classmethod
    def load(cls, folder: Path) -> "Models":
        """Read what `save` wrote."""
        followups = folder / FOLLOWUPS_FILE
        answers = AnswerModel.load(folder / ANSWERS_FILE, load_topics(TOPICS))
        return cls(answers, FollowUpModel.load(followups) if followups.exists() else None)


def by_use(messages: Sequence[Message]) -> tuple[list[Message], list[Message], list[Message]]:
    """Return the training examples to learn answers from, those held out to calibrate with, and the follow-ups."""
    uses: tuple[list[Message], list[Message], list[Message]] = ([], [], [])
    for message in messages:
        metadata = metadata_of(message)
        uses[2 if "after" in metadata else 1 if metadata.get("use") == CALIBRATION else 0].append(message)
    return uses


def last_before(message: Message) -> Last:
    """Return the answer that a follow-up among the training examples was asked after."""
    metadata = metadata_of(message)
    id = str(metadata["after"])
    return Last(id, metadata.get("about") or topic_of(id))


def facet_ranking(ids: Sequence[str], probabilities: np.ndarray) -> list[dict[str, Any]]:
    """Return the facets as a Rasa intent ranking, each with the summed probability of its ids, best first."""
    facets: dict[str, float] = {}
    for id, probability in zip(ids, probabilities.tolist(), strict=True):
        facet = id.partition("/")[0]
        facets[facet] = facets.get(facet, 0.0) + probability
    return [{"name": name, "confidence": value} for name, value in sorted(facets.items(), key=lambda item: -item[1])]


def labelled(messages: Sequence[Message]) -> Labelled:
    """Return messages of the training data with their vectors and right ids."""
    vectors = np.vstack([np.zeros((0, DIMENSION)), *(vector_of(message) for message in messages)])
    return Labelled([message.get(TEXT) for message in messages], vectors, [ids_of(message) for message in messages])


def ids_of(message: Message) -> tuple[str, ...]:
    """Return the answer ids that a training example carries. Raises ValueError where it names no topic."""
    metadata = metadata_of(message)
    if not metadata.get("topic"):
        raise ValueError(
            f"data/nlu: {message.get(INTENT)}: {message.get(TEXT)!r} has no topic; add 'metadata: {{topic: …}}'"
        )
    return (f"{message.get(INTENT)}/{metadata['topic']}", *metadata.get("also", ()))


def metadata_of(message: Message) -> dict[str, Any]:
    """Return what data/nlu says of a training example's intent: its topic, and what it is for."""
    metadata: dict[str, Any] = message.get(METADATA, {}).get(METADATA_INTENT, {})
    return metadata


def vector_of(message: Message) -> np.ndarray:
    """Return the encoder's vector of a message, shape (1, 384); zeros where it has none."""
    _, sentence = message.get_dense_features(TEXT)
    return sentence.features if sentence else np.zeros((1, DIMENSION), dtype=np.float32)
