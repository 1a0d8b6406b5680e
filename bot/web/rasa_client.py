"""Asking Rasa: one message in, the replies of the contract out, or RasaUnavailable. And having it forget.

Rasa's REST channel answers 200 with an empty list whenever something behind it failed; that counts as down. With
several Rasa servers a conversation stays with one of them, and goes to the next where that one is down.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from http import HTTPStatus
from time import monotonic
from typing import Any, Protocol
from urllib.parse import quote

import aiohttp

from bot.given import sent_along
from bot.reply import Reply

TIMEOUT_S = 5.0  # contract.md: slower than this counts as unavailable
TRIES = 2  # servers that one message is taken to, which share the time
LEFT_ALONE_S = 5.0  # how long one that failed is only asked where the others fail too
UNASKED_S = 0.05  # less than this is no time to ask in
CONNECTIONS = 100  # to each server at once
KEPT_S = 4.0  # between two requests: Rasa closes after 5


class RasaUnavailable(RuntimeError):
    """Rasa is down, slow or silent. The message never holds the visitor's words."""


class NotRunning(RasaUnavailable):
    """Nothing listens there, so nothing is held there."""


class Exchange(Protocol):
    """One request and what was answered. Raises aiohttp.ClientError where nothing, or an error, was."""

    async def __call__(self, method: str, url: str, body: Any = None) -> bytes:
        """Return the body of the answer to a request with this JSON."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class KeptConnections:
    """Sends requests through one session, opened by the loop that asks first: a third of what httpx takes."""

    _session: aiohttp.ClientSession | None = None

    async def __call__(self, method: str, url: str, body: Any = None) -> bytes:
        """Return the body of the answer to a request with this JSON."""
        self._session = self._session or aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, limit_per_host=CONNECTIONS, keepalive_timeout=KEPT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(),  # whoever asks says how long they wait
        )
        async with self._session.request(method, url, json=body, allow_redirects=False) as response:
            if response.status >= HTTPStatus.MULTIPLE_CHOICES:
                raise aiohttp.ClientResponseError(response.request_info, (), status=response.status)
            return await response.read()

    async def close(self) -> None:
        """Close the connections."""
        if self._session:
            await self._session.close()


class RasaClient:
    """Speaks to the REST channel of the Rasa servers at `urls`, which `share` their conversations or do not."""

    def __init__(self, urls: str | Sequence[str], exchange: Exchange | None = None, *, share: bool = False) -> None:
        self._urls = (urls,) if isinstance(urls, str) else tuple(urls)
        self._share = share
        self._failed_at: dict[str, float] = {}
        self._exchange: Exchange = exchange or KeptConnections()

    async def ask(self, conversation: str, message: str, within_s: float | None = None) -> list[Reply]:
        """Return the replies to a message of the conversation: one or two. Raises RasaUnavailable."""
        until = monotonic() + (within_s or TIMEOUT_S)
        servers = self._in_turn(conversation)[:TRIES]
        reason = RasaUnavailable("no time")
        for at, url in enumerate(servers):
            left_s = until - monotonic()
            if left_s < UNASKED_S:
                break
            try:
                replies = await self._ask(url, conversation, message, left_s / (len(servers) - at))
            except RasaUnavailable as failure:
                self._failed_at[url] = monotonic()
                reason = failure
            else:
                self._failed_at.pop(url, None)
                return replies
        raise reason

    async def _ask(self, url: str, conversation: str, message: str, within_s: float) -> list[Reply]:
        body: dict[str, Any] = {"sender": conversation, "message": message}
        if known := sent_along(message):
            body["metadata"] = known
        try:
            async with asyncio.timeout(within_s):
                answered = await self._exchange("POST", f"{url}/webhooks/rest/webhook", body)
            replies = [part["custom"] for part in json.loads(answered) if "custom" in part]
        except (aiohttp.ClientError, TimeoutError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise RasaUnavailable(type(error).__name__) from None
        if not replies or not all(is_reply(reply) for reply in replies):
            raise RasaUnavailable("no reply")
        return replies

    async def forget(self, conversation: str) -> None:
        """Have Rasa drop all that it holds of a conversation. Raises RasaUnavailable where it did not say so.

        Each server must say so: it may hold a copy. Where they share conversations one that does not run holds none,
        but one at least must have told what they share.
        """
        refused, unsure = [], []
        for url in self._in_turn(conversation):
            try:
                await self._forget(url, conversation)
            except NotRunning as failure:
                refused.append(failure)
            except RasaUnavailable as failure:
                unsure.append(failure)
        if refused and (not self._share or len(refused) == len(self._urls)):
            unsure += refused
        if unsure:
            raise unsure[0]

    async def _forget(self, url: str, conversation: str) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_S / len(self._urls)):
                await self._exchange("DELETE", f"{url}/webhooks/rest/conversations/{quote(conversation, safe='')}")
        except aiohttp.ClientConnectorError as error:
            raise NotRunning(type(error).__name__) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise RasaUnavailable(type(error).__name__) from None

    def _in_turn(self, conversation: str) -> list[str]:
        """Return the servers in the order in which to ask them: those that failed just now are last."""
        failed = {url for url, at in self._failed_at.items() if monotonic() - at < LEFT_ALONE_S}
        return sorted(by_nearness(self._urls, conversation), key=lambda url: url in failed)

    async def close(self) -> None:
        """Close the connections."""
        await self._exchange.close()


def by_nearness(urls: Sequence[str], conversation: str) -> list[str]:
    """Return the servers in the conversation's own order: the same everywhere, and hardly changed by one more or less.

    Rendezvous hashing: each server draws a number for the conversation, the lowest comes first.
    """
    return sorted(urls, key=lambda url: blake2b(f"{url} {conversation}".encode()).digest())


def rasa_urls(environ: Mapping[str, str]) -> list[str]:
    """Return where the Rasa servers are: RASA_URLS, with commas between them, else RASA_URL, else Rasa's usual one."""
    given = environ.get("RASA_URLS") or environ.get("RASA_URL") or "http://127.0.0.1:5005"
    return [url.strip().rstrip("/") for url in given.split(",") if url.strip()]


def is_reply(reply: Any) -> bool:
    """Whether this is a reply as the contract has it, the frame included."""
    return (
        isinstance(reply, dict)
        and bool(reply.get("answer") and reply.get("kind") and reply.get("paragraphs"))
        and bool(reply.get("disclaimer") and reply.get("consultation"))
    )
