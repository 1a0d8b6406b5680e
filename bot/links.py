"""How a message can lean on the answer before it, and what it then asks for: plain functions over ids.

A follow-up names less than it means. "How is that treated?" changes the facet and keeps the topic, "and fibroids?" does
the opposite, "does it hurt?" asks what the documents do not say. Each such way is a link; the links' probabilities come
from bot/nlu/followup_model.py.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.yaml_files import YamlFault, read_yaml

OVERVIEW = "overview"
# The facets of which one topic has several answers: the ones a follow-up changes between.
TOPIC_FACETS = ("causes", "tests", "treatments")
# The message asks for one of these facets, and says by itself for which answer of it.
WITHIN_FACETS = ("basics", "warning_signs", "prevention", "support")
FIXED = ("meta/not_covered", "safety/personal_advice", "tests/partner")
ALONE, SAME, OTHER_TOPIC = "alone", "same", "other_topic"
LAST_ANSWER, TOPIC = "last_answer", "topic"  # slots
LINKS = (ALONE, SAME, OTHER_TOPIC, *TOPIC_FACETS, *WITHIN_FACETS, *FIXED)


@dataclass(frozen=True)
class Last:
    """What a conversation was last about: the id of the answer, and the topic asked, which may not be the id's."""

    id: str
    topic: str

    @property
    def facet(self) -> str:
        """The facet of the last answer."""
        return self.id.partition("/")[0]


@dataclass(frozen=True)
class Target:
    """An answer asked for: `topic` is the one asked about, `instead` says that the answer is only the nearest."""

    id: str
    topic: str | None = None
    instead: bool = False


@dataclass(frozen=True)
class Nearest:
    """Which answer serves for a facet and a topic, also where they have none of their own (data/followups.yml)."""

    ids: Container[str]
    covers: Mapping[str, str]
    instead: Mapping[str, str]

    def find(self, facet: str, topic: str) -> Target | None:
        """Return the answer on a topic, None where none is near."""
        asked = f"{facet}/{topic}"
        for id in (asked, self.covers.get(asked)):
            if id in self.ids:
                return Target(str(id), topic)
        return Target(self.instead[asked], topic, instead=True) if asked in self.instead else None

    def target(self, link: str, last: Last, topics: Sequence[str]) -> Target | None:
        """Return what a message asks that leans on the last answer by a link and names these topics.

        None where the link leaves that to the message's own ranking: alone, or within a facet.
        """
        if link == SAME:
            return Target(last.id, last.topic)
        if link == OTHER_TOPIC:
            return self.find(last.facet, topics[0]) if len(topics) == 1 else None
        if link in TOPIC_FACETS:
            return self.find(link, last.topic) or Target(f"{link}/{OVERVIEW}")
        return Target(link) if link in FIXED else None


def load_nearest(path: Path, ids: Container[str]) -> Nearest:
    """Read the nearest answers of data/followups.yml. Raises YamlFault for an answer that does not exist."""
    nearest = read_yaml(path)["nearest"]
    for target in (*nearest["covers"].values(), *nearest["instead"].values()):
        if target not in ids:
            raise YamlFault(f"{path}: nearest: {target} does not exist; name an id of data/published_ids.yml")
    return Nearest(ids, nearest["covers"], nearest["instead"])


def topic_of(id: str) -> str:
    """Return the topic in an answer's id."""
    return id.partition("/")[2]


def with_last(text: str, last: Last) -> str:
    """Return a message with the answer before it, as one text for the encoder: 'tests fibroids: can it be removed'."""
    facet, _, topic = last.id.partition("/")
    words = dict.fromkeys((facet, topic, last.topic))
    return f"{' '.join(words).replace('_', ' ')}: {text}"


def last_of(slots: Mapping[str, Any]) -> Last | None:
    """Return what the slots of a conversation say that it was last about, None at its start."""
    return Last(slots[LAST_ANSWER], slots[TOPIC]) if slots.get(LAST_ANSWER) and slots.get(TOPIC) else None
