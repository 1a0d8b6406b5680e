"""Several Rasa servers share conversations in a real Redis, which forgets them 30 minutes after the last turn."""

import asyncio
import signal
import time

import pytest
from rasa.core.agent import Agent
from rasa.core.channels.channel import CollectingOutputChannel, UserMessage
from rasa.core.lock_store import LockError, LockStore
from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import EndpointConfig, read_endpoint_config
from redis.exceptions import RedisError

from bot.paths import ROOT
from bot.server import redis_store
from bot.server.redis_store import ANSWERS_WITHIN_S, RedisLocks, RedisTrackerStore
from bot.server.rest_channel import fail_openly, forget_conversation
from tests.services import redis_server

WORDS = "my name is Zanzibar Quillfeather"
DOMAIN = Domain.from_dict({"slots": {"topic": {"type": "text", "mappings": [{"type": "custom"}]}}})
ENDPOINTS = str(ROOT / "endpoints.redis.yml")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def environment(monkeypatch, server):
    """What `make run` gives Rasa."""
    for name, value in {
        "REDIS_URL": server.url,
        "FORGET_AFTER_MINUTES": "30",
        "ACTIONS_URL": "http://x.invalid",
    }.items():
        monkeypatch.setenv(name, value)


def store(server, **settings) -> RedisTrackerStore:
    return RedisTrackerStore(DOMAIN, server.url, **settings)


def said(id: str = "a", topic: str = "pcos") -> DialogueStateTracker:
    return DialogueStateTracker.from_events(id, [UserUttered(WORDS), SlotSet("topic", topic)], slots=DOMAIN.slots)


def locks(server) -> RedisLocks:
    return RedisLocks(EndpointConfig(url=server.url))


# Conversations.


def test_what_one_server_saved_another_goes_on_with(server):
    async def gone_on() -> str:
        await store(server).save(said())
        found = await store(server).retrieve("a")
        return found.latest_action_name

    assert asyncio.run(gone_on()) == "action_listen"


def test_none_of_the_words_reach_redis(server):
    asyncio.run(store(server).save(said("words")))
    assert not [kept for kept in server.texts() if b"Quillfeather" in kept]


def test_what_an_earlier_version_kept_starts_anew(server):
    server.client.set("conversation:earlier", '{"events": [{"event": "user", "text": "hello"}], "name": "earlier"}')
    assert asyncio.run(store(server).retrieve("earlier")) is None


def test_slots_come_back_too(server):
    async def topic() -> str:
        await store(server).save(said("slots"))
        return topic_of(await store(server).retrieve("slots"))

    assert asyncio.run(topic()) == "pcos"


def test_each_turn_starts_the_half_hour_anew(server):
    asyncio.run(store(server).save(said("b")))
    assert 29 * 60 < server.client.ttl("conversation:b") <= 30 * 60
    server.client.expire("conversation:b", 10)
    asyncio.run(store(server).save(said("b")))
    assert server.client.ttl("conversation:b") > 29 * 60


def test_after_that_redis_holds_nothing_of_it(server):
    async def is_kept() -> bool:
        await store(server, minutes=0.001).save(said("c"))
        await asyncio.sleep(0.1)
        return await store(server).retrieve("c") is not None

    assert not asyncio.run(is_kept())
    assert not [kept for kept in server.texts() if b"conversation:c" in kept]


def test_what_is_forgotten_is_gone_at_once_and_others_stay(server):
    async def kept() -> list[bool]:
        for id in ("d", "e"):
            await store(server).save(said(id))
        await store(server).forget("d")
        await store(server).forget("unknown")
        return [await store(server).retrieve(id) is not None for id in ("d", "e")]

    assert asyncio.run(kept()) == [False, True]


# While Redis is away.


@pytest.fixture
def own(tmp_path):
    """A Redis of one test, to stop and to kill."""
    with redis_server(tmp_path) as server:
        yield server


def topic_of(tracker: DialogueStateTracker | None) -> str | None:
    return tracker.get_slot("topic") if tracker else None


@pytest.mark.parametrize("fault", [signal.SIGSTOP, signal.SIGKILL], ids=["hangs", "is killed"])
def test_each_server_goes_on_with_its_own_copy_and_hardly_waits(own, fault):
    async def gone_on() -> tuple[str | None, str | None, float]:
        here, there = store(own), store(own)
        await here.save(said())
        own.process.send_signal(fault)
        started = time.monotonic()
        for _ in range(20):
            known = await here.retrieve("a")
            await here.save(said())
        return topic_of(known), topic_of(await there.retrieve("a")), time.monotonic() - started

    known, elsewhere, seconds = asyncio.run(gone_on())
    assert known == "pcos"
    assert elsewhere is None
    assert seconds < 4 * ANSWERS_WITHIN_S


def test_a_copy_is_never_that_of_another_conversation(own):
    async def others() -> DialogueStateTracker | None:
        here = store(own)
        await here.save(said("a"))
        own.kill()
        return await here.retrieve("b")

    assert asyncio.run(others()) is None


