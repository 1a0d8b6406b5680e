"""Conversations live in memory and are forgotten 30 minutes after the last turn."""

import asyncio

import pytest
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from bot.server.tracker_store import ForgettingTrackerStore


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("bot.server.tracker_store.monotonic", clock)
    return clock


def turn(store: ForgettingTrackerStore, conversation: str) -> None:
    tracker = DialogueStateTracker.from_events(conversation, [UserUttered("my words")])
    asyncio.run(store.save(tracker))


def is_remembered(store: ForgettingTrackerStore, conversation: str) -> bool:
    return asyncio.run(store.retrieve(conversation)) is not None


def test_a_conversation_is_forgotten_half_an_hour_after_its_last_turn(clock):
    store = ForgettingTrackerStore(Domain.empty(), minutes=30)
    turn(store, "a")
    clock.now = 29 * 60
    turn(store, "a")  # starts the time anew
    clock.now = 58 * 60
    assert is_remembered(store, "a")
    clock.now = 60 * 60
    assert not is_remembered(store, "a")


def test_the_oldest_conversation_goes_where_there_are_too_many(clock):
    store = ForgettingTrackerStore(Domain.empty(), minutes=30, conversations=2)
    for conversation in ("a", "b", "c"):
        turn(store, conversation)
    assert [is_remembered(store, conversation) for conversation in ("a", "b", "c")] == [False, True, True]


@pytest.mark.parametrize("wrong", [{"minutes": 0}, {"conversations": 0}])
def test_a_store_that_would_keep_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match=r"endpoints\.yml"):
        ForgettingTrackerStore(Domain.empty(), **wrong)
