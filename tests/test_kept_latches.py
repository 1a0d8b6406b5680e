"""Who is in danger stays known when the front server starts anew; a file that fails costs no reply."""

import asyncio
import logging

import pytest

from bot.web import kept_latches
from bot.web.kept_latches import KeptLatches
from bot.web.latch import LATCHED_S, Latch

URGENT, CRISIS = (
    {"answer": f"safety/{kind}", "next": [{"title": "This is not happening now", "choice": "meta/menu"}]}
    for kind in ("urgent", "crisis")
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "latches.db"


def closed(path, reply, conversation="one", **what) -> KeptLatches:
    latches = KeptLatches(path)
    asyncio.run(latches.close(conversation, reply, **what))
    return latches


def known(path, conversation="one") -> Latch | None:
    return asyncio.run(KeptLatches(path).of(conversation))


def test_a_start_anew_knows_who_is_in_danger(path):
    before = closed(path, URGENT)
    asyncio.run(before.close("two", CRISIS, is_violence=True))
    assert known(path) == asyncio.run(before.of("one"))
    assert known(path).is_urgent
    assert known(path, "two").is_violence
    assert known(path, "three") is None


def test_what_is_over_stays_over(path):
    asyncio.run(closed(path, URGENT).release("one"))
    assert known(path) is None


def test_half_an_hour_is_the_end_also_in_the_file(path, monkeypatch):
    closed(path, URGENT)
    later = kept_latches.time() + LATCHED_S + 1
    monkeypatch.setattr(kept_latches, "time", lambda: later)
    assert known(path) is None
    closed(path, URGENT, conversation="two")
    assert b"one " not in path.read_bytes()
    assert known(path, "two")


def test_a_file_that_fails_costs_no_reply(path, caplog):
    path.write_text("no database, and rather long for a header " * 20)
    with caplog.at_level(logging.WARNING):
        latches = closed(path, URGENT)
    assert asyncio.run(latches.of("one")).is_urgent
    asyncio.run(latches.release("one"))
    assert asyncio.run(latches.of("one")) is None
    assert "their file fails (DatabaseError)" in caplog.text
