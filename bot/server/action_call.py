"""Calling the action server: one connection that is kept, the message and the slots alone, and a check made once.

Rasa opens a connection for each call, sends every event of the conversation, and checks the schema of the reply's
schema each time, which took longer than understanding the message.
"""

from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

import aiohttp
from jsonschema import Draft202012Validator
from rasa.core.actions.action import RemoteAction
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker, EventVerbosity
from rasa.utils.endpoints import EndpointConfig

WITHIN_S = 5.0  # the front server waits no longer
KEPT_S = 4.0  # between two calls: the action server closes after 5
# What action_answer returns (actions/answer.py): slots to set and replies.
SLOT = {"type": "object", "required": ["event", "name"], "properties": {"event": {"const": "slot"}}}
ANSWERED = Draft202012Validator(
    {
        "type": "object",
        "required": ["events", "responses"],
        "properties": {
            "events": {"type": "array", "items": SLOT},
            "responses": {"type": "array", "items": {"type": "object"}},
        },
    }
)


class KeptConnection(EndpointConfig):
    """An endpoint with a session that stays open."""

    _kept: aiohttp.ClientSession | None = None

    def session(self) -> AbstractAsyncContextManager[aiohttp.ClientSession]:
        """Return the one session, which leaving the context does not close."""
        if self._kept is None or self._kept.closed:
            self._kept = aiohttp.ClientSession(
                headers=self.headers,
                connector=aiohttp.TCPConnector(keepalive_timeout=KEPT_S),
                timeout=aiohttp.ClientTimeout(total=WITHIN_S),
            )
        return nullcontext(self._kept)

    async def request(self, *args: Any, **kwargs: Any) -> Any:
        """Send a request, once more where the connection was closed meanwhile: an action may run twice."""
        kwargs["timeout"] = aiohttp.ClientTimeout(total=WITHIN_S)
        try:
            return await super().request(*args, **kwargs)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            return await super().request(*args, **kwargs)

    async def close(self) -> None:
        """Close the connection."""
        if self._kept:
            await self._kept.close()

    @classmethod
    def like(cls, endpoint: EndpointConfig) -> "KeptConnection":
        """Return an endpoint with the same settings."""
        return cls(endpoint.url, endpoint.params, endpoint.headers, **endpoint.kwargs)


class LeanAction(RemoteAction):
    """A custom action, told the latest message and the slots: none of ours asks for earlier events."""

    def _action_call_format(self, tracker: DialogueStateTracker, domain: Domain) -> dict[str, Any]:
        call = {"next_action": self._name, "sender_id": tracker.sender_id}
        return call | {"tracker": tracker.current_state(EventVerbosity.NONE)}

    def _validate_action_result(self, result: Any) -> bool:
        """Return True. Raises jsonschema's ValidationError where the reply is none of ours."""
        ANSWERED.validate(result)
        return True
