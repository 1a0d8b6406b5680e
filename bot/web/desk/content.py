"""Content: every answer with its review, and what is due. The pages of the answers are those of Find."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bot.answers import Answer
from bot.live import Published
from bot.web.desk.answer_view import DUE_SOON, OVERDUE, errata_of, review_state
from bot.web.desk.desk import Desk

URGENCY = (OVERDUE, DUE_SOON)


@dataclass(frozen=True)
class Line:
    """One answer in the table."""

    answer: Answer
    title: str
    state: str
    facts: tuple[str, ...]
    errata: tuple[str, ...]
    grade: float


class ContentPage:
    """The table of all answers."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[BaseRoute]:
        """Return the addresses below /desk."""
        return [Route("/content", self._desk.guarded(self.table))]

    async def table(self, request: Request) -> Response:
        """Every answer, those that are overdue first."""
        now = self._desk.live.now
        lines = await asyncio.to_thread(lines_of, now, date.today())
        since = now.since.astimezone(ZoneInfo(now.clinic.time_zone))
        states = Counter(line.state for line in lines)
        return await self._desk.page(request, "content.html", lines=lines, since=since, states=states)


def lines_of(published: Published, today: date) -> list[Line]:
    """Return a line for each answer: the overdue ones first, then those due soon, then as in the files."""
    grades = published.grades
    lines = [line_of(published, answer, grades, today) for answer in published.content.answers.values()]
    return sorted(lines, key=lambda line: URGENCY.index(line.state) if line.state in URGENCY else len(URGENCY))


def line_of(published: Published, answer: Answer, grades: Mapping[str, float], today: date) -> Line:
    """Return the line of one answer."""
    facts = tuple(dict.fromkeys([*answer.fact_ids, *(fact for note in answer.staff for fact in note.facts)]))
    errata = tuple(erratum.id for erratum in errata_of(published, answer, facts))
    title = published.renderer.reply(answer.id)["title"]
    return Line(answer, title, review_state(answer, today), facts, errata, grades[answer.id])
