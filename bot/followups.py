"""Reading a message in its conversation: what it takes from the answer before it, and what it asks by itself.

A message that names no topic takes that of the conversation; one that names only a topic keeps the facet; a complete
new question takes nothing. The words for it are in data/followups.yml. Plain functions over a Reading and the id of
the last answer; the probabilities come from the pipeline.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bot.answers import FALLBACK, Answers
from bot.gate import Decision, GateSettings, Ranking, as_ranking, decide
from bot.topics import TopicWords, words_of
from bot.yaml_files import YamlFault, read_yaml

# The facets of which one topic has several answers: the ones a follow-up changes between.
TOPIC_FACETS = ("causes", "tests", "treatments")
NO_SUBJECT = ("safety/", "meta/", "clinic/")  # answers that a follow-up does not go on from
OVERVIEW, OFF_SUBJECT = "overview", "meta/out_of_scope"
SUBJECT = "recurrent_miscarriage"  # the words for the subject itself name no topic
LEANING_WORDS = 3  # a message this short that names no topic ("and treatment?") leans on what was said
MAX_CHOICES = 3
MIN_CHOICES = 2


@dataclass(frozen=True)
class Reading:
    """What a message says by itself: the ranking of answers, the facets' probabilities, and its words' roles."""

    ranking: Ranking
    facets: Mapping[str, float]
    names_subject: bool = False  # speaks of miscarriage itself
    topics: tuple[str, ...] = ()
    is_bare: bool = False  # names a topic and asks nothing
    points_back: bool = False
    leans: bool = False  # begins as a continuation, or is too short to stand alone
    asks_more: bool = False
    asks_why: bool = False
    asks_same: bool = False
    named_facets: tuple[str, ...] = ()  # by words such as 'test' and 'treated'


@dataclass(frozen=True)
class Last:
    """What a conversation was last about: the id of the answer, and the topic asked, which may not be the id's."""

    id: str
    topic: str

    @property
    def facet(self) -> str:
        """The facet of the last answer."""
        return self.id.partition("/")[0]


def nameable_topics(path: Path, answers: Answers) -> set[str]:
    """Return the topics that a message can be about, from the ids of the answers and data/followups.yml."""
    topics = {answer.topic for answer in answers.values() if not answer.id.startswith(NO_SUBJECT)}
    return topics - set(read_yaml(path)["ways_of_asking"]) | {SUBJECT}


@dataclass(frozen=True)
class Cues:
    """The words of data/followups.yml."""

    openers: tuple[tuple[str, ...], ...]
    pointers: frozenset[str]
    more: frozenset[tuple[str, ...]]
    why: frozenset[tuple[str, ...]]
    same: frozenset[tuple[str, ...]]
    fillers: frozenset[str]
    facets: Mapping[str, Sequence[str]]
    covers: Mapping[str, str]
    instead: Mapping[str, str]

    @property
    def empty(self) -> frozenset[str]:
        """The words that may stand around a cue and change nothing."""
        return self.fillers | self.pointers


def load_cues(path: Path, known: Container[str]) -> Cues:
    """Read data/followups.yml. Raises YamlFault for an answer that does not exist."""
    content = read_yaml(path)
    words, nearest = content["followups"], content["nearest"]
    for target in (*nearest["covers"].values(), *nearest["instead"].values()):
        if target not in known:
            raise YamlFault(f"{path}: nearest: {target} does not exist; name an id of data/published_ids.yml")
    return Cues(
        tuple(sorted((tuple(words_of(opener)) for opener in words["openers"]), key=len, reverse=True)),
        frozenset(words["pointers"]),
        _phrases(words["more"]),
        _phrases(words["why"]),
        _phrases(words["same"]),
        frozenset(words["fillers"]),
        words["facets"],
        MappingProxyType(nearest["covers"]),
        MappingProxyType(nearest["instead"]),
    )


