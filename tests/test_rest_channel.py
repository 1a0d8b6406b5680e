"""A message that Rasa can't handle leaves nothing of its words in the log."""

import asyncio
import logging

import pytest
from rasa.core.channels.channel import UserMessage

from bot.server.rest_channel import QuietRestInput, quietly

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


def test_it_stands_at_rasas_usual_address():
    assert QuietRestInput.name() == "rest"
