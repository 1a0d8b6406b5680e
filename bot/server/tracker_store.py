"""Where one Rasa keeps conversations: in its memory, until 30 minutes after the last turn.

Rasa's own in-memory store never forgets; what is not kept cannot be handed over. No words are kept (memory.py).
"""

import asyncio
from time import monotonic
from typing import Any

from cachetools import TTLCache
from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import InMemoryTrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker

from bot.server.memory import as_kept, recalled

SWEPT_TIMES = 30  # within the time to live: what is over goes at most a thirtieth of it late


class ForgettingTrackerStore(InMemoryTrackerStore):
    """Rasa's in-memory store over a cache with a time to live; each turn starts the time anew."""

    def __init__(
        self,
        domain: Domain,
        event_broker: EventBroker | None = None,
        minutes: float | str = 30,
        conversations: int = 20_000,
        **kwargs: Any,
    ) -> None:
        """Raises ValueError for a time or a number that is not above zero."""
        minutes = float(minutes)  # words where it comes from the environment
        if minutes <= 0 or conversations <= 0:
            raise ValueError("endpoints.yml: tracker_store: minutes and conversations must be above 0")
        super().__init__(domain, event_broker, **kwargs)
        self.store: TTLCache = TTLCache(conversations, ttl=minutes * 60, timer=monotonic)

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Keep what the next turn needs (memory.py); the time to live starts anew."""
        await self.stream_events(tracker)
        self.store[tracker.sender_id] = as_kept(tracker)

    async def _retrieve(self, sender_id: str, fetch_all_sessions: bool) -> DialogueStateTracker | None:
        kept = self.store.get(sender_id)
        return None if kept is None else recalled(self.init_tracker(sender_id), kept)

    async def forget(self, conversation: str) -> None:
        """Drop a conversation at once; one that is not here is forgotten already."""
        self.store.pop(conversation, None)

    async def sweep(self) -> None:
        """Drop what is over, for ever."""
        await swept(self.store)


async def swept(cache: TTLCache) -> None:
    """Drop what is over, for ever. A cache by itself keeps what nobody asks for until somebody else writes."""
    while True:
        await asyncio.sleep(cache.ttl / SWEPT_TIMES)
        cache.expire()
