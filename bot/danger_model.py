"""The trained reader of danger: from a message and its vector to how probably somebody is in danger, and who and how.

It stands beside the rules of data/safety.yml (bot/safety.py), which know no more than their phrases: it was fitted on
data/danger, where every message of danger has neighbours that use the same words of the past, of a book, of a maybe.
Plain scikit-learn, no Rasa.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import skops.io
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from sklearn.linear_model import LogisticRegression

from bot.answer_model import SCALE, AnswerModel, Labelled, id_of
from bot.answer_model import fit as fit_answers
from bot.encoder import DIMENSION
from bot.topics import TopicWords
from bot.yaml_files import YamlFault, read_yaml

NONE, URGENT, CRISIS, BOTH = "none", "urgent", "crisis", "both"
LOST_TOUCH = "RF-25"  # with reality: an emergency, with the crisis words
EMERGENCY_FIRST = "emergency_first"
# Which wording of the crisis reply a sign needs, where it is not that of its kind.
WORDING_BY_SIGN = {"CR-04": EMERGENCY_FIRST, "CR-09": "minor"}
ONESELF = "self"
DETAILS_FROM = 0.01  # probability of danger below which nobody asks whose it is: most messages
HELD_OUT_ONE_IN = 10  # messages, told by their hash: they calibrate the model and are never fitted
NO_TOPICS = TopicWords({})
DANGER_FILE, DETAILS_FILE = "danger.skops", "details.skops"


class Entry(BaseModel):
    """A message of data/danger."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    text: str


class _Danger(Entry):
    sign: str
    who: Literal["self", "other", "staff"] = "self"


class Urgent(_Danger):
    """A message of data/danger/urgent.yml."""

    level: Literal["E", "D"]
    also: Literal["crisis"] | None = None


class Crisis(_Danger):
    """A message of data/danger/crisis.yml."""

    kind: Literal["self", "violence", "other"]

    @property
    def wording(self) -> str:
        """The variant of the crisis reply that fits."""
        return self.kind if self.kind == "other" else WORDING_BY_SIGN.get(self.sign, self.kind)


class Quiet(Entry):
    """A message of data/danger/quiet.yml: sounds like danger and is none now."""

    near: str
    why: str


@dataclass(frozen=True)
class Examples:
    """The messages of data/danger."""

    urgent: tuple[Urgent, ...]
    crisis: tuple[Crisis, ...]
    quiet: tuple[Quiet, ...]


@dataclass(frozen=True)
class Reading:
    """What was read: probabilities of danger to the body, of a crisis, and of level E if it is the body; the likeliest
    wording of the crisis reply, and who is in danger: self, other or staff (the desk relays)."""

    urgent: float
    crisis: float
    emergency: float
    wording: str
    who: str


