"""Counts: what was asked, by week, and what came of it. Read from the database's sums: no texts, no persons.

The figures are worked out by pure functions over those sums, and drawn as bars in the page (templates/counts.html).
"""

import asyncio
import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Integer, cast, func, select
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bot.store.database import SQLITE, Database
from bot.store.tables import AnswerCount, FeedbackCount
from bot.web.desk.desk import Desk
from bot.web.desk.layout import with_headers

# Of the tables, not of the classes: thousands of rows are fetched in a third of the time.
TURNS, TAPS = AnswerCount.__table__.c, FeedbackCount.__table__.c
WEEKS, MOST_WEEKS = 12, 57  # 13 months are kept
MOST_ANSWERS = 15
# What a kind of reply (contract.md) counts as; any other is small talk and the like.
SERVED, SAFETY, OTHER = "served", "safety", "other"
OUTCOMES = {
    "answer": SERVED,
    "choice": "offered",
    "not_covered": "not_covered",
    "out_of_scope": "off_subject",
    "fallback": "not_understood",
    "unavailable": "not_understood",
    "advice": "advice",
    "urgent": SAFETY,
    "crisis": SAFETY,
}
IN_ORDER = (SERVED, "offered", "not_covered", "off_subject", "not_understood", "advice", SAFETY, OTHER)


class Sum(NamedTuple):
    """So many turns with one answer in the week that begins on a Monday: a line of the CSV before it is joined."""

    week: date
    answer: str
    kind: str
    level: str
    turns: int


@dataclass(frozen=True)
class Counted:
    """What the page is worked out from: sums of the database, each over all that it does not name."""

    kinds: Sequence[tuple[date, str, int]]  # week, kind of reply, turns
    answers: Sequence[tuple[str, int]]  # answer, turns that served it
    signs: Sequence[tuple[str, str, int]]  # kind of safety reply, signs found, turns
    taps: Sequence[tuple[date, bool, int]]  # week, whether it helped, taps


@dataclass(frozen=True)
class Week:
    """One week: how often each outcome, and how often visitors said that it helped or did not."""

    begins: date
    outcomes: Mapping[str, int]
    helpful: int
    not_helpful: int

    @property
    def turns(self) -> int:
        """All turns of the week."""
        return sum(self.outcomes.values())

    @property
    def taps(self) -> int:
        """All that was said on whether an answer helped."""
        return self.helpful + self.not_helpful


@dataclass(frozen=True)
class Figures:
    """All that the page shows. Each list is in the order shown, the most first."""

    weeks: Sequence[Week]
    subjects: Sequence[tuple[str, int]]
    answers: Sequence[tuple[str, int]]
    signs: Sequence[tuple[str, int]]

    @property
    def turns(self) -> int:
        """All turns of all weeks."""
        return sum(week.turns for week in self.weeks)

    @property
    def most(self) -> int:
        """The turns of the busiest week; 1 where there is none, to divide by."""
        return max([1, *(week.turns for week in self.weeks)])


