"""Where Rasa keeps conversations when several of it run: in Redis, until 30 minutes after the last turn, and the locks.

Each turn sets the time to live anew, so Redis itself forgets. While Redis is away each Rasa goes on by itself: with its
own copy of the conversations that it had, kept as long as Redis keeps them. Waiting is short: a visitor is waiting too.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from time import monotonic
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from cachetools import TTLCache
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
from bot.server.tracker_store import swept

logger = logging.getLogger(__name__)

# A Redis that is slower is away. A turn may meet that twice (lock, conversation) and has 2.5 s with one Rasa.
ANSWERS_WITHIN_S = 0.5
LEFT_ALONE_S = 2.0  # after a failure, so that a Redis that hangs holds up one turn and not each
OWN_COPIES = 2_000  # conversations that a Rasa can go on with while Redis is away: those of half an hour
CONVERSATION, LOCK = "conversation:", "lock:"
# The front server gives up after 5 s and Rasa stops then; longer only holds up who comes after a killed process.
LOCKED_AT_MOST_S = 6.0
LOCK_RETRY_S = 0.02


class Copy(NamedTuple):
    """A conversation as this Rasa saved it last; `is_ahead` says that Redis was away then and does not have it."""

    kept: str
    is_ahead: bool


class RedisTrackerStore(TrackerStore):
    """What memory.py keeps of conversations, in Redis, one key each, and what stands in for it while it is away."""

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
        self._shared = SharedRedis(host)
        self._milliseconds = int(minutes * 60_000)
        self._copies: TTLCache[str, Copy] = TTLCache(OWN_COPIES, ttl=minutes * 60, timer=monotonic)

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Keep the conversation; its time to live starts anew."""
        await self.stream_events(tracker)
        id, kept = tracker.sender_id, as_kept(tracker)
        self._copies[id] = Copy(kept, is_ahead=True)
        try:
            with self._shared.asked() as redis:
                await redis.set(CONVERSATION + id, kept, px=self._milliseconds)
        except RedisAway:
            return
        self._copies[id] = Copy(kept, is_ahead=False)

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        """Return the conversation, None where there is none (any more)."""
        own = self._copies.get(sender_id)
        try:
            with self._shared.asked() as redis:
                kept = await redis.get(CONVERSATION + sender_id)
        except RedisAway:
            kept = None
        # Without Redis, or with one that lost all or missed the last turn. Never of another conversation: one key each.
        if own and (kept is None or own.is_ahead):
            kept = own.kept
        return None if kept is None else recalled(self.init_tracker(sender_id), kept)

    async def keys(self) -> Iterable[str]:
        """Return the ids of all conversations. Raises RedisAway."""
        with self._shared.asked() as redis:
            return [key.decode().removeprefix(CONVERSATION) async for key in redis.scan_iter(f"{CONVERSATION}*")]

    async def forget(self, conversation: str) -> None:
        """Drop a conversation at once; one that is not here is forgotten already.

        Raises RedisError where Redis does not say that it has done so. It is asked even where it was away just now.
        """
        self._copies.pop(conversation, None)
        await self._shared.redis.delete(CONVERSATION + conversation)

    async def sweep(self) -> None:
        """Drop the copies that are over, for ever."""
        await swept(self._copies)


class RedisLocks(LockStore):
    """One message of a conversation at a time, whichever Rasa it went to; while Redis is away, in this Rasa.

    Rasa's own Redis locks are read, changed and written back in three steps, so two servers can both hold one.
    """

    def __init__(self, endpoint_config: EndpointConfig) -> None:
        """`url` of the endpoint is the URL of Redis."""
        self._shared = SharedRedis(str(endpoint_config.url))
        self._here: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def lock(
        self,
        conversation_id: str,
        lock_lifetime: float = LOCKED_AT_MOST_S,
        wait_time_in_seconds: float = LOCK_RETRY_S,
    ) -> AsyncIterator[Any]:
        """Hold the conversation. Raises Rasa's LockError where another holds it for too long."""
        async with self._held_here(conversation_id, lock_lifetime):
            lock = self._shared.redis.lock(
                LOCK + conversation_id, lock_lifetime, sleep=wait_time_in_seconds, blocking_timeout=lock_lifetime
            )
            is_shared = await self._acquired(lock)
            try:
                yield lock
            finally:
                if is_shared:
                    await _release(lock, conversation_id)

    @asynccontextmanager
    async def _held_here(self, conversation_id: str, within_s: float) -> AsyncIterator[None]:
        """Hold the conversation among the messages of this Rasa. A conversation goes to one Rasa as long as that works,
        so this alone is nearly always enough."""
        lock = self._here.setdefault(conversation_id, asyncio.Lock())
        try:
            async with asyncio.timeout(within_s):
                await lock.acquire()
        except TimeoutError:
            raise LockError("the conversation is held by another message") from None
        try:
            yield
        finally:
            lock.release()

    async def _acquired(self, lock: Any) -> bool:
        """Return whether Redis gave the lock, False where it is away. Raises LockError."""
        try:
            with self._shared.asked():
                is_acquired = await lock.acquire()
        except RedisAway:
            return False
        if not is_acquired:
            raise LockError("the conversation is held by another message")
        return True


async def _release(lock: Any, conversation_id: str) -> None:
    try:
        await lock.release()
    except (RedisLockError, RedisError) as error:  # it expires by itself
        logger.warning("conversation %s: lock not given back (%s)", conversation_id[:8], type(error).__name__)


class RedisAway(RedisError):
    """Redis does not answer, or did not just now."""


class SharedRedis:
    """Redis, asked for a moment and left alone for a while after it failed."""

    def __init__(self, url: str) -> None:
        """`url` is that of Redis: redis://, rediss:// or unix://. It connects on first use."""
        timeouts = {"socket_timeout": ANSWERS_WITHIN_S, "socket_connect_timeout": ANSWERS_WITHIN_S}
        self.redis: Redis = Redis.from_url(url, **timeouts)
        self._again_from = 0.0

    @contextmanager
    def asked(self) -> Iterator[Redis]:
        """Give Redis to ask something. Raises RedisAway."""
        if monotonic() < self._again_from:
            raise RedisAway
        try:
            yield self.redis
        except RedisError as error:
            self._again_from = monotonic() + LEFT_ALONE_S
            logger.warning("Redis is away (%s); going on with this process's own", type(error).__name__)
            raise RedisAway from None
