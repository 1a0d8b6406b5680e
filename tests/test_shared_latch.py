"""Several front servers know of the same danger through a real Redis, and each by itself where Redis is away."""

import asyncio
import time

import pytest

from bot.web.latch import LATCHED_S, SHARED_WITHIN_S, Latches, SharedLatches
from tests.product import free_port
from tests.services import redis_server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def urgent(renderer):
    return renderer.reply("safety/urgent")


@pytest.fixture
def crisis(renderer):
    return renderer.reply("safety/crisis")


def run(server, deeds) -> list:
    """Return what `deeds(here, there)` gave, with two front servers that share the Redis."""

    async def together():
        fronts = [SharedLatches(server.url), SharedLatches(server.url)]
        try:
            return await deeds(*fronts)
        finally:
            for front in fronts:
                await front.disconnect()

    return asyncio.run(together())


def test_a_danger_that_one_front_server_saw_the_other_knows(server, urgent):
    async def deeds(here, there):
        await here.close("a", urgent)
        return await there.of("a"), await there.of("another")

    known, other = run(server, deeds)
    assert (known.is_urgent, known.not_now) == (True, urgent["next"][-1]["choice"])
    assert other is None


def test_the_line_for_violence_is_known_elsewhere(server, crisis):
    async def deeds(here, there):
        await here.close("v", crisis, is_violence=True)
        return await there.of("v")

    assert run(server, deeds).is_violence


def test_a_crisis_elsewhere_leaves_the_urgent_line(server, urgent, crisis):
    async def deeds(here, there):
        await here.close("b", urgent)
        await there.close("b", crisis)
        return await here.of("b")

    assert run(server, deeds).is_urgent


def test_an_end_that_one_was_told_the_other_keeps_too(server, urgent):
    async def deeds(here, there):
        await here.close("c", urgent)
        assert await there.of("c")
        await there.release("c")
        return await here.of("c")

    assert run(server, deeds) is None


def test_it_ends_by_itself_after_half_an_hour(server, urgent):
    async def deeds(here, there):
        await here.close("d", urgent)

    run(server, deeds)
    assert LATCHED_S - 10 < server.client.ttl("latch:d") <= LATCHED_S


def test_what_redis_lost_the_front_server_still_knows(server, urgent):
    async def deeds(here, there):
        await here.close("e", urgent)
        server.client.flushall()
        return await here.of("e")

    assert run(server, deeds).is_urgent


def test_redis_holds_no_words(server, urgent):
    async def deeds(here, there):
        await here.close("f", urgent)

    run(server, deeds)
    assert server.client.get("latch:f").decode().split() == ["safety/urgent", urgent["next"][-1]["choice"]]


def test_without_redis_each_goes_on_with_what_it_knows_and_hardly_waits(urgent):
    async def deeds():
        latches = SharedLatches(f"redis://127.0.0.1:{free_port()}/0")
        started = time.monotonic()
        await latches.close("g", urgent)
        known = await latches.of("g")
        await latches.release("g")
        return known, await latches.of("g"), time.monotonic() - started

    known, after, seconds = asyncio.run(deeds())
    assert known.is_urgent
    assert after is None
    assert seconds < 1


def test_a_redis_that_hangs_is_left_alone_after_the_first_wait(tmp_path, urgent):
    async def deeds(url):
        latches = SharedLatches(url)
        started = time.monotonic()
        for _ in range(20):
            await latches.close("h", urgent)
        return time.monotonic() - started

    with redis_server(tmp_path) as server:
        server.process.send_signal(19)  # stopped: it takes connections and says nothing
        assert asyncio.run(deeds(server.url)) < 10 * SHARED_WITHIN_S


def test_latches_of_one_process_need_no_redis(urgent):
    async def deeds():
        latches = Latches()
        await latches.close("i", urgent)
        return await latches.of("i")

    assert asyncio.run(deeds()).is_urgent
