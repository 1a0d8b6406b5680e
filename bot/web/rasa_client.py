"""Asking Rasa: one message in, the replies of the contract out, or RasaUnavailable. And having it forget.

Rasa's REST channel answers 200 with an empty list whenever something behind it failed; that counts as down.
"""

import asyncio
from typing import Any
from urllib.parse import quote

import httpx

from bot.reply import Reply

TIMEOUT_S = 5.0  # contract.md: slower than this counts as unavailable


class RasaUnavailable(RuntimeError):
    """Rasa is down, slow or silent. The message never holds the visitor's words."""


class RasaClient:
    """Speaks to Rasa's REST channel at `url`."""

    def __init__(self, url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=20)
        self._http = httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S, limits=limits, transport=transport)

    async def ask(self, conversation: str, message: str, within_s: float | None = None) -> list[Reply]:
        """Return the replies to a message of the conversation: one or two. Raises RasaUnavailable."""
        body = {"sender": conversation, "message": message}
        try:
            async with asyncio.timeout(within_s or TIMEOUT_S):  # for the whole answer: httpx counts each read by itself
                response = await self._http.post("/webhooks/rest/webhook", json=body)
            response.raise_for_status()
            replies = [part["custom"] for part in response.json() if "custom" in part]
        except (httpx.HTTPError, TimeoutError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise RasaUnavailable(type(error).__name__) from None
        if not replies or not all(is_reply(reply) for reply in replies):
            raise RasaUnavailable("no reply")
        return replies

    async def forget(self, conversation: str) -> None:
        """Have Rasa drop all that it holds of a conversation. Raises RasaUnavailable where it did not say so."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                response = await self._http.delete(f"/webhooks/rest/conversations/{quote(conversation, safe='')}")
            response.raise_for_status()
        except (httpx.HTTPError, TimeoutError) as error:
            raise RasaUnavailable(type(error).__name__) from None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def is_reply(reply: Any) -> bool:
    """Whether this is a reply as the contract has it, the frame included."""
    return (
        isinstance(reply, dict)
        and bool(reply.get("answer") and reply.get("kind") and reply.get("paragraphs"))
        and bool(reply.get("disclaimer") and reply.get("consultation"))
    )
