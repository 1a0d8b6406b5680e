"""Rasa's REST channel, but with nothing of a visitor's words in the log when a message can't be handled, and with a way
to forget a conversation, which Rasa's own interface lacks.

Rasa's own channel writes the text of a message that failed into the log; these are health data.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from rasa.core.agent import Agent
from rasa.core.channels.channel import UserMessage
from rasa.core.channels.rest import RestInput
from rasa.core.tracker_store import FailSafeTrackerStore
from sanic import Blueprint, Request, Sanic, response
from sanic.response import HTTPResponse

from bot import given
from bot.server.redis_store import RedisTrackerStore
from bot.server.tracker_store import ForgettingTrackerStore
from bot.tidy import keep_tidy

logger = logging.getLogger(__name__)


class QuietRestInput(RestInput):
    """The REST channel at Rasa's usual address; a failed message gets an empty list, which the front server knows."""

    @classmethod
    def name(cls) -> str:
        return "rest"

    def get_metadata(self, request: Request) -> None:
        """Take what the front server sends along; nothing is kept with the conversation."""
        body = request.json
        given.note_sent(str(body.get("message")), body.get("metadata"))

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[None]]) -> Blueprint:
        """Return the channel's routes: Rasa's own, and one that forgets."""
        routes = super().blueprint(quietly(on_new_message))
        routes.listener("after_server_start")(look_after_store)
        routes.add_route(forget, "/conversations/<conversation:str>", methods=["DELETE"])
        return routes


async def look_after_store(app: Sanic, loop: asyncio.AbstractEventLoop) -> None:
    """Have the store fail openly and sweep itself where it can, and let go of what is forgotten."""
    keep_tidy()
    fail_openly(app.ctx.agent)
    if isinstance(app.ctx.agent.tracker_store, ForgettingTrackerStore | RedisTrackerStore):
        app.add_task(app.ctx.agent.tracker_store.sweep())


def fail_openly(agent: Agent) -> None:
    """Take off what Rasa wraps around every store: on errors it keeps conversations in memory for good, and goes on as
    if the visitor had said nothing before. An error is told instead, and the visitor gets the emergency line."""
    if isinstance(agent.tracker_store, FailSafeTrackerStore):
        agent.tracker_store = agent.tracker_store._tracker_store
    if agent.processor:
        agent.processor.tracker_store = agent.tracker_store


async def forget(request: Request, conversation: str) -> HTTPResponse:
    """Drop all that Rasa holds of a conversation; 204 also where it holds nothing."""
    await forget_conversation(request.app.ctx.agent, conversation)
    return response.empty()


async def forget_conversation(agent: Agent, conversation: str) -> None:
    """Drop a conversation from the agent's store, after any message of it that is being handled."""
    async with agent.lock_store.lock(conversation):  # a message under way would save its words after us
        await agent.tracker_store.forget(conversation)


def quietly(on_new_message: Callable[[UserMessage], Awaitable[None]]) -> Callable[[UserMessage], Awaitable[None]]:
    """Return a handler that logs what kind of error it met and lets none out."""

    async def handle(message: UserMessage) -> None:
        try:
            await on_new_message(message)
        except (Exception, asyncio.CancelledError) as error:
            logger.error("conversation %s: message not handled (%s)", str(message.sender_id)[:8], type(error).__name__)
        finally:
            given.forget()

    return handle
