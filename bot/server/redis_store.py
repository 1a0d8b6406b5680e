"""Where Rasa keeps conversations when several of it run: in Redis, until 30 minutes after the last turn, and the locks.

Each turn sets the time to live anew, so Redis itself forgets. What fails here raises: the channel then sends nothing,
which the front server turns into the emergency line. Waiting is short: a visitor is waiting too.
"""

import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from rasa.core.brokers.broker import EventBroker
from rasa.core.lock_store import LockError, LockStore
from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import EndpointConfig
from redis.asyncio import Redis
from redis.exceptions import LockError as RedisLockError
from redis.exceptions import RedisError

from bot.server.memory import as_kept, recalled

logger = logging.getLogger(__name__)

ANSWERS_WITHIN_S = 1.0  # a Redis that is slower is down
CONVERSATION, LOCK = "conversation:", "lock:"
# The front server gives up after 5 s and Rasa stops then; longer only holds up who comes after a killed process.
LOCKED_AT_MOST_S = 6.0
LOCK_RETRY_S = 0.02


class RedisTrackerStore(TrackerStore):
    """What memory.py keeps of conversations, in Redis, one key each. Raises RedisError where Redis does not answer."""

    def __init__(
        self,
        domain: Domain | None,
        host: str,
        event_broker: EventBroker | None = None,
        minutes: float | str = 30,
        **kwargs: Any,
    ) -> None:
        """`host` is the URL of Redis. Raises ValueError for a time that is not above zero."""
        minutes = float(minutes)  # words: it comes from the environment
        if minutes <= 0:
            raise ValueError("endpoints.redis.yml: tracker_store: minutes must be above 0")
        super().__init__(domain, event_broker, **kwargs)
        self._redis = connect(host)
        self._milliseconds = int(minutes * 60_000)

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Keep the conversation; its time to live starts anew."""
        await self.stream_events(tracker)
        await self._redis.set(CONVERSATION + tracker.sender_id, as_kept(tracker), px=self._milliseconds)

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        """Return the conversation, None where there is none (any more)."""
        kept = await self._redis.get(CONVERSATION + sender_id)
        return None if kept is None else recalled(self.init_tracker(sender_id), kept)

    async def keys(self) -> Iterable[str]:
        """Return the ids of all conversations."""
        return [key.decode().removeprefix(CONVERSATION) async for key in self._redis.scan_iter(f"{CONVERSATION}*")]

    async def forget(self, conversation: str) -> None:
        """Drop a conversation at once; one that is not here is forgotten already."""
        await self._redis.delete(CONVERSATION + conversation)


class RedisLocks(LockStore):
    """One message of a conversation at a time, whichever Rasa it went to.

    Rasa's own Redis locks are read, changed and written back in three steps, so two servers can both hold one.
    """

    def __init__(self, endpoint_config: EndpointConfig) -> None:
        """`url` of the endpoint is the URL of Redis."""
        self._redis = connect(str(endpoint_config.url))

    @asynccontextmanager
    async def lock(
        self,
        conversation_id: str,
        lock_lifetime: float = LOCKED_AT_MOST_S,
        wait_time_in_seconds: float = LOCK_RETRY_S,
    ) -> AsyncIterator[Any]:
        """Hold the conversation.

        Raises Rasa's LockError where another holds it for too long, RedisError where Redis does not answer.
        """
        lock = self._redis.lock(
            LOCK + conversation_id, lock_lifetime, sleep=wait_time_in_seconds, blocking_timeout=lock_lifetime
        )
        if not await lock.acquire():
            raise LockError("the conversation is held by another message")
        try:
            yield lock
        finally:
            try:
                await lock.release()
            except (RedisLockError, RedisError) as error:  # it expires by itself
                logger.warning("conversation %s: lock not given back (%s)", conversation_id[:8], type(error).__name__)


def connect(url: str) -> Redis:
    """Return a client for the Redis at `url`: redis://, rediss:// or unix://. It connects on first use."""
    return Redis.from_url(url, socket_timeout=ANSWERS_WITHIN_S, socket_connect_timeout=ANSWERS_WITHIN_S)
