"""What follows a safety reply: each later reply repeats the number first, until the person has called or is safe.

In memory only, for 30 minutes after the last safety reply (safety.md, section 1, rules 9 and 10). Several front servers
share it through Redis; each keeps its own copy too, so that no reply waits for a Redis that is away.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from time import monotonic
from typing import TypeVar

from cachetools import TTLCache
from redis.asyncio import Redis

from bot.reply import NOT_NOW, URGENT, Reply

logger = logging.getLogger(__name__)

LATCHED_S = 30 * 60
CONVERSATIONS = 20_000
SHARED_WITHIN_S = 0.1  # a Redis that is slower is away: it stands one hop from here and answers in a millisecond
LEFT_ALONE_S = 2.0  # after a failure, so that a Redis that hangs costs one reply a tenth of a second, not each
KEY = "latch:"
RELEASED = b"released"
VIOLENCE = "violence"
T = TypeVar("T")


@dataclass(frozen=True)
class Latch:
    """One conversation's danger: the id of its safety reply, where its 'This is not happening now' leads, and whether
    it gave the line for violence."""

    answer: str
    not_now: str
    is_violence: bool = False

    @property
    def is_urgent(self) -> bool:
        """Whether it is a danger to the body."""
        return self.answer == URGENT

    def after(self, before: "Latch | None") -> "Latch":
        """Return what holds after both: a crisis after an urgent reply leaves the urgent line in place."""
        return replace(self, answer=URGENT if before and before.is_urgent else self.answer)

    def as_words(self) -> str:
        """Return it as Redis keeps it."""
        return " ".join([self.answer, self.not_now, *([VIOLENCE] if self.is_violence else [])])

    @classmethod
    def of_words(cls, words: str) -> "Latch":
        """Return what `as_words` gave."""
        answer, not_now, *violence = words.split(" ")
        return cls(answer, not_now, bool(violence))


class Latches:
    """The conversations that had a safety reply, in the memory of this process."""

    def __init__(self) -> None:
        self._latches: TTLCache[str, Latch] = TTLCache(CONVERSATIONS, ttl=LATCHED_S)

    def __len__(self) -> int:
        """Return how many conversations are latched now."""
        self._latches.expire()
        return len(self._latches)

    async def of(self, conversation: str) -> Latch | None:
        """Return the conversation's latch, None where it is in no danger that we know of."""
        return self._latches.get(conversation)

    async def close(self, conversation: str, reply: Reply, *, is_violence: bool = False) -> None:
        """Remember a safety reply, and whether it gave the line for violence."""
        latch = Latch(reply["answer"], reply["next"][-1]["choice"], is_violence)
        self._latches[conversation] = latch.after(await self.of(conversation))

    async def release(self, conversation: str) -> None:
        """Forget it: the person has called, is safe, or it is not happening now."""
        self._latches.pop(conversation, None)

    async def disconnect(self) -> None:
        """Close the connections: there are none."""


class SharedLatches(Latches):
    """The same among several front servers. Where Redis is away or has lost one, what this process knows holds."""

    def __init__(self, url: str, on_failure: Callable[[str], None] = lambda reason: None) -> None:
        """`url` is that of Redis; it is connected to on first use. `on_failure` is told the type of each error."""
        super().__init__()
        self._on_failure = on_failure
        self._redis = Redis.from_url(url, socket_timeout=SHARED_WITHIN_S, socket_connect_timeout=SHARED_WITHIN_S)
        self._tried_again_at = 0.0

    async def of(self, conversation: str) -> Latch | None:
        """Return the conversation's latch, also one that another front server closed."""
        told = await self._told(lambda: self._redis.get(KEY + conversation))
        if told == RELEASED:
            self._latches.pop(conversation, None)
        elif told:
            self._latches[conversation] = Latch.of_words(told.decode())
        return self._latches.get(conversation)

    async def close(self, conversation: str, reply: Reply, *, is_violence: bool = False) -> None:
        """Remember a safety reply, here first and then for the others."""
        await super().close(conversation, reply, is_violence=is_violence)
        await self._tell(conversation, self._latches[conversation].as_words().encode())

    async def release(self, conversation: str) -> None:
        """Forget it here, and tell the others, who may have a copy."""
        await super().release(conversation)
        await self._tell(conversation, RELEASED)

    async def disconnect(self) -> None:
        """Close the connections."""
        await self._redis.close()

    async def _tell(self, conversation: str, words: bytes) -> None:
        await self._told(lambda: self._redis.set(KEY + conversation, words, ex=LATCHED_S))

    async def _told(self, ask: Callable[[], Awaitable[T]]) -> T | None:
        """Return what Redis says, None where it is away."""
        if monotonic() < self._tried_again_at:
            return None
        try:
            return await ask()
        except Exception as error:  # whatever is wrong with Redis, no safety reply may fail by it
            self._tried_again_at = monotonic() + LEFT_ALONE_S
            self._on_failure(type(error).__name__)
            logger.warning("latches: Redis is away (%s); going on with this process's own", type(error).__name__)
            return None


def is_safety(reply: Reply) -> bool:
    """Whether a reply is urgent or for a crisis."""
    return reply["answer"] in NOT_NOW
