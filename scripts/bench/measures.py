"""The measurements. Systems that are compared take turns, question by question, so that a machine that becomes slower
or faster meanwhile does so for all of them."""

import asyncio
import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import aiohttp
import numpy as np

from scripts.bench.questions import conversations
from scripts.bench.systems import System

T = TypeVar("T")
WARM_UP = 40  # messages before each measurement: what is loaded or compiled at the first use
LIMIT_S = 0.2  # within which 95 of 100 replies must be there for a throughput to count
VISITORS = (1, 2, 3, 4, 6, 8, 12, 16)
LATE = 200  # turns
PAIRS = 60
PRIMED = 4  # long conversations


@dataclass(frozen=True)
class Waiting:
    """How long replies took, in milliseconds."""

    p50: float
    p95: float
    number: int


@dataclass(frozen=True)
class Load:
    """What so many visitors got, each of whom asks as soon as the last reply is there; p95 in milliseconds."""

    visitors: int
    per_second: float
    p95: float


def waiting(seconds: Sequence[float]) -> Waiting:
    """Return how long replies took."""
    p50, p95 = (float(each) * 1000 for each in np.percentile(seconds, (50, 95)))
    return Waiting(p50, p95, len(seconds))


async def one_after_another(systems: Sequence[System], questions: list[str], number: int) -> dict[str, Waiting]:
    """Return the waiting for each system, which all get the same messages, in turns."""
    streams = {system.name: conversations(questions, "one") for system in systems}
    taken: dict[str, list[float]] = {system.name: [] for system in systems}
    async with aiohttp.ClientSession() as session:
        for message in range(-WARM_UP, number):
            for system in turned(systems, message):
                seconds = await system.ask(session, *next(streams[system.name]))
                if message >= 0:
                    taken[system.name].append(seconds)
    return {name: waiting(seconds) for name, seconds in taken.items()}


def turned(those: Sequence[T], by: int) -> list[T]:
    """Return those, with another one first each time."""
    first = by % len(those)
    return [*those[first:], *those[:first]]


async def throughput(system: System, questions: list[str], seconds: float) -> list[Load]:
    """Return what more and more visitors get, up to the first number of them that waits too long."""
    loads = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        for visitors in VISITORS:
            loads.append(await at_once(system, session, questions, visitors, seconds))
            if loads[-1].p95 > LIMIT_S * 1000:
                break
    return loads


async def at_once(
    system: System, session: aiohttp.ClientSession, questions: list[str], visitors: int, seconds: float
) -> Load:
    """Return what so many visitors at once get."""
    taken: list[float] = []
    started = time.perf_counter()

    async def visit(number: int) -> None:
        for conversation, text in conversations(turned(questions, number), f"{visitors}-{number}"):
            if time.perf_counter() - started > seconds:
                return
            taken.append(await system.ask(session, conversation, text))

    await asyncio.gather(*(visit(number) for number in range(visitors)))
    return Load(visitors, len(taken) / (time.perf_counter() - started), waiting(taken).p95)


def best(loads: Sequence[Load]) -> float:
    """Return the most messages a second for which nobody, but for one in twenty, waits too long; 0 where none."""
    return max((load.per_second for load in loads if load.p95 <= LIMIT_S * 1000), default=0.0)


async def computing(systems: Sequence[System], questions: list[str], blocks: int, block: int) -> dict[str, float]:
    """Return the milliseconds of processor time that a message takes each system, which take turns by blocks."""
    taken = dict.fromkeys((system.name for system in systems), 0.0)
    async with aiohttp.ClientSession() as session:
        for number in range(-1, blocks):
            for system in turned(systems, number):
                before = system.computing_s()
                for conversation, text in itertools.islice(conversations(questions, f"computing{number}"), block):
                    await system.ask(session, conversation, text)
                if number >= 0:  # the first one warms up
                    taken[system.name] += system.computing_s() - before
    return {name: seconds * 1000 / (blocks * block) for name, seconds in taken.items()}


async def long_conversation(system: System, questions: list[str]) -> tuple[Waiting, Waiting]:
    """Return the waiting at turn 2 and at turn 200 and later, for the same questions, in turns."""
    early: list[float] = []
    late: list[float] = []
    async with aiohttp.ClientSession() as session:
        for number in range(PRIMED):
            for text in itertools.islice(itertools.cycle(questions), LATE - 2):
                await system.ask(session, f"long-{number}", text)
        for pair in range(PAIRS):
            first, second = (questions[(2 * pair + each) % len(questions)] for each in (0, 1))
            for conversation, seconds in ((f"short-{pair}", early), (f"long-{pair % PRIMED}", late)):
                await system.ask(session, conversation, first)
                seconds.append(await system.ask(session, conversation, second))
    return waiting(early), waiting(late)


def ratio(over: Mapping[str, Waiting], one: str, other: str) -> float:
    """Return the p50 of one system as a multiple of that of another."""
    return over[one].p50 / over[other].p50
