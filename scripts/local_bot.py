"""The whole bot in one process: the trained model and the real action, without servers.

For `make ask` and the conversation tests. Only the two HTTP hops are left out; the front server's own checks are in
bot/web.
"""

import asyncio
import json
import logging
from itertools import count
from pathlib import Path
from typing import Any

from rasa.core.channels.channel import CollectingOutputChannel, UserMessage
from rasa.shared.core.domain import Domain
from rasa.utils.endpoints import EndpointConfig
from rasa.utils.log_utils import configure_structlog
from rasa_sdk.executor import ActionExecutor

from bot.reply import Reply, payload
from bot.server.agent import LeanAgent
from bot.server.tracker_store import ForgettingTrackerStore


class _ActionsInProcess(EndpointConfig):
    """Stands where Rasa would call the action server, and runs the same actions here."""

    def __init__(self) -> None:
        super().__init__(url="in-process")
        self._executor = ActionExecutor()
        self._executor.register_package("actions")

    async def request(self, *args: Any, json: Any = None, **kwargs: Any) -> Any:
        return await self._executor.run(as_sent(json))


class LocalBot:
    """A bot to talk with. Raises FileNotFoundError where there is no such model."""

    def __init__(self, model: Path) -> None:
        if not model.exists():
            raise FileNotFoundError(f"{model}: there is no such model; run 'make train'")
        configure_structlog(logging.WARNING)  # Rasa's debug lines, on by default here, hold the person's words
        self.agent = LeanAgent(
            tracker_store=ForgettingTrackerStore(Domain.empty()), action_endpoint=_ActionsInProcess()
        )
        self.agent.load_model(model)
        self._numbers = count()

    def new_conversation(self) -> str:
        """Return a name that no conversation had so far."""
        return f"local-{next(self._numbers)}"

    def ask(self, text: str, conversation: str | None = None) -> list[Reply]:
        """Return the replies to what a person typed. A leading slash would be a command: the front server strips it."""
        return [part["custom"] for part in self.messages(text, conversation) if "custom" in part]

    def choose(self, id: str, conversation: str | None = None) -> list[Reply]:
        """Return the replies to a tapped button."""
        return self.ask(payload(id), conversation)

    def messages(self, text: str, conversation: str | None = None) -> list[dict[str, Any]]:
        """Return the raw messages that Rasa's REST channel would send."""
        output = CollectingOutputChannel()
        message = UserMessage(text, output, conversation or self.new_conversation())
        asyncio.run(self.agent.handle_message(message))
        return output.messages

    def parse(self, text: str) -> dict[str, Any]:
        """Return the parse data of a message: intent, ranking and decision."""
        return asyncio.run(self.agent.parse_message(text))


def as_sent(body: Any) -> Any:
    """Return the body as it would arrive over HTTP."""
    return json.loads(json.dumps(body))
