"""Looking for danger while somebody floods the server: nobody is refused, and the others do not wait."""

import asyncio
import time

import pytest

from bot.encoder import MiniLMEncoder
from bot.paths import DATA
from bot.safety import URGENT, SafetyCheck, load_check
from bot.web import danger_reader
from bot.web.danger_reader import DangerReader

DANGER = "I am soaking a pad every hour"
LONG = "my doctor spoke of bleeding and pain and tests and what they could mean for us " * 12


@pytest.fixture(scope="module")
def check() -> SafetyCheck:
    return load_check(MiniLMEncoder())


@pytest.fixture
def reader(check) -> DangerReader:
    return DangerReader(check)


@pytest.mark.parametrize("is_over_limit", [False, True])
def test_danger_is_found_on_both_sides_of_the_limit(reader, is_over_limit):
    assert asyncio.run(reader.find(DANGER, is_over_limit=is_over_limit)).answer == URGENT
    assert asyncio.run(reader.find("what causes it", is_over_limit=is_over_limit)) is None


async def timed(reader: DangerReader, text: str, *, is_over_limit: bool) -> float:
    started = time.monotonic()
    await reader.find(text, is_over_limit=is_over_limit)
    return time.monotonic() - started


def test_a_flood_leaves_half_of_the_time_to_the_others(reader):
    """Whoever is within the limits waits for no more than the one look that is going on."""

    async def flood() -> tuple[float, float]:
        one = await timed(reader, LONG, is_over_limit=False)
        flooding = [asyncio.create_task(timed(reader, LONG, is_over_limit=True)) for _ in range(danger_reader.WAITING)]
        waits = []
        for _ in range(10):
            started = time.monotonic()
            await asyncio.sleep(0)  # as a request that has just come
            await reader.find(DANGER, is_over_limit=False)
            waits.append(time.monotonic() - started)
        await asyncio.gather(*flooding)
        return one, sorted(waits)[5]

    one, typical = asyncio.run(flood())
    assert typical < 6 * one + 0.05


def test_where_too_many_wait_the_rules_alone_look_and_find_danger(reader, monkeypatch):
    async def flood():
        flooding = [asyncio.create_task(reader.find(LONG, is_over_limit=True)) for _ in range(danger_reader.WAITING)]
        await asyncio.sleep(0)
        started = time.monotonic()
        found = await reader.find(DANGER, is_over_limit=True)
        waited = time.monotonic() - started
        for task in flooding:
            task.cancel()
        await asyncio.gather(*flooding, return_exceptions=True)
        return found, waited

    found, waited = asyncio.run(flood())
    assert found.answer == URGENT
    assert waited < 0.2
    assert reader._waiting == 0  # also those that hung up have left the queue


def test_the_rules_alone_are_the_same_rules(check):
    assert check.rules_alone().find(DANGER) == SafetyCheck(DATA / "safety.yml").find(DANGER)