def read(text: str, ranking: Ranking, facets: Mapping[str, float], topic_words: TopicWords, cues: Cues) -> Reading:
    """Return what a message says by itself."""
    words = tuple(words_of(text))
    named = topic_words.find(text).topics
    topics = tuple(topic for topic in named if topic != SUBJECT)
    opener = _opener(words, cues.openers)
    asked = topic_words.find(" ".join(words[len(opener) :]))
    return Reading(
        ranking,
        facets,
        SUBJECT in named,
        topics,
        is_bare=len(named) == 1 == len(topics) and cues.fillers.issuperset(asked.other_words),
        points_back=not cues.pointers.isdisjoint(words),
        leans=bool(opener) or len(words) <= LEANING_WORDS,
        asks_more=_says(words, cues.more, cues.empty),
        asks_why=_says(words, cues.why, cues.empty),
        asks_same=_says(words, cues.same, cues.empty),
        named_facets=tuple(facet for facet, each in cues.facets.items() if _holds(words, each)),
    )


class Conversation:
    """Decides what to say to a message, given the last answer of its conversation."""

    def __init__(self, answers: Answers, topic_words: TopicWords, cues: Cues, settings: GateSettings) -> None:
        self._answers = answers
        self._topic_words = topic_words
        self._cues = cues
        self._settings = settings

    def decide(self, message: Mapping[str, Any], last: Last | None) -> tuple[Decision, ...]:
        """Return the decision on a parsed message; two of them where it asks two things and both are sure.

        `last` is None at the start of a conversation.
        """
        parts = self._sure_parts(message)
        if len(parts) == 2:
            return parts
        reading = self._read(message)
        return ((last and self._in_context(reading, last)) or self._alone(reading),)

    def carried(self, decision: Decision) -> Last | None:
        """Return what a follow-up to this decision goes on from, None where it was on no subject.

        A question back, a refusal and a "we do not say" carry the topic that the message named.
        """
        if not decision.choices and not decision.id.startswith(NO_SUBJECT):
            return Last(decision.id, decision.topic or decision.id.partition("/")[2])
        answers = self._answers_on(decision.topic) if decision.topic else ()
        return Last(answers[0], str(decision.topic)) if answers else None

    def _sure_parts(self, message: Mapping[str, Any]) -> tuple[Decision, ...]:
        readings = [self._read(part) for part in message.get("parts", ())]
        sure = [reading.ranking[0] for reading in readings if reading.ranking[0][1] >= self._settings.both_sure]
        best = dict(entry for entry in sure if not entry[0].startswith("meta/"))
        return tuple(Decision(id, value) for id, value in best.items()) if len(sure) == 2 == len(best) else ()

    def _read(self, message: Mapping[str, Any]) -> Reading:
        ranking = as_ranking(message["answer_ranking"])
        facets = {entry["name"]: entry["confidence"] for entry in message["intent_ranking"]}
        return read(message["text"], ranking, facets, self._topic_words, self._cues)

    def _in_context(self, reading: Reading, last: Last) -> Decision | None:
        """Return what the message asks as a follow-up, None where it stands by itself."""
        if reading.topics and not reading.is_bare:
            return None  # a complete question
        if reading.asks_same:
            return Decision(last.id, 1.0, topic=last.topic)
        if reading.asks_more:
            return Decision(self._more(last), 1.0, topic=last.topic)
        if reading.asks_why:
            return self._nearest("causes", last.topic)
        return self._on_facet(reading, last.facet) if reading.is_bare else self._on_topic(reading, last.topic)

    def _more(self, last: Last) -> str:
        """Return what a clinician put beside the last answer, best on the same topic."""
        beside = self._answers[last.id].next
        same = [id for id in beside if id in self._answers_on(last.topic)]
        return (*same, *beside)[0]

    def _on_facet(self, reading: Reading, facet: str) -> Decision | None:
        """Return the answer of the conversation's facet on the topic that the message names."""
        topic = reading.topics[0]
        if facet in TOPIC_FACETS or f"{facet}/{topic}" in self._answers:
            return self._nearest(facet, topic)
        return None

    def _on_topic(self, reading: Reading, topic: str) -> Decision | None:
        """Return the answer on the conversation's topic, where the message is sure of a facet and of nothing else."""
        if topic == OVERVIEW or not (reading.points_back or reading.leans):
            return None
        if len(reading.named_facets) == 1 and reading.points_back:
            return self._nearest(reading.named_facets[0], topic)
        best, probability = reading.ranking[0]
        if not best.endswith(f"/{OVERVIEW}") and probability >= self._settings.topic_sure:
            return None
        facet = max(TOPIC_FACETS, key=lambda facet: reading.facets.get(facet, 0.0))
        sure = reading.facets.get(facet, 0.0)
        return self._nearest(facet, topic, sure) if sure >= self._settings.facet_sure else None

    def _alone(self, reading: Reading) -> Decision:
        if reading.is_bare:
            choices = self._answers_on(reading.topics[0])
            if len(choices) >= MIN_CHOICES:
                return Decision(FALLBACK, reading.ranking[0][1], choices, topic=reading.topics[0])
        ranking = without_off_subject(reading.ranking) if reading.names_subject else reading.ranking
        decision = decide(ranking, self._settings.costs)
        named = reading.topics[0] if len(reading.topics) == 1 else None
        return self._where_there_is_none(reading, replace(decision, topic=named))

    def _where_there_is_none(self, reading: Reading, decision: Decision) -> Decision:
        """Return the nearest answer where the words name one facet and one topic that have no answer together."""
        if len(reading.topics) == 1 == len(reading.named_facets) and decision.id.startswith(TOPIC_FACETS):
            facet, topic = reading.named_facets[0], reading.topics[0]
            if f"{facet}/{topic}" in self._cues.instead:
                return self._nearest(facet, topic, decision.confidence)
        return decision

    def _nearest(self, facet: str, topic: str, confidence: float = 1.0) -> Decision:
        asked = f"{facet}/{topic}"
        for id in (asked, self._cues.covers.get(asked)):
            if id in self._answers:
                return Decision(str(id), confidence, topic=topic)
        instead = self._cues.instead.get(asked) or next(iter(self._answers_on(topic)), f"{facet}/{OVERVIEW}")
        return Decision(instead, confidence, instead=True, topic=topic)

    def _answers_on(self, topic: str) -> tuple[str, ...]:
        """Return the answers that speak of a topic, at most three: what causes it, how it is found, what is done."""
        own = [id for id in self._answers if id.endswith(f"/{topic}")]
        asked = [f"{facet}/{topic}" for facet in TOPIC_FACETS]
        found = [id if id in self._answers else self._cues.covers.get(id) for id in asked]
        return tuple(dict.fromkeys(id for id in (*found, *own) if id))[:MAX_CHOICES]


