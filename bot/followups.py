"""What to say to a message in its conversation: from probabilities to decisions.

In a conversation the pipeline has read the message twice: by itself, and with the answer before it
(bot/nlu/followup_model.py). Plain functions; words and nearest answers are in data/followups.yml.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.answers import FALLBACK, NOT_COVERED, Answers
from bot.gate import ADVICE, Decision, GateSettings, Ranking, as_ranking, decide
from bot.links import ALONE, FIXED, TOPIC_FACETS, Last, Nearest, Target, topic_of
from bot.topics import TopicWords, words_of
from bot.yaml_files import read_yaml

# What is not said beside a safety reply: what has no subject, and what could be taken for the way out of the danger.
NOT_BESIDE_DANGER = ("safety/", "meta/", "clinic/", "warning_signs/", "support/")
NO_SUBJECT = ("safety/", "meta/", "clinic/")  # answers that a follow-up does not go on from
FEELINGS = "support/"
OFF_SUBJECT = "meta/out_of_scope"
OVERRIDE = "override"  # in the parse data: the id and variant to say, whatever else was understood
ADVICE_KIND = "advice_kind"  # in the parse data: which wording of a refusal to advise fits, if one surely does
SUBJECT = "recurrent_miscarriage"  # the words for the subject itself name no topic
WARNING_SIGNS = "warning_signs"  # their causes, tests and treatments are others than those of miscarriage
CAUSES = "causes/"  # what a topic's name alone is mostly taken for
GENERAL_FACET = {"result": "tests", "medicine": "treatments"}  # by kind of advice
PLAINLY = 0.9  # the probability from which a topic's name alone says which answer on it is meant
MAX_CHOICES = 3
MIN_CHOICES = 2


@dataclass(frozen=True)
class Cues:
    """The words of data/followups.yml."""

    fillers: frozenset[str]
    pointers: frozenset[str]
    facets: Mapping[str, Sequence[str]]
    new_subject: Sequence[str] = ()
    done: frozenset[str] = frozenset()  # whole messages: what was advised against is done


@dataclass(frozen=True)
class Reading:
    """What a message names: the topics, the facets plainly asked for, and the subject itself."""

    topics: tuple[str, ...] = ()
    is_bare: bool = False  # names a topic and asks nothing
    facets: tuple[str, ...] = ()
    asks_facet_only: bool = False  # "and how is that treated?": names one facet and no topic
    names_subject: bool = False
    begins_anew: bool = False  # says that it leaves the talk's subject, and names another


def nameable_topics(path: Path, ids: Iterable[str]) -> set[str]:
    """Return the topics that a message can be about, from the ids of the answers and data/followups.yml."""
    topics = {topic_of(id) for id in ids if not id.startswith(NO_SUBJECT)}
    return topics - set(read_yaml(path)["ways_of_asking"])


def load_cues(path: Path) -> Cues:
    """Read the words of data/followups.yml."""
    file = read_yaml(path)
    words = file["followups"]
    done = frozenset(" ".join(words_of(said)) for said in file["done_already"])
    return Cues(frozenset(words["fillers"]), frozenset(words["pointers"]), words["facets"], file["new_subject"], done)


def read(text: str, topic_words: TopicWords, cues: Cues) -> Reading:
    """Return what a message names."""
    words = words_of(text)
    rest = _without(words, cues.new_subject)
    named = topic_words.find(" ".join(rest))
    topics = tuple(topic for topic in named.topics if topic != SUBJECT)
    facets = tuple(facet for facet, phrases in cues.facets.items() if _without(words, phrases) != words)
    return Reading(
        topics,
        is_bare=len(named.topics) == 1 == len(topics) and cues.fillers.issuperset(named.other_words),
        facets=facets,
        asks_facet_only=len(facets) == 1 and _says_no_more(words, cues.facets[facets[0]], cues),
        names_subject=SUBJECT in named.topics,
        begins_anew=bool(topics) and rest != words,
    )


class Conversation:
    """Decides what to say to a message, given the last answer of its conversation."""

    def __init__(
        self, answers: Answers, nearest: Nearest, topic_words: TopicWords, cues: Cues, settings: GateSettings
    ) -> None:
        self._answers = answers
        self._nearest = nearest
        self._topic_words = topic_words
        self._cues = cues
        self._settings = settings

    def decide(self, message: Mapping[str, Any], last: Last | None) -> tuple[Decision, ...]:
        """Return the decision on a parsed message; two of them where it asks two things and both are sure.

        `last` is None at the start of a conversation.
        """
        if override := message.get(OVERRIDE):
            return (Decision(override["id"], 1.0, variant=override["variant"]),)
        parts = self._sure_parts(message)
        if len(parts) == 2:
            return parts
        decision = self._decide_one(message, last)
        if decision.id == ADVICE:
            kind = message.get(ADVICE_KIND)
            decision = replace(decision, general=self._general(message, last, kind), variant=kind)
        return (decision,)

    def says_done(self, text: str) -> bool:
        """Whether a message says no more than that it is done: after a refusal, that the medicine was taken."""
        return " ".join(words_of(text)) in self._cues.done

    def in_danger(self, message: Mapping[str, Any], last: Last | None) -> tuple[Decision, ...]:
        """Return the decision that the safety component left in the parse data, with the answer the message would get
        if this is not happening now; and, where the message also asks something else and that is sure, its answer."""
        danger = replace(with_danger(message["danger"]), not_now=self._on_subject(message, last))
        aside = [part for part in message.get("parts", ()) if not part.get("danger", True)]
        sure = [decision for decision in self._sure(aside) if not decision.id.startswith(NOT_BESIDE_DANGER)]
        return (danger, *sure[:1])

    def _decide_one(self, message: Mapping[str, Any], last: Last | None) -> Decision:
        reading = read(message["text"], self._topic_words, self._cues)
        if last and message.get("context_ranking") and not reading.begins_anew:
            decision = self._in_context(reading, message["context_ranking"], last)
            return self._on_new_topic(reading, message, decision, last) or decision
        return self._alone(reading, as_ranking(message["answer_ranking"]))

    def _on_new_topic(
        self, reading: Reading, message: Mapping[str, Any], decision: Decision, last: Last
    ) -> Decision | None:
        """Return the answer that the message gets by itself, where it names another topic than the talk's and the
        answer in context leaves that aside: the old topic must not bend a new question."""
        topic = only(reading.topics)
        if (
            not topic
            or topic == last.topic
            or not decision.id.startswith(TOPIC_FACETS)
            or self._speaks_of(decision.id, topic)
        ):
            return None
        alone = self._alone(reading, as_ranking(message["answer_ranking"]))
        return alone if self._speaks_of(alone.id, topic) else None

    def _on_subject(self, message: Mapping[str, Any], last: Last | None) -> str | None:
        """Return the likeliest answer on the subject, None where none is likely enough."""
        in_context = message.get("context_ranking") if last else None
        entries = as_ranking(in_context or message.get("answer_ranking") or ())
        ranking = [(id, value) for id, value in entries if not id.startswith(NO_SUBJECT)]
        whole = sum(value for _, value in ranking)
        is_sure = whole >= self._settings.general_from and ranking[0][1] / whole >= self._settings.general_sure
        return ranking[0][0] if is_sure else None

    def _general(self, message: Mapping[str, Any], last: Last | None, kind: str | None) -> str | None:
        """Return the answer on what a refused message is about, None where it is about nothing that we answer.

        A topic that it names says more than probabilities: the answer on it, else the one for the kind of advice.
        """
        likeliest = self._on_subject(message, last)
        topics = read(message["text"], self._topic_words, self._cues).topics
        if len(topics) != 1:
            return likeliest
        on_topic = {target.id for facet in TOPIC_FACETS if (target := self._nearest.find(facet, topics[0]))}
        target = self._nearest.find(_general_facet(kind, likeliest), topics[0])
        return likeliest if likeliest in on_topic or target is None else target.id

    def carried(self, decision: Decision, last: Last | None) -> Last | None:
        """Return what a follow-up to this decision goes on from; None leaves it at the last answer, if there was one.

        A refusal and a "we do not say" carry what the message named. So does a question back; where that named nothing
        it carries its likeliest answer, unless its answers are on several topics and the talk had one already.
        """
        id = decision.general or decision.not_now or decision.id
        if not decision.choices and not id.startswith(NO_SUBJECT):
            return Last(id, self._topic_of_talk(id, decision.topic, last))
        if decision.topic:
            return self._named(decision.facet, decision.topic)
        likeliest = [Last(id, topic_of(id)) for id in decision.choices[:2]]
        return likeliest[0] if likeliest and (not last or len({each.topic for each in likeliest}) == 1) else None

    def _topic_of_talk(self, id: str, named: str | None, last: Last | None) -> str:
        """Return the topic that the message named, where its answer can be on that: a husband who asks about a septum
        names himself as well. A feeling that is told meanwhile leaves the talk at its topic."""
        if named and (not id.startswith(TOPIC_FACETS) or self._speaks_of(id, named)):
            return named
        return last.topic if last and id.startswith(FEELINGS) else topic_of(id)

    def _named(self, facet: str | None, topic: str) -> Last | None:
        """Return what was asked about where no answer was given: the facet named, else the first that has the topic."""
        target = self._nearest.find(facet, topic) if facet else None
        answers = (target.id,) if target else self._answers_on(topic)
        return Last(answers[0], topic) if answers else None

    def _sure_parts(self, message: Mapping[str, Any]) -> tuple[Decision, ...]:
        """Return what two questions of one message get, safety first; nothing where not both are sure."""
        sure = [
            replace(decision, variant=message.get(ADVICE_KIND)) if decision.id == ADVICE else decision
            for decision in sorted(self._sure(message.get("parts", ())), key=lambda decision: decision.id != ADVICE)
        ]
        ids = {decision.id for decision in sure if decision.id == NOT_COVERED or not decision.id.startswith("meta/")}
        return tuple(sure) if len(sure) == 2 == len(ids) else ()

    def _sure(self, parts: Iterable[Mapping[str, Any]]) -> list[Decision]:
        rankings = [as_ranking(part["answer_ranking"]) for part in parts]
        return [Decision(*ranking[0]) for ranking in rankings if ranking[0][1] >= self._settings.both_sure]

    def _in_context(self, reading: Reading, entries: Sequence[Mapping[str, Any]], last: Last) -> Decision:
        if target := self._for_facet_alone(reading, last):
            return Decision(target.id, 1.0, topic=target.topic, instead=target.instead)
        decision = self._decide(reading, as_ranking(entries))
        if decision.id == FALLBACK:
            return self._topics_answers(reading, decision) or decision
        link = next(entry["link"] for entry in entries if entry["id"] == decision.id)
        decision = replace(decision, leans=decision.id == last.id or link not in (ALONE, *FIXED, *reading.facets))
        target = self._nearest.target(link, last, reading.topics)
        if target and target.id == decision.id:
            decision = replace(decision, topic=target.topic or decision.topic, instead=target.instead)
        elif not reading.topics and self._speaks_of(decision.id, last.topic):
            decision = replace(decision, topic=last.topic)
        return self._where_there_is_none(reading, replace(decision, repeated=decision.id == last.id))

    def _for_facet_alone(self, reading: Reading, last: Last) -> Target | None:
        """Return the answer for a facet and nothing else.

        None where it was just given, and more is meant ("what would they test" after when to test), and where what is
        looked for and treated need not be a miscarriage.
        """
        if not reading.asks_facet_only or last.facet == WARNING_SIGNS:
            return None
        target = self._nearest.target(reading.facets[0], last, ())
        return target if target and target.id != last.id else None

    def _speaks_of(self, id: str, topic: str) -> bool:
        """Whether an answer is the one that its facet has on a topic: the scans are that for fibroids."""
        target = self._nearest.find(id.partition("/")[0], topic)
        return target is not None and target.id == id

    def _alone(self, reading: Reading, ranking: Ranking) -> Decision:
        decision = self._decide(reading, ranking)
        return self._topics_answers(reading, decision) or self._where_there_is_none(reading, decision)

    def _decide(self, reading: Reading, ranking: Ranking) -> Decision:
        ranking = without_off_subject(ranking) if reading.names_subject else ranking
        topic, facet = only(reading.topics), only(reading.facets)
        return replace(decide(ranking, self._settings.costs), topic=topic, facet=facet)

    def _topics_answers(self, reading: Reading, decision: Decision) -> Decision | None:
        """Return the question back for a topic alone: its cause, its test or its treatment.

        None where the words say which, though they name no more: "cerclage" is a treatment, "TSH" a test.
        """
        says_which = decision.confidence >= PLAINLY and not decision.id.startswith(CAUSES)
        choices = self._answers_on(reading.topics[0]) if reading.is_bare and not says_which else ()
        return Decision(FALLBACK, 1.0, choices, topic=reading.topics[0]) if len(choices) >= MIN_CHOICES else None

    def _where_there_is_none(self, reading: Reading, decision: Decision) -> Decision:
        """Return the nearest answer where the words name one facet and one topic that have no answer together."""
        if len(reading.topics) == 1 == len(reading.facets) and decision.id.startswith(TOPIC_FACETS):
            target = self._nearest.find(reading.facets[0], reading.topics[0])
            if target and target.instead:
                return Decision(target.id, decision.confidence, instead=True, topic=target.topic)
        return decision

    def _answers_on(self, topic: str) -> tuple[str, ...]:
        """Return the answers that speak of a topic, at most three: what causes it, how it is found, what is done."""
        targets = [self._nearest.find(facet, topic) for facet in TOPIC_FACETS]
        own = [id for id in self._answers if id.endswith(f"/{topic}")]
        found = [target.id for target in targets if target and not target.instead]
        return tuple(dict.fromkeys((*found, *own)))[:MAX_CHOICES]


def _general_facet(kind: str | None, likeliest: str | None) -> str:
    facet = (likeliest or "").partition("/")[0]
    return GENERAL_FACET.get(kind or "") or (facet if facet in TOPIC_FACETS else TOPIC_FACETS[0])


def only(names: Sequence[str]) -> str | None:
    """Return the one name there is, None where there are none or several."""
    return names[0] if len(names) == 1 else None


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


def _says_no_more(words: Sequence[str], phrases: Sequence[str], cues: Cues) -> bool:
    return (cues.fillers | cues.pointers).issuperset(_without(words, phrases))


def _without(words: Sequence[str], phrases: Sequence[str]) -> list[str]:
    """Return the words less those of the phrases that stand among them."""
    whole = f" {' '.join(words)} "
    for phrase in phrases:
        whole = whole.replace(f" {phrase} ", " ")
    return whole.split()
