"""Rasa's REST channel, but with nothing of a visitor's words in the log when a message can't be handled.

Rasa's own channel writes the text of a message that failed into the log; these are health data.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from rasa.core.channels.channel import UserMessage
from rasa.core.channels.rest import RestInput
from sanic import Blueprint

logger = logging.getLogger(__name__)


class QuietRestInput(RestInput):
    """The REST channel at Rasa's usual address; a failed message gets an empty list, which the front server knows."""

    @classmethod
    def name(cls) -> str:
        return "rest"

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[None]]) -> Blueprint:
        """Return the channel's routes."""
        return super().blueprint(quietly(on_new_message))


def quietly(on_new_message: Callable[[UserMessage], Awaitable[None]]) -> Callable[[UserMessage], Awaitable[None]]:
    """Return a handler that logs what kind of error it met and lets none out."""

    async def handle(message: UserMessage) -> None:
        try:
            await on_new_message(message)
        except (Exception, asyncio.CancelledError) as error:
            logger.error("conversation %s: message not handled (%s)", str(message.sender_id)[:8], type(error).__name__)

    return handle