def without_off_subject(ranking: Ranking) -> Ranking:
    """Return the ranking of a message that speaks of miscarriage: it is on the subject, however it is spelled."""
    rest = [(id, value) for id, value in ranking if id != OFF_SUBJECT]
    whole = sum(value for _, value in rest) or 1.0
    return [(id, value / whole) for id, value in rest] if len(rest) < len(ranking) else ranking


def with_danger(decision: Mapping[str, Any]) -> Decision:
    """Return the decision that the safety component left in the parse data."""
    return Decision(
        decision["id"],
        1.0,
        variant=decision["variant"],
        level=decision["level"],
        also_crisis=decision["also_crisis"],
    )


def _opener(words: Sequence[str], openers: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the longest opener that the words begin with, empty where there is none."""
    return next((opener for opener in openers if tuple(words[: len(opener)]) == opener), ())


def _phrases(each: Sequence[str]) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(words_of(phrase)) for phrase in each)


def _holds(words: Sequence[str], phrases: Sequence[str]) -> bool:
    whole = f" {' '.join(words)} "
    return any(f" {phrase} " in whole for phrase in phrases)


def _says(words: Sequence[str], phrases: Container[tuple[str, ...]], empty: Container[str]) -> bool:
    """Whether the words are one of the phrases, with nothing but empty words around and between."""
    return tuple(words) in phrases or tuple(word for word in words if word not in empty) in phrases
