"""Whether the answers may be published: every rule of content, all faults in one run.

A fault is one line: path, id, fault, remedy. `check_answers` is the whole of it; each rule below is a generator of
(id, fault and remedy) pairs and knows nothing of the others.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from string import Formatter

from bot.answers import OWN, Answer, Answers, Paragraph, load_answers, nearest
from bot.sources import CAUTION, NOT_USED, STAFF_ONLY, VISITOR, Sources, load_sources
from bot.wording import Wording, load_wording
from bot.yaml_files import read_yaml

MAX_GRADE, MAX_AVERAGE_GRADE, MAX_SAFETY_GRADE = 8.0, 6.5, 6.0  # safety.md: grade 8, aim 6; safety texts 6
MAX_SENTENCE_WORDS = 20
NEXT_COUNT = range(2, 5)  # two to four buttons after an answer; the menu shows every subject
FACETS_WITH_SOURCES = ("basics", "causes", "warning_signs", "tests", "treatments", "prevention", "support")
UNOFFERED = ("safety/", "meta/greet", "meta/goodbye", "meta/thanks", "meta/not_covered", "meta/out_of_scope")
MENU = "meta/menu"
UNUSED = "sources/unused_facts"
FACT_FILES = (UNUSED,)

Fault = tuple[str, str]


@dataclass(frozen=True)
class Content:
    """All that the checks look at. `published` are the ids that may never be lost or change their meaning."""

    answers: Answers
    sources: Sources
    wording: Wording
    published: frozenset[str]
    unused_facts: Mapping[str, str]
    placeholders: frozenset[str]
    conditions: frozenset[str]  # what `when` may name; a placeholder among them stands only under its own `when`


def check_answers(content: Content, folder: Path) -> list[str]:
    """Return every fault of the answers as 'path: id: fault; remedy', empty where all is well."""
    rules = (
        _ids,
        _grounds,
        _audiences,
        _cautions,
        _words,
        _figures,
        _reading,
        _next,
        _reach,
        _review,
        _names_in_braces,
        _conditions,
        _coverage,
    )
    faults = (fault for rule in rules for fault in rule(content))
    return [f"{_file_of(id, folder)}: {id}: {fault}" for id, fault in faults]


def _file_of(id: str, folder: Path) -> Path:
    if id in FACT_FILES:
        return folder.parent / f"{id}.yml"
    return folder / f"{id.partition('/')[0]}.yml"


def overdue(answers: Answers, today: date) -> list[str]:
    """Return a warning for every answer whose review date has passed: never a fault, so old clones still run."""
    return [
        f"{id}: review was due on {answer.review_due}; ask {answer.reviewer} to look again"
        for id, answer in answers.items()
        if answer.review_due < today
    ]


def _ids(content: Content) -> Iterator[Fault]:
    for id in sorted(content.published - set(content.answers)):
        yield id, f"has no record{nearest(id, content.answers)}; write one"
    for id in sorted(set(content.answers) - content.published):
        yield id, f"is no published id{nearest(id, content.published)}; add it to data/published_ids.yml or mend it"
    for field in ("title", "question"):
        first: dict[str, str] = {}
        for id, answer in content.answers.items():
            words = getattr(answer, field).lower()
            if first.setdefault(words, id) != id:
                yield id, f"{field} is the same as that of {first[words]}; make them differ, they are buttons"


def _grounds(content: Content) -> Iterator[Fault]:
    known, errata = content.sources.facts, content.sources.errata
    for id, answer in content.answers.items():
        for fact in (*_facts(answer), *(fact for note in answer.staff for fact in note.facts)):
            if fact not in known:
                yield id, f"cites {fact}, which does not exist{nearest(fact, known)}; cite a fact of facts.yml"
        for paragraph in _paragraphs(answer):
            if paragraph.own and paragraph.own not in OWN and paragraph.own not in errata:
                yield id, f"own: {paragraph.own} is neither an erratum nor one of {', '.join(OWN)}; name the ground"
        for erratum in (erratum for note in answer.staff for erratum in note.errata):
            if erratum not in errata:
                yield id, f"staff note cites {erratum}, which does not exist; cite an entry of errata.yml"
        if answer.facet in FACETS_WITH_SOURCES and not answer.fact_ids:
            yield id, "no paragraph cites a fact; a visitor must be able to see where it comes from"
        if answer.facet in FACETS_WITH_SOURCES and not answer.staff:
            yield id, "has no staff detail; write what the front desk should know"


def _audiences(content: Content) -> Iterator[Fault]:
    for id, answer in content.answers.items():
        for fact in _known(_facts(answer), content):
            if fact.audience == STAFF_ONLY:
                yield id, f"tells a visitor {fact.id}, which is for staff only; move it to the staff detail"
        for fact in _known((*_facts(answer), *(f for note in answer.staff for f in note.facts)), content):
            if fact.audience == NOT_USED:
                yield id, f"cites {fact.id}, which no answer may use; leave it out"


def _cautions(content: Content) -> Iterator[Fault]:
    for id, answer in content.answers.items():
        carried = {paragraph.caution for paragraph in answer.visitor if paragraph.caution}
        for caution in sorted(carried - set(content.answers.frame.cautions)):
            yield id, f"caution {caution} is not in frame.yml; use one that is"
        for caution, reason in _required(answer, content):
            if caution not in carried:
                yield id, f"must carry caution {caution} ({reason}); add '- caution: {caution}'"


def _required(answer: Answer, content: Content) -> Iterator[tuple[str, str]]:
    if answer.facet == "warning_signs":
        yield "K6", "every answer on warning signs does"
    if named := content.wording.medicines.search(_own_words(answer)):
        yield "K3", f"it names {named.group()}"
    bound = {erratum for fact in _known(answer.fact_ids, content) for erratum in fact.errata}
    for erratum in (content.sources.errata[id] for id in sorted(bound)):
        if answer.id in erratum.answers:
            yield from ((caution, f"{erratum.id} binds a fact that it cites") for caution in erratum.cautions)


def _words(content: Content) -> Iterator[Fault]:
    for id, answer in content.answers.items():
        for text in (answer.title, answer.question, *_texts(answer)):
            for words, rule in content.wording.offences(text, id):
                yield id, f"says {words!r} ({rule.why}); {rule.use}"


def _figures(content: Content) -> Iterator[Fault]:
    for id, answer in content.answers.items():
        whole = " ".join(_texts(answer))
        figures = re.findall(r"\d[\d.]*\s?%(?: (?:to|and) \d[\d.]*\s?%)?", whole)
        if len(figures) > 1:
            yield id, f"gives {len(figures)} figures ({', '.join(figures)}); give one at the most (ER-78)"
        if figures and not any(phrase in whole.lower() for phrase in content.wording.figure_phrases):
            yield id, f"gives {figures[0]} bare; say 'in some older studies' beside it (ER-78)"


def _reading(content: Content) -> Iterator[Fault]:
    import spacy  # half a second, for which a start of the action server need not wait: it checks what is changed later

    sentences = spacy.blank("en")
    sentences.add_pipe("sentencizer")
    grades = {}
    for id, answer in content.answers.items():
        limit = MAX_SAFETY_GRADE if answer.facet == "safety" else MAX_GRADE
        for name, text in _readings(answer, content.answers.frame.cautions):
            grade = grades[name] = content.wording.grade(text)
            if grade > limit:
                yield id, f"{name}: reading grade {grade:.1f}, at most {limit:g}; use shorter words and sentences"
            for sentence in sentences(text).sents:
                if (count := len(sentence.text.split())) > MAX_SENTENCE_WORDS:
                    yield (
                        id,
                        f"a sentence of {count} words, at most {MAX_SENTENCE_WORDS}; split '{sentence.text[:60]}…'",
                    )
    average = sum(grades.values()) / max(len(grades), 1)
    if average > MAX_AVERAGE_GRADE:
        yield "meta/menu", f"all answers together: average grade {average:.2f}, at most {MAX_AVERAGE_GRADE}; simplify"


def _next(content: Content) -> Iterator[Fault]:
    for id, answer in content.answers.items():
        for other in answer.next:
            if other not in content.answers:
                yield id, f"next names {other}, which does not exist{nearest(other, content.answers)}"
            if other == id:
                yield id, "next names the answer itself; name another"
        if answer.facet == "safety" and answer.id != "safety/personal_advice":
            continue  # an urgent or crisis reply offers no reading as the way out
        if id != MENU and len(answer.next) not in NEXT_COUNT:
            yield id, f"next has {len(answer.next)} answers; offer two to four"


def _reach(content: Content) -> Iterator[Fault]:
    reached, waiting = set(), [MENU]
    while waiting:
        id = waiting.pop()
        if id in content.answers and id not in reached:
            reached.add(id)
            waiting.extend(content.answers[id].next)
    for id in content.answers:
        if id not in reached and not id.startswith(UNOFFERED) and id != "meta/fallback":
            yield id, "no chain of buttons leads here from meta/menu; name it in the next of a related answer"


def _review(content: Content) -> Iterator[Fault]:
    for id, answer in content.answers.items():
        if not answer.reviewer.strip():
            yield id, "reviewer is empty; name who signs the text"
        if not 0 < (answer.review_due - answer.reviewed_on).days <= 366:
            yield id, "review_due must be after reviewed_on, by 12 months at most (HZ-24)"


def _names_in_braces(content: Content) -> Iterator[Fault]:
    for id, answer in content.answers.items():
        for text in (*_texts(answer), *(note.text for note in answer.staff)):
            for name in (field for _, field, _, _ in Formatter().parse(text) if field is not None):
                if name not in content.placeholders:
                    yield id, f"{{{name}}} is no setting{nearest(name, content.placeholders)}; see clinic.yml"


def _conditions(content: Content) -> Iterator[Fault]:
    for id, answer in content.answers.items():
        for paragraph in _paragraphs(answer):
            condition = (paragraph.when or "").removeprefix("not ")
            if paragraph.when and condition not in content.conditions:
                yield (
                    id,
                    f"when: {paragraph.when} is no setting{nearest(condition, content.conditions)}; see clinic.yml",
                )
            for _, name, _, _ in Formatter().parse(paragraph.text or ""):
                if name in content.placeholders & content.conditions and paragraph.when != name:
                    yield id, f"{{{name}}} may not be set; add 'when: {name}' to its paragraph"


def _coverage(content: Content) -> Iterator[Fault]:
    used = {fact for answer in content.answers.values() for fact in _facts(answer)}
    used |= {fact for answer in content.answers.values() for note in answer.staff for fact in note.facts}
    for id, fact in content.sources.facts.items():
        if fact.audience in (VISITOR, CAUTION, STAFF_ONLY) and id not in used | set(content.unused_facts):
            yield UNUSED, f"{id} is in no answer ({fact.text}); use it or list it with the reason"
        if id in used and id in content.unused_facts:
            yield UNUSED, f"{id} is listed as unused but an answer cites it; take it off the list"


def _paragraphs(answer: Answer) -> Iterator[Paragraph]:
    yield from answer.visitor
    for paragraphs in answer.variants.values():
        yield from paragraphs


def _texts(answer: Answer) -> list[str]:
    return [paragraph.text for paragraph in _paragraphs(answer) if paragraph.text]


def _facts(answer: Answer) -> Iterator[str]:
    return (fact for paragraph in _paragraphs(answer) for fact in paragraph.facts)


def _known(fact_ids, content: Content):
    return (content.sources.facts[id] for id in fact_ids if id in content.sources.facts)


def _own_words(answer: Answer) -> str:
    return " ".join((answer.title, answer.question, *_texts(answer)))


def _readings(answer: Answer, cautions: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the whole text that a visitor reads, and that of each variant, named."""
    for name, paragraphs in (("visitor", answer.visitor), *answer.variants.items()):
        words = (paragraph.text or cautions.get(paragraph.caution or "", "") for paragraph in paragraphs)
        text = re.sub(r"\{\w+\}", "it", " ".join(words))  # a setting counts as one short word
        yield f"{answer.id} {name}", text


def reading_grades(content: Content) -> dict[str, float]:
    """Return the reading grade of each answer's text for visitors, by id."""
    cautions = content.answers.frame.cautions
    texts = {id: next(_readings(answer, cautions))[1] for id, answer in content.answers.items()}
    return {id: content.wording.grade(text) for id, text in texts.items()}


def load_content(
    data: Path, placeholders: frozenset[str], conditions: frozenset[str], answers: Path | None = None
) -> Content:
    """Read everything the checks need from the data folder, the answers from elsewhere where `answers` says so.

    Raises YamlFault where a file has the wrong form.
    """
    published = read_yaml(data / "published_ids.yml", "published")
    return Content(
        load_answers(answers or data / "answers"),
        load_sources(data / "sources"),
        load_wording(data / "wording.yml"),
        frozenset(f"{facet}/{topic}" for facet, topics in published.items() for topic in topics),
        read_yaml(data / "sources" / "unused_facts.yml", "unused_facts"),
        placeholders,
        conditions,
    )
