"""What many past conversations in the tracker store cost: in Rasa's memory, and in Redis through the whole bot."""

import asyncio
import contextlib
import subprocess
import tempfile
import time
from collections.abc import Iterator

import aiohttp
from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.events import SlotSet
from rasa.shared.core.trackers import DialogueStateTracker
from redis import Redis

from bot.server.memory import as_kept
from bot.server.redis_store import CONVERSATION
from bot.server.tracker_store import ForgettingTrackerStore
from scripts.bench.measures import Waiting, turned, waiting
from scripts.bench.questions import TURNS, conversations
from scripts.bench.systems import System, free_port
from scripts.local_bot import LocalBot

PAST = 100_000
NUMBER = 200  # messages with and as many without them
BLOCK = 40
REDIS_OPTIONS = ("--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--loglevel", "warning")


def in_memory(bot: LocalBot, questions: list[str]) -> tuple[Waiting, Waiting]:
    """Return the waiting of a message in Rasa alone with no and with all past conversations, in turns."""
    domain = bot.agent.domain
    stores = [ForgettingTrackerStore(domain, conversations=PAST + NUMBER) for _ in range(2)]
    asyncio.run(_fill(stores[1]))
    taken: dict[TrackerStore, list[float]] = {store: [] for store in stores}
    stream = conversations(questions, "now")  # of other names: none of these goes on from a past one
    for message in range(-BLOCK, NUMBER):
        conversation, text = next(stream)
        # Who is asked first waits longer, and so does a second turn: in turns by conversation, not by message.
        for store in turned(stores, message // TURNS):
            bot.agent.tracker_store = bot.agent.processor.tracker_store = store
            started = time.perf_counter()
            bot.ask(text, conversation)
            if message >= 0:
                taken[store].append(time.perf_counter() - started)
    return waiting(taken[stores[0]]), waiting(taken[stores[1]])


async def _fill(store: ForgettingTrackerStore) -> None:
    for number in range(PAST):
        await store.save(_past(store, number))


def _past(store: TrackerStore, number: int) -> DialogueStateTracker:
    tracker = store.init_tracker(f"past-{number}")
    tracker.update(SlotSet("topic", "pcos"))
    tracker.update(SlotSet("last_answer", "causes/pcos"))
    return tracker


async def in_redis(system: System, redis: Redis, bot: LocalBot, questions: list[str]) -> tuple[Waiting, Waiting]:
    """Return the waiting of a message with no and with all past conversations in its Redis, in turns by blocks."""
    kept = as_kept(_past(bot.agent.tracker_store, 0))
    taken: dict[bool, list[float]] = {False: [], True: []}
    async with aiohttp.ClientSession() as session:
        for block in range(-1, NUMBER // BLOCK):
            for is_full in (False, True):
                redis.flushdb()
                if is_full:
                    redis.mset({f"{CONVERSATION}past-{number}": kept for number in range(PAST)})
                stream = conversations(questions, f"{block}{is_full}")
                seconds = [await system.ask(session, *next(stream)) for _ in range(BLOCK)]
                if block >= 0:
                    taken[is_full] += seconds
    return waiting(taken[False]), waiting(taken[True])


@contextlib.contextmanager
def redis_server() -> Iterator[str]:
    """Run a Redis of its own; yield its URL. Raises FileNotFoundError where it is not installed."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(["redis-server", "--port", str(port), "--dir", folder, *REDIS_OPTIONS])
        try:
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()
            process.wait()
