"""The shape of data/safety.yml and its reading: every fault of the file is named at once, with where it stands."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.safety_phrases import Index, Phrase, PhraseReader, Span
from bot.safety_text import Speller
from bot.yaml_files import YamlFault, read_yaml

Level = Literal["E", "D", "P", "crisis"]


@dataclass(frozen=True)
class SafetyRules:
    """data/safety.yml, ready to search: signs by phrase, whole-message calls, cues, contexts and weeks."""

    signs: Index
    visits: Index  # signs of level P
    whole: tuple["Sought", ...]
    calm: tuple[Phrase, ...]
    cues: Index
    contexts: Index
    gestation: Index
    stages: Mapping[str, float]
    fillers: frozenset[str]
    speller: Speller
    alarm: float
    doubt: float


def read_rules(path: Path, english: frozenset[str]) -> SafetyRules:
    """Return the rules of the file at `path`; `english` are words that need no mending. Raises YamlFault."""
    file = _parsed(path)
    reader = PhraseReader(file.lists, file.spelling.contractions, file.spelling.fillers)
    faults: list[str] = []
    sought = list(_sought(file, reader, path, faults))
    cues = Index(_labelled(file.cues.model_dump(), "cues", reader, path, faults))
    contexts = Index(_labelled(file.contexts, "contexts", reader, path, faults))
    calm = tuple(phrase for phrase, _ in _labelled({"calm": file.calm}, "calm", reader, path, faults))
    gestation = Index(_labelled(_gestation_phrases(file.gestation), "gestation", reader, path, faults))
    faults += _unknown_names(file, path)
    if faults:
        raise YamlFault("\n".join(faults))
    signs = Index((each.phrase, each) for each in sought if not each.rule.whole and each.level != "P")
    visits = Index((each.phrase, each) for each in sought if each.level == "P")
    whole = tuple(each for each in sought if each.rule.whole)
    speller = _speller(file, english, reader, sought)
    return SafetyRules(
        signs,
        visits,
        whole,
        calm,
        cues,
        contexts,
        gestation,
        file.gestation.stages,
        file.spelling.fillers,
        speller,
        file.trained.alarm,
        file.trained.doubt,
    )


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Spelling(_Entry):
    contractions: dict[str, str]
    misspelled: dict[str, str]
    hard_words: tuple[str, ...]
    emoji: dict[str, str]
    fillers: frozenset[str]


class Cues(_Entry):
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


class Gestation(_Entry):
    weeks: tuple[str, ...]
    months: tuple[str, ...]
    stages: dict[str, float]
    not_now: tuple[str, ...]


class Rule(_Entry):
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


class Sign(_Entry):
    title: str
    level: Level
    why: str
    variant: str | None = None
    also: tuple[str, ...] = ()
    even_supposed: bool = False  # 'if this fails I will not be here' is a sign as well
    rules: tuple[Rule | str, ...]


class Trained(_Entry):
    """From which probability the trained reader raises the alarm, and below which weak phrases do not."""

    alarm: float = Field(gt=0, lt=1)
    doubt: float = Field(gt=0, lt=1)


class SafetyFile(_Entry):
    spelling: Spelling
    lists: dict[str, tuple[str, ...]]
    cues: Cues
    contexts: dict[str, tuple[str, ...]]
    gestation: Gestation
    trained: Trained
    calm: tuple[str, ...]
    weak: dict[str, frozenset[str]]
    signs: dict[str, Sign] = Field(min_length=1)


@dataclass(frozen=True)
class Sought:
    """One phrase of one rule of one sign."""

    id: str
    sign: Sign
    rule: Rule
    phrase: Phrase
    is_weak: bool = False

    @property
    def level(self) -> str:
        return self.rule.level or self.sign.level

    @property
    def variant(self) -> str | None:
        return self.rule.variant or self.sign.variant


@dataclass(frozen=True)
class Hit:
    """A sign that was found, with the places of the words that told it."""

    sought: Sought
    spans: tuple[Span, ...]


def _parsed(path: Path) -> SafetyFile:
    try:
        return SafetyFile.model_validate(read_yaml(path, "safety"))
    except ValidationError as error:
        lines = (f"{path}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}; mend it" for fault in error.errors())
        raise YamlFault("\n".join(lines)) from None


def _sought(file: SafetyFile, reader: PhraseReader, path: Path, faults: list[str]) -> Iterator[Sought]:
    for id, sign in file.signs.items():
        for entry in sign.rules:
            rule = Rule(say=(entry,)) if isinstance(entry, str) else entry
            for text in rule.say:
                try:
                    yield Sought(id, sign, rule, reader.phrase(text), text in file.weak.get(id, ()))
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


def _gestation_phrases(gestation: Gestation) -> Mapping[str, Iterable[str]]:
    named = {name: getattr(gestation, name) for name in ("weeks", "months", "not_now")}
    return MappingProxyType({**named, **{stage: (stage,) for stage in gestation.stages}})


def _unknown_names(file: SafetyFile, path: Path) -> Iterator[str]:
    for id, weak in file.weak.items():
        rules = file.signs[id].rules if id in file.signs else ()
        said = {text for rule in rules for text in ((rule,) if isinstance(rule, str) else rule.say)}
        for text in sorted(weak - said):
            yield f"{path}: weak: {id}: {text!r} is no phrase of that sign; copy it from there, or take it out"
    for id, sign in file.signs.items():
        for rule in sign.rules:
            for name in () if isinstance(rule, str) else (*rule.needs, *rule.unless):
                if name not in file.contexts:
                    yield f"{path}: {id}: no context is called {name!r}; add it to contexts, or mend the name"


def _speller(file: SafetyFile, english: frozenset[str], reader: PhraseReader, sought: Iterable[Sought]) -> Speller:
    groups = (file.cues.model_dump(), file.contexts, _gestation_phrases(file.gestation), {"calm": file.calm})
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