class CountsPage:
    """The page, and the same figures as CSV."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[BaseRoute]:
        """Return the addresses below /desk."""
        guarded = self._desk.guarded
        return [Route("/counts", guarded(self.page)), Route("/counts.csv", guarded(self.as_csv))]

    async def page(self, request: Request) -> Response:
        """The figures of the last weeks, drawn and as tables."""
        weeks = wanted_weeks(request.query_params.get("weeks"))
        found = await asyncio.to_thread(self._figures, weeks)
        renderer = self._desk.live.now.renderer
        titles = {id: renderer.reply(id)["title"] if id in renderer.answers else id for id, _ in found.answers}
        return await self._desk.page(
            request, "counts.html", found=found, weeks=weeks, titles=titles, kinds=IN_ORDER, most_weeks=MOST_WEEKS
        )

    async def as_csv(self, request: Request) -> Response:
        """The figures of the last weeks, a line for each week and answer."""
        lines = await asyncio.to_thread(read_lines, self._desk.database, self._since(MOST_WEEKS))
        headers = {"Content-Disposition": 'attachment; filename="counts.csv"'}
        return with_headers(Response(csv_of(lines), media_type="text/csv", headers=headers))

    def _figures(self, weeks: int) -> Figures:
        since = self._since(weeks)
        return figures(read(self._desk.database, since), since, weeks)

    def _since(self, weeks: int) -> date:
        today = datetime.now(ZoneInfo(self._desk.live.now.clinic.time_zone)).date()
        return monday(today) - timedelta(weeks=weeks - 1)


def read(database: Database, since: date) -> Counted:
    """Return what was counted since a Monday. Raises StoreFault.

    Four small sums instead of one by week and answer, whose rows would take far longer to fetch than to add up.
    """
    week, tapped_in = week_since(database, since, TURNS.day), week_since(database, since, TAPS.day)
    kinds = sums(since, TURNS.day, TURNS.turns, [week, TURNS.kind])
    answers = sums(since, TURNS.day, TURNS.turns, [TURNS.answer]).where(TURNS.kind.in_(kinds_of(SERVED)))
    signs = sums(since, TURNS.day, TURNS.turns, [TURNS.kind, TURNS.rules]).where(TURNS.kind.in_(kinds_of(SAFETY)))
    taps = sums(since, TAPS.day, TAPS.taps, [tapped_in, TAPS.helpful])
    with database.reading() as rows:
        return Counted(
            [(since + timedelta(weeks=week), kind, turns) for week, kind, turns in rows.execute(kinds)],
            rows.execute(answers).all(),
            rows.execute(signs).all(),
            [(since + timedelta(weeks=week), helpful, taps) for week, helpful, taps in rows.execute(taps)],
        )


def read_lines(database: Database, since: date) -> list[Sum]:
    """Return what was counted since a Monday by week, answer, kind and level. Raises StoreFault."""
    key = [week_since(database, since, TURNS.day), TURNS.answer, TURNS.kind, TURNS.level]
    begins = [since + timedelta(weeks=week) for week in range(MOST_WEEKS + 1)]
    with database.reading() as rows:
        return [Sum(begins[week], *rest) for week, *rest in rows.execute(sums(since, TURNS.day, TURNS.turns, key))]


def week_since(database: Database, since: date, day: Any) -> Any:
    """Return the number of a day's week for a query: 0 for the one that begins on the Monday `since`."""
    days = func.julianday(day) - func.julianday(since) if database.dialect == SQLITE else day - since
    return (cast(days, Integer) / 7).label("week")


def sums(since: date, day: Any, summed: Any, key: Sequence[Any]) -> Any:
    """Return the query that sums up by a key what was counted since a day."""
    return select(*key, func.sum(summed)).where(day >= since).group_by(*key)


def kinds_of(outcome: str) -> list[str]:
    """Return the kinds of reply that count as this."""
    return [kind for kind, its in OUTCOMES.items() if its == outcome]


def figures(counted: Counted, since: date, weeks: int) -> Figures:
    """Return the figures of so many weeks that begin on the Monday `since`."""
    outcomes: dict[date, Counter[str]] = {since + timedelta(weeks=week): Counter() for week in range(weeks)}
    for week, kind, turns in counted.kinds:
        outcomes.setdefault(week, Counter())[outcome_of(kind)] += turns
    subjects: Counter[str] = Counter()
    for answer, turns in counted.answers:
        subjects[answer.partition("/")[0]] += turns
    signs: Counter[str] = Counter()
    for kind, rules, turns in counted.signs:
        signs.update(dict.fromkeys(rules.split() or [kind], turns))
    taps = Counter({(week, helpful): taps for week, helpful, taps in counted.taps})
    weeks_shown = [
        Week(begins, {kind: counts[kind] for kind in IN_ORDER}, taps[begins, True], taps[begins, False])
        for begins, counts in sorted(outcomes.items())
    ]
    answers = Counter(dict(counted.answers)).most_common(MOST_ANSWERS)
    return Figures(weeks_shown, subjects.most_common(), answers, signs.most_common())


def outcome_of(kind: str) -> str:
    """Return what a kind of reply counts as."""
    return OUTCOMES.get(kind, OTHER)


def monday(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def csv_of(counted: Iterable[Sum]) -> str:
    """Return the counts by week and answer as CSV, with a line of names first."""
    lines: Counter[tuple[date, str, str, str]] = Counter()
    for each in counted:
        lines[each.week, each.answer, outcome_of(each.kind), each.level] += each.turns
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(["week_of", "answer", "outcome", "level", "turns"])
    writer.writerows([*key, turns] for key, turns in sorted(lines.items()))
    return written.getvalue()


def wanted_weeks(written: str | None) -> int:
    """Return how many weeks to show: what was asked for, if that is a number we have."""
    is_number = written is not None and written.isascii() and written.isdecimal() and len(written) < 4
    return min(max(1, int(written or 1)), MOST_WEEKS) if is_number else WEEKS
