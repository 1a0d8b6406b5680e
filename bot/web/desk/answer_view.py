"""One answer as the desk shows it: what to say, what to send, and what is for staff alone. Pure functions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from bot.answers import Answer
from bot.finder import first_sentences
from bot.live import Published
from bot.reply import CRISIS, STAFF, URGENT, Reply
from bot.safety import Finding
from bot.sources import STAFF_ONLY, Erratum

OVERDUE, DUE_SOON, IN_TIME = "overdue", "due_soon", "in_time"
DUE_WITHIN_DAYS = 60
STAFF_CAUTION = "K5"
NEEDS_VISIT = ("meta/not_covered", "needs_visit")
# Of the crisis record's staff notes, those that say what to do now; the rest is on its page.
FIRST_NOTES = 2


@dataclass(frozen=True)
class FactLine:
    """One fact with where it stands."""

    id: str
    text: str
    document: str
    heading: str
    audience: str

    @property
    def is_for_staff(self) -> bool:
        """Whether no visitor may hear it."""
        return self.audience == STAFF_ONLY


@dataclass(frozen=True)
class AnswerView:
    """All that the page of one answer shows. `reply` is what a visitor gets."""

    answer: Answer
    reply: Reply
    say: str
    staff: tuple[str, ...]
    facts: tuple[FactLine, ...]
    errata: tuple[Erratum, ...]
    review: str

    @property
    def has_staff_facts(self) -> bool:
        """Whether any of the facts is for staff alone."""
        return any(fact.is_for_staff for fact in self.facts)


def view(published: Published, id: str, today: date) -> AnswerView:
    """Return the view of an answer. Raises KeyError where there is none."""
    answer = published.content.answers[id]
    reply = published.renderer.reply(id)
    cited = dict.fromkeys([*answer.fact_ids, *(fact for note in answer.staff for fact in note.facts)])
    return AnswerView(
        answer,
        reply,
        first_sentences(reply["paragraphs"]),
        tuple(published.renderer.staff_notes(id)),
        tuple(fact_line(published, fact) for fact in cited),
        tuple(errata_of(published, answer, cited)),
        review_state(answer, today),
    )


def fact_line(published: Published, id: str) -> FactLine:
    """Return a fact with its document and heading."""
    fact = published.content.sources.facts[id]
    document = published.content.sources.documents[fact.document]
    return FactLine(id, fact.text, document.title, fact.heading, fact.audience)


def errata_of(published: Published, answer: Answer, facts: Iterable[str]) -> list[Erratum]:
    """Return the errata that bear on an answer: those its staff notes give, and those of its facts that name it."""
    sources = published.content.sources
    noted = [id for note in answer.staff for id in note.errata]
    bound = [id for fact in facts for id in sources.facts[fact].errata if answer.id in sources.errata[id].answers]
    return [sources.errata[id] for id in dict.fromkeys((*noted, *bound))]


def review_state(answer: Answer, today: date) -> str:
    """Return whether the review is overdue, due soon or in time."""
    left = (answer.review_due - today).days
    return OVERDUE if left < 0 else DUE_SOON if left <= DUE_WITHIN_DAYS else IN_TIME


def plain_text(shown: AnswerView, words: Mapping[str, Any]) -> str:
    """Return the visitor's text with sources, review date, disclaimer and consultation, for a message or a mail."""
    reply, consultation = shown.reply, shown.reply["consultation"]
    sources = [words["answer"]["source"].format(**source) for source in reply["sources"]]
    reviewed = words["sheet"]["reviewed"].format(on=shown.answer.reviewed_on)
    contact = f"{consultation['text']} {consultation['url']} · {consultation['phone']}"
    parts = [reply["title"], *reply["paragraphs"], "\n".join([*sources, reviewed]), reply["disclaimer"], contact]
    return "\n\n".join(parts)


def script(published: Published, finding: Finding) -> dict[str, Any]:
    """Return the staff script for a red flag: its title, what to do, and the record with all of it."""
    renderer = published.renderer
    lines: list[str] = []
    if finding.answer == URGENT:
        lines += renderer.reply(URGENT, variant=STAFF)["paragraphs"]
    if finding.answer == CRISIS or finding.also_crisis:
        numbers = published.desk_words["find"]["crisis_numbers"].format_map(published.clinic.words)
        lines += [*renderer.staff_notes(CRISIS)[:FIRST_NOTES], numbers]
    return {"lines": lines, "answer": finding.answer}


def visit_note(published: Published) -> list[str]:
    """Return what is said of a sign that a doctor should look at within days."""
    id, variant = NEEDS_VISIT
    lines: list[str] = published.renderer.reply(id, variant=variant)["paragraphs"]
    return lines