def test_what_was_said_meanwhile_is_not_lost_when_redis_is_back(own, monkeypatch):
    monkeypatch.setattr(redis_store, "LEFT_ALONE_S", 0)

    async def gone_on() -> list[str | None]:
        here, there = store(own), store(own)
        await here.save(said("a", "before"))
        own.kill()
        await here.save(said("a", "meanwhile"))
        own.start()
        await there.save(said("a", "before"))  # what Redis had, where it came back with it
        known = topic_of(await here.retrieve("a"))
        await here.save(said("a", "after"))
        return [known, topic_of(await here.retrieve("a")), topic_of(await there.retrieve("a"))]

    assert asyncio.run(gone_on()) == ["meanwhile", "after", "after"]


def test_what_another_server_saved_later_holds(server):
    async def latest() -> str | None:
        here, there = store(server), store(server)
        await here.save(said("l", "first"))
        await there.save(said("l", "second"))
        return topic_of(await here.retrieve("l"))

    assert asyncio.run(latest()) == "second"


def test_a_copy_ends_with_the_half_hour_and_is_swept(own):
    async def is_held() -> bool:
        here = store(own, minutes=0.01)
        await here.save(said())
        sweeping = asyncio.create_task(here.sweep())
        await asyncio.sleep(1)
        sweeping.cancel()
        own.kill()
        return bool(len(here._copies)) or await here.retrieve("a") is not None

    assert not asyncio.run(is_held())


def test_what_is_forgotten_has_no_copy_and_a_redis_that_is_away_is_told(own):
    async def left() -> DialogueStateTracker | None:
        here = store(own)
        await here.save(said())
        own.kill()
        with pytest.raises(RedisError):
            await here.forget("a")
        return await here.retrieve("a")

    assert asyncio.run(left()) is None


def test_messages_of_one_conversation_wait_for_each_other_without_redis_too(own):
    own.kill()
    assert most_at_once([locks(own)]) == 1


@pytest.mark.parametrize("minutes", [0, -1, "0"])
def test_a_store_that_would_keep_nothing_is_refused(server, minutes):
    with pytest.raises(ValueError, match=r"endpoints\.redis\.yml"):
        store(server, minutes=minutes)


def test_the_endpoints_file_names_both_stores(environment):
    kept = TrackerStore.create(read_endpoint_config(ENDPOINTS, "tracker_store"), Domain.empty())
    assert isinstance(kept, RedisTrackerStore)
    assert isinstance(LockStore.create(read_endpoint_config(ENDPOINTS, "lock_store")), RedisLocks)


# A Rasa whose store fails says nothing, rather than going on as if nothing had been said before.


class Failing:
    """What stands for Rasa's processor: a message needs its conversation."""

    tracker_store: TrackerStore

    async def handle_message(self, message: UserMessage) -> None:
        await self.tracker_store.get_or_create_tracker(message.sender_id)
        await message.output_channel.send_text_message(message.sender_id, "as if you had said nothing before")


def test_a_message_whose_conversation_cannot_be_read_is_not_answered(server):
    async def answered() -> list:
        server.client.set("conversation:m", b"no conversation")
        agent = Agent(Domain.empty(), tracker_store=store(server))
        agent.processor = Failing()
        fail_openly(agent)
        output = CollectingOutputChannel()
        with pytest.raises(ValueError, match="Expecting value"):
            await agent.handle_message(UserMessage(WORDS, output, "m"))
        return output.messages

    assert asyncio.run(answered()) == []


# Locks.


def most_at_once(servers: list[RedisLocks]) -> int:
    """Return how many of twenty messages of one conversation were handled at once, at most."""
    at_once, most = 0, 0

    async def message(locks: RedisLocks) -> None:
        nonlocal at_once, most
        async with locks.lock("f"):
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0.01)
            at_once -= 1

    async def all_of_them() -> None:
        await asyncio.gather(*(message(servers[number % len(servers)]) for number in range(20)))

    asyncio.run(all_of_them())
    return most


def test_of_many_messages_of_one_conversation_one_is_handled_at_a_time(server):
    assert most_at_once([locks(server), locks(server)]) == 1
    assert not server.client.exists("lock:f")


def test_other_conversations_do_not_wait(server):
    async def both() -> None:
        async with asyncio.timeout(1), locks(server).lock("g"), locks(server).lock("h"):
            pass

    asyncio.run(both())


def test_a_conversation_held_for_too_long_is_told(server):
    async def second() -> None:
        async with locks(server).lock("i"), locks(server).lock("i", lock_lifetime=0.2):
            pass

    with pytest.raises(LockError):
        asyncio.run(second())


def test_the_lock_of_a_killed_server_ends_by_itself_before_the_visitor_gives_up(server):
    asyncio.run(_abandon(server))
    assert 0 < server.client.pttl("lock:j") <= 6_000


async def _abandon(server) -> None:
    await locks(server).lock("j").__aenter__()


def test_a_message_under_way_is_not_kept_after_its_conversation_was_forgotten(server):
    async def is_kept() -> bool:
        here, there = (Agent(Domain.empty(), tracker_store=store(server), lock_store=locks(server)) for _ in range(2))
        for agent in (here, there):
            fail_openly(agent)
        async with here.lock_store.lock("k"):  # the message is being handled by one …
            forgetting = asyncio.create_task(forget_conversation(there, "k"))  # … and forgotten by the other
            await asyncio.sleep(0.1)
            await here.tracker_store.save(said("k"))
        await forgetting
        return await there.tracker_store.retrieve("k") is not None

    assert not asyncio.run(is_kept())
