"""A message that Rasa can't handle leaves nothing of its words in the log; a conversation is forgotten when asked."""

import asyncio
import logging

import pytest
from rasa.core.channels.channel import UserMessage
from rasa.core.lock_store import InMemoryLockStore
from rasa.core.tracker_store import FailSafeTrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from bot.server.rest_channel import QuietRestInput, fail_openly, forget_conversation, quietly
from bot.server.tracker_store import ForgettingTrackerStore

WORDS = "my name is Zanzibar Quillfeather"


@pytest.mark.parametrize("error", [ValueError(WORDS), asyncio.CancelledError(WORDS), RecursionError(WORDS)])
def test_a_failure_is_told_by_its_kind_alone(error, caplog):
    async def fail(message: UserMessage) -> None:
        raise error

    with caplog.at_level(logging.DEBUG):
        asyncio.run(quietly(fail)(UserMessage(WORDS, sender_id="abcdefghijkl")))
    assert type(error).__name__ in caplog.text
    assert "abcdefgh" in caplog.text
    assert "Quillfeather" not in caplog.text


def test_a_message_that_is_handled_goes_through():
    handled = []

    async def handle(message: UserMessage) -> None:
        handled.append(message.text)

    asyncio.run(quietly(handle)(UserMessage(WORDS)))
    assert handled == [WORDS]


class Agent:
    """What forgetting needs of Rasa's agent."""

    def __init__(self) -> None:
        self.lock_store = InMemoryLockStore()
        self.tracker_store = FailSafeTrackerStore(ForgettingTrackerStore(Domain.empty()))  # as Rasa wraps every store
        self.processor = None
        fail_openly(self)


def test_a_forgotten_conversation_is_gone_and_others_stay():
    async def remembered() -> list[bool]:
        agent = Agent()
        for id in ("a", "b"):
            await agent.tracker_store.save(DialogueStateTracker.from_events(id, [UserUttered(WORDS)]))
        for id in ("a", "unknown"):
            await forget_conversation(agent, id)
        return [await agent.tracker_store.retrieve(id) is not None for id in ("a", "b")]

    assert asyncio.run(remembered()) == [False, True]


def test_a_message_under_way_is_not_kept_after_its_conversation_was_forgotten():
    async def is_kept() -> bool:
        agent = Agent()
        async with agent.lock_store.lock("a"):  # the message is being handled …
            forgetting = asyncio.create_task(forget_conversation(agent, "a"))
            await asyncio.sleep(0.05)
            await agent.tracker_store.save(DialogueStateTracker.from_events("a", [UserUttered(WORDS)]))
        await forgetting
        return await agent.tracker_store.retrieve("a") is not None

    assert not asyncio.run(is_kept())


def test_it_stands_at_rasas_usual_address():
    assert QuietRestInput.name() == "rest"