@dataclass
class DangerModel:
    """The fitted parts: `danger` tells none, urgent, crisis or both; the others are asked where there is danger."""

    danger: AnswerModel
    level: LogisticRegression
    wording: LogisticRegression
    who: LogisticRegression

    def read(self, text: str, vector: np.ndarray) -> Reading:
        """Return what is read in a message with its vector, shape (1152,)."""
        vectors, meaning = vector[None, :], SCALE * vector[None, :]
        danger = dict(zip(self.danger.ids, self.danger.probabilities([text], vectors)[0].tolist(), strict=True))
        urgent, crisis = danger[URGENT] + danger[BOTH], danger[CRISIS] + danger[BOTH]
        if max(urgent, crisis) < DETAILS_FROM:
            return Reading(urgent, crisis, 0.0, ONESELF, ONESELF)
        levels = dict(zip(self.level.classes_, self.level.predict_proba(meaning)[0].tolist(), strict=True))
        wording, who = (str(each.predict(meaning)[0]) for each in (self.wording, self.who))
        return Reading(urgent, crisis, levels["E"], wording, who)

    def save(self, folder: Path) -> None:
        """Write the model to a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self.danger.save(folder / DANGER_FILE)
        skops.io.dump({"level": self.level, "wording": self.wording, "who": self.who}, folder / DETAILS_FILE)

    @classmethod
    def load(cls, folder: Path) -> "DangerModel":
        """Read what `save` wrote; refuses files that hold types of anything but scikit-learn."""
        return cls(AnswerModel.load(folder / DANGER_FILE, NO_TOPICS), **skops.io.load(folder / DETAILS_FILE))


def read_examples(folder: Path) -> Examples:
    """Read data/danger. Raises YamlFault that names each faulty entry."""
    kinds: dict[str, type[Entry]] = {"urgent": Urgent, "crisis": Crisis, "quiet": Quiet}
    return Examples(**{name: tuple(_entries(folder / f"{name}.yml", kind)) for name, kind in kinds.items()})


def _entries(path: Path, kind: type[Entry]) -> Iterable[Any]:
    try:
        return TypeAdapter(list[kind]).validate_python(read_yaml(path, "messages"))  # type: ignore[valid-type]
    except ValidationError as error:
        lines = (f"{path}: entry {fault['loc'][0]}: {fault['loc'][1:]}: {fault['msg']}" for fault in error.errors())
        raise YamlFault("\n".join(lines)) from None


def fit(
    examples: Examples, others: Sequence[tuple[str, str]], embed: Callable[[Sequence[str]], np.ndarray]
) -> DangerModel:
    """Return a model fitted on data/danger and on `others`: messages with their kinds (`kind_of`)."""
    kinds = dict(others) | {
        entry.text: kind_of(entry) for entry in (*examples.urgent, *examples.crisis, *examples.quiet)
    }
    texts = list(kinds)
    vectors = dict(zip(texts, embed(texts), strict=True))
    fitted = [text for text in texts if not is_held_out(text)]
    held_out = [text for text in texts if is_held_out(text)]
    dangers: tuple[_Danger, ...] = (*examples.urgent, *examples.crisis)
    details = (
        [(entry.text, str(entry.level)) for entry in examples.urgent],
        [
            *((entry.text, entry.wording) for entry in examples.crisis),
            *((entry.text, EMERGENCY_FIRST) for entry in examples.urgent if entry.sign == LOST_TOUCH),
        ],
        [(entry.text, str(entry.who)) for entry in dangers],
    )
    return DangerModel(
        fit_answers(
            _labelled(fitted, kinds, vectors),
            _labelled(held_out, kinds, vectors),
            NO_TOPICS,
            width=DIMENSION,
            kinds=[kinds[text] for text in fitted],
        ),
        *(_fitted(pairs, vectors) for pairs in details),
    )


def label_of(entry: Entry | None) -> str:
    """Return what danger a message of data/danger tells of; an ordinary one (None) tells of none."""
    if isinstance(entry, Urgent):
        return BOTH if entry.also else URGENT
    return CRISIS if isinstance(entry, Crisis) else NONE


def kind_of(entry: Entry | None, facet: str = "") -> str:
    """Return the same with the sign of the danger, or the facet of an ordinary message.

    Whoever has to tell the signs apart knows better what is one.
    """
    return f"{label_of(entry)} {entry.sign if isinstance(entry, _Danger) else facet}"


def is_held_out(text: str) -> bool:
    """Whether a message of data/danger is kept from the fitting, to calibrate with."""
    return int(hashlib.sha256(text.encode()).hexdigest(), 16) % HELD_OUT_ONE_IN == 0


def _labelled(texts: Sequence[str], kinds: dict[str, str], vectors: dict[str, np.ndarray]) -> Labelled:
    labels = [(id_of(kinds[text]),) for text in texts]
    return Labelled(texts, np.array([vectors[text] for text in texts]), labels)


def _fitted(pairs: Sequence[tuple[str, str]], vectors: dict[str, np.ndarray]) -> LogisticRegression:
    meaning = SCALE * np.array([vectors[text] for text, _ in pairs])
    return LogisticRegression(C=0.1, max_iter=1000).fit(meaning, [label for _, label in pairs])
