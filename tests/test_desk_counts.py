"""The figures of the desk: sums by week of what the database holds, and nothing else."""

from datetime import date, timedelta

import pytest

from bot.store.tables import AnswerCount, FeedbackCount
from bot.web.desk.counts import (
    MOST_WEEKS,
    OTHER,
    WEEKS,
    Sum,
    csv_of,
    figures,
    monday,
    outcome_of,
    read,
    read_lines,
    wanted_weeks,
)
from tests.conftest import KINDS

MONDAY = date(2026, 1, 5)


def count(day, answer="causes/pcos", kind="answer", rules="", level="", turns=1, hour=9) -> AnswerCount:
    return AnswerCount(
        day=day, hour=hour, answer=answer, kind=kind, level=level, rules=rules, facet=answer.partition("/")[0],
        content_version="v", language="en", turns=turns,
    )  # fmt: skip


def test_the_database_sums_by_week_from_monday_to_sunday(database):
    days = [MONDAY - timedelta(days=1), MONDAY, MONDAY + timedelta(days=6), MONDAY + timedelta(days=7)]
    with database.writing() as rows:
        rows.add_all(count(day, turns=10**at, hour=hour) for at, day in enumerate(days) for hour in (9, 10))
        rows.add(
            FeedbackCount(day=days[2], answer="causes/pcos", helpful=True, content_version="v", language="en", taps=3)
        )
    next_monday = MONDAY + timedelta(days=7)
    found = read(database, MONDAY)
    assert sorted(found.kinds) == [(MONDAY, "answer", 220), (next_monday, "answer", 2000)]
    assert [tuple(row) for row in found.answers] == [("causes/pcos", 2220)]
    assert found.taps == [(MONDAY, True, 3)]
    assert sorted(read_lines(database, MONDAY)) == [
        Sum(MONDAY, "causes/pcos", "answer", "", 220),
        Sum(next_monday, "causes/pcos", "answer", "", 2000),
    ]


def test_each_week_shows_what_the_chat_did_and_weeks_without_any_turn_are_zero(database):
    later = MONDAY + timedelta(weeks=2, days=3)
    with database.writing() as rows:
        rows.add_all([
            count(MONDAY, turns=5), count(MONDAY, "meta/fallback", "choice", turns=2),
            count(later, "meta/greet", "small_talk"),
            count(MONDAY, "safety/urgent", "urgent", "RF-01 RF-02", "E", 3), count(later, "safety/crisis", "crisis"),
        ])  # fmt: skip
        rows.add(
            FeedbackCount(day=MONDAY, answer="causes/pcos", helpful=False, content_version="v", language="en", taps=4)
        )
    found = figures(read(database, MONDAY), MONDAY, 3)
    assert [week.turns for week in found.weeks] == [10, 0, 2]
    assert found.weeks[0].outcomes["offered"] == 2
    assert (found.weeks[0].helpful, found.weeks[0].not_helpful) == (0, 4)
    assert found.subjects == [("causes", 5)]
    assert found.answers == [("causes/pcos", 5)]
    assert dict(found.signs) == {"RF-01": 3, "RF-02": 3, "crisis": 1}
    assert (found.turns, found.most) == (12, 10)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_reply_has_its_place(kind):
    assert (outcome_of(kind) == OTHER) == (kind == "small_talk")


def test_the_csv_has_a_line_for_each_week_and_answer_and_no_more():
    lines = csv_of([Sum(MONDAY, "causes/pcos", "answer", "", 5), Sum(MONDAY, "causes/pcos", "answer", "", 1)])
    assert lines.splitlines() == ["week_of,answer,outcome,level,turns", "2026-01-05,causes/pcos,served,,6"]


@pytest.mark.parametrize(
    ("written", "weeks"),
    [(None, WEEKS), ("4", 4), ("0", 1), ("900", MOST_WEEKS), ("", WEEKS), ("-1", WEEKS), ("²", WEEKS), ("9999", WEEKS)],
)  # fmt: skip
def test_a_number_of_weeks_that_is_none_gives_the_usual_one(written, weeks):
    assert wanted_weeks(written) == weeks


def test_the_page_says_so_where_nothing_was_counted(editor):
    assert "Nothing was counted" in editor.words("/desk/counts?weeks=57")


def test_the_page_and_the_csv_show_what_was_counted(editor, desk_app):
    today = date.today()
    with desk_app.state.desk_database.writing() as rows:
        rows.add(count(today, "clinic/consultation", turns=1234))
    words = editor.words("/desk/counts")
    assert "1234" in words
    assert "Booking a consultation" in words
    assert str(monday(today)) in words
    assert f"{monday(today)},clinic/consultation,served,,1234" in editor.get("/desk/counts.csv").text
