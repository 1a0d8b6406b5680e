"""What the answer classifier has learnt from the training data: four models, each of one thing, fitted together."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import skops.io
from rasa.shared.nlu.constants import INTENT, METADATA, METADATA_INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from sklearn.linear_model import LogisticRegression

from bot.answer_model import SCALE, AnswerModel, Labelled, fit, right_columns
from bot.encoder import DIMENSION, shared_encoder
from bot.followups import nameable_topics
from bot.kept_vectors import KeptVectors
from bot.links import LINKS, Last, load_nearest, topic_of, with_last
from bot.nlu.followup_model import Asked, FollowUpModel, FollowUps
from bot.nlu.pair_model import HeldOut, PairModel
from bot.nlu.parts import in_words
from bot.one_message import Linear, dense
from bot.paths import DATA
from bot.topics import load_topics

KIND = "kind"  # of a request for advice among the examples: its wording in data/answers/safety.yml
SURE_OF_KIND = 0.6  # a judgement, fitted to nothing
ANSWERS_FILE, KINDS_FILE = "answers.skops", "kinds.skops"
FEWEST_KINDS = 3  # of two scikit-learn keeps one row of weights for both
FOLLOWUPS_FILE, PAIRS_FILE = "followups.skops", "pairs.skops"
CALIBRATION = "calibration"
TOPICS, NEAREST = DATA / "topics.yml", DATA / "followups.yml"


class Uses(NamedTuple):
    """Messages to learn answers from and those held out to calibrate with; the same for follow-ups."""

    examples: list[Message]
    held_out: list[Message]
    after: list[Message]
    held_out_after: list[Message]


class Models:
    """What the component has learnt: the answers of a message by itself, and how it leans on the answer before it."""

    def __init__(
        self,
        answers: AnswerModel,
        kinds: LogisticRegression | None = None,
        followups: FollowUpModel | None = None,
        pairs: PairModel | None = None,
    ) -> None:
        self.ids = answers.ids
        self._answers = answers
        self._kinds = kinds
        self._followups = followups
        self._pairs = pairs
        self._topic_words = load_topics(TOPICS, only=nameable_topics(NEAREST, self.ids))

    @cached_property
    def _asked(self) -> Asked:
        return Asked(self.ids, load_nearest(NEAREST, self.ids), self._topic_words)

    def alone(self, text: str, vector: np.ndarray) -> np.ndarray:
        """Return the probability of each id for a message by itself, shape (ids,)."""
        return self._answers.probabilities([text], vector)[0]

    def kind(self, vector: np.ndarray) -> str | None:
        """Return which kind of advice a message asks for, if it asks for any; None where that is not sure."""
        if self._kinds is None:
            return None
        probabilities = self._kind_of_one.probabilities(dense(SCALE * vector[0]))
        best = int(probabilities.argmax())
        kind = str(self._kinds.classes_[best])
        return kind if probabilities[best] >= SURE_OF_KIND else None

    @cached_property
    def _kind_of_one(self) -> Linear:
        assert self._kinds is not None, "there is no kind among the examples"
        return Linear(self._kinds)

    def in_context(
        self, text: str, vector: np.ndarray, alone: np.ndarray, last: Last
    ) -> tuple[np.ndarray, Sequence[str]]:
        """Return the same after the answer before it, and by which link each id is most probably meant."""
        assert self._pairs is not None, "there is no follow-up among the examples"
        pair = shared_encoder().embed([with_last(text, last)])
        joint = self._by_links(text, (vector, pair), alone, last)
        in_context = self._pairs.joined(joint.sum(axis=0), pair, vector, self.ids)
        return in_context, [LINKS[row] for row in joint.argmax(axis=0)]

    def _by_links(self, text: str, vectors: tuple[np.ndarray, np.ndarray], alone: np.ndarray, last: Last) -> np.ndarray:
        """Return how probable each link is together with each id it leads to, shape (links, ids).

        `vectors` are those of the message without and with the answer before it.
        """
        assert self._followups is not None, "there is no follow-up among the examples"
        message = FollowUps([text], *vectors, alone[None, :], [last])
        by_link = self._followups.probabilities(message, self._topic_words)[:, None]
        joint: np.ndarray = by_link * self._asked.by_link(text, alone, last)
        return joint

    @classmethod
    def fit(cls, messages: Sequence[Message]) -> "Models":
        """Return the models fitted on the training data."""
        uses = by_use(messages)
        answers = fit(labelled(uses.examples), labelled(uses.held_out), load_topics(TOPICS))
        models = cls(answers, fitted_kinds(uses.examples))
        return models._with_followups(uses.after, uses.held_out_after) if uses.after else models

    def _with_followups(self, after: Sequence[Message], held_out: Sequence[Message]) -> "Models":
        given = labelled(after)
        alone = self._answers.probabilities(given.texts, given.vectors)
        lasts = [last_before(message) for message in after]
        if unknown := {last_before(message).id for message in (*after, *held_out)} - set(self.ids):
            raise ValueError(f"data/nlu: asked after an answer that does not exist: {', '.join(sorted(unknown))}")
        together = [with_last(text, last) for text, last in zip(given.texts, lasts, strict=True)]
        messages = FollowUps(given.texts, given.vectors, KeptVectors().embed(together), alone, lasts)
        with ThreadPoolExecutor(1) as beside:  # neither needs the other, and each takes one processor
            pairs = beside.submit(PairModel.fit, messages.pairs, given.vectors, given.ids)
            right = right_columns(given, self.ids)
            self._followups = FollowUpModel.fit(messages, right, self._asked, self._topic_words)
            self._pairs = pairs.result()
        if held_out:
            right = right_columns(labelled(held_out), self.ids)
            self._pairs.calibrate([self._held_out(message) for message in held_out], right, self.ids)
        return self

    def _held_out(self, message: Message) -> HeldOut:
        text, vector, last = in_words(message.get(TEXT)), vector_of(message), last_before(message)
        pair = shared_encoder().embed([with_last(text, last)])
        by_links = self._by_links(text, (vector, pair), self.alone(text, vector), last).sum(axis=0)
        return HeldOut(by_links, pair, vector)

    def save(self, folder: Path) -> None:
        """Write the models to a folder."""
        self._answers.save(folder / ANSWERS_FILE)
        if self._kinds is not None:
            skops.io.dump(self._kinds, folder / KINDS_FILE)
        if self._followups and self._pairs:
            self._followups.save(folder / FOLLOWUPS_FILE)
            self._pairs.save(folder / PAIRS_FILE)

    @classmethod
    def load(cls, folder: Path) -> "Models":
        """Read what `save` wrote."""
        answers = AnswerModel.load(folder / ANSWERS_FILE, load_topics(TOPICS))
        kinds = skops.io.load(folder / KINDS_FILE) if (folder / KINDS_FILE).exists() else None
        if not (folder / FOLLOWUPS_FILE).exists():
            return cls(answers, kinds)
        return cls(answers, kinds, FollowUpModel.load(folder / FOLLOWUPS_FILE), PairModel.load(folder / PAIRS_FILE))


def fitted_kinds(examples: Sequence[Message]) -> LogisticRegression | None:
    """Return what tells kinds of advice apart, fitted on the examples that name one; None where too few do."""
    known = [message for message in examples if metadata_of(message).get(KIND)]
    kinds = [metadata_of(message)[KIND] for message in known]
    if len(set(kinds)) < FEWEST_KINDS:
        return None
    return LogisticRegression(max_iter=300).fit(SCALE * labelled(known).vectors, kinds)


def by_use(messages: Sequence[Message]) -> Uses:
    """Return the training messages by what they are for."""
    uses = Uses([], [], [], [])
    for message in messages:
        metadata = metadata_of(message)
        held_out, after = metadata.get("use") == CALIBRATION, "after" in metadata
        learnt, calibrated = (uses.after, uses.held_out_after) if after else (uses.examples, uses.held_out)
        (calibrated if held_out else learnt).append(message)
    return uses


def last_before(message: Message) -> Last:
    """Return the answer that a follow-up among the training examples was asked after."""
    metadata = metadata_of(message)
    id = str(metadata["after"])
    return Last(id, metadata.get("about") or topic_of(id))


def labelled(messages: Sequence[Message]) -> Labelled:
    """Return messages of the training data with their vectors and right ids."""
    vectors = np.vstack([np.zeros((0, DIMENSION), np.float32), *(vector_of(message) for message in messages)])
    texts = [in_words(message.get(TEXT)) for message in messages]
    return Labelled(texts, vectors, [ids_of(message) for message in messages])


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
    """Return the encoder's vector of a message, shape (1, 1152); zeros where it has none."""
    _, sentence = message.get_dense_features(TEXT)
    return sentence.features if sentence else np.zeros((1, DIMENSION), dtype=np.float32)
