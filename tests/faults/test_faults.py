"""The short form of `make faults`: visitors at work while one process after another is killed and requests are cut.

A busy machine may be late; what a visitor sees has no such excuse.
"""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.faults.harness import (
    EVERY,
    LOST,
    PROCESSES,
    SMALL_DATABASE,
    SMALL_DISK,
    WHOLE_WITHIN_S,
    Trial,
    lost_of,
    trial,
)
from tests.faults.visitors import FAULTS, NO_ANSWER, NOT_URGENT, OF_ANOTHER, answers_a_follow_up, faults_of
from tests.product import running

pytestmark = [pytest.mark.timeout(900)]

VISITORS = 8
# Starting a process takes ten seconds of computing: longer where others want the processors too.
PATIENCE = 6


@pytest.fixture(scope="module")
def visited(tmp_path_factory) -> Iterator[Trial]:
    with trial(tmp_path_factory.mktemp("faults")) as whole, whole.visited(VISITORS):
        yield whole


@pytest.mark.long
@pytest.mark.model
@pytest.mark.servers
@pytest.mark.parametrize(
    "fault",
    [*(f"{kind} killed" for kind in (*PROCESSES, "PostgreSQL")), "Redis stopped for 10 s", "disk full", "requests cut"],
)
def test_visitors_see_nothing_worse_than_the_emergency_line(visited, fault):
    outcome = visited.meet(fault, EVERY[fault])
    assert outcome.figures["requests"] > VISITORS
    assert {name: outcome.figures[name] for name in (*FAULTS, LOST)} == dict.fromkeys((*FAULTS, LOST), 0)
    assert outcome.whole_s <= WHOLE_WITHIN_S * PATIENCE


FILLED = SMALL_DISK[4].replace("&& exec", '&& { cat /dev/zero > "$0"; true; } && exec')
FULL_DISK = (*SMALL_DISK[:4], FILLED, "var/fill")


@pytest.mark.model
@pytest.mark.servers
def test_a_full_disk_keeps_the_chat_from_nothing_at_a_start_either():
    with running(inside=FULL_DISK, DATABASE_URL=SMALL_DATABASE) as bot:
        assert bot.chat("I am soaking a pad every hour")["answer"] == "safety/urgent"
        assert bot.chat("can fibroids cause a loss?")["answer"] == "causes/fibroids"


# The eyes of the visitors are sharp enough.


def test_a_visitor_would_see_what_is_wrong(renderer):
    calm, urgent = renderer.reply("treatments/pcos"), renderer.reply("safety/urgent", level="E")
    assert list(faults_of([calm], in_danger=False, subject="pcos")) == []
    assert list(faults_of([urgent], in_danger=True, subject="pcos")) == []
    assert list(faults_of([calm], in_danger=True, subject="pcos")) == [NOT_URGENT]
    assert list(faults_of([calm], in_danger=False, subject="thyroid")) == [OF_ANOTHER]
    assert list(faults_of([], in_danger=False, subject="pcos")) == ["empty"]
    assert list(faults_of([calm | {"disclaimer": ""}], in_danger=False, subject="pcos")) == ["not framed"]
    assert NO_ANSWER in FAULTS


def test_a_follow_up_that_was_answered_out_of_context_is_told_from_one_that_was_not_answered(renderer):
    assert answers_a_follow_up([renderer.reply("treatments/thyroid")])
    assert answers_a_follow_up([renderer.unavailable()])
    assert not answers_a_follow_up([renderer.reply("meta/fallback")])


def test_what_the_database_has_less_of_is_lost_and_more_of_is_not():
    assert lost_of(Counter(question=2, count=5), Counter(question=1, count=7)) == 1
    assert lost_of(Counter(question=1), Counter(question=1, another=1)) == 0
