"""Where the time of a message goes in ours, stage by stage: the front server's own figures, and clocks inside Rasa.

The front server counts its stages itself (/metrics); for those inside Rasa the same agent runs here with a clock around
each component, store and call. Means, in milliseconds, as only they add up.
"""

import re
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import aiohttp
import httpx

from bot.encoder import shared_encoder
from bot.given import note
from bot.reply import as_text
from scripts.bench.questions import conversations
from scripts.bench.systems import System
from scripts.local_bot import LocalBot

NUMBER = 200
WARM_UP = 40
RASA = "Rasa, as the front server sees it"
_SUM = re.compile(r'^clinic_stage_seconds_(sum|count)\{stage="(\w+)"\} (\S+)', re.MULTILINE)


class Clock:
    """Adds up the seconds of each stage."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        """Count what runs inside for a stage."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - started

    def around(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with the clock around it."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.of(stage):
                return function(*args, **kwargs)

        return timed

    def around_awaited(self, stage: str, function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """Return the coroutine function with the clock around it."""

        async def timed(*args: Any, **kwargs: Any) -> Any:
            with self.of(stage):
                return await function(*args, **kwargs)

        return timed


async def in_front(system: System, questions: list[str]) -> dict[str, float]:
    """Return the mean milliseconds of the stages that the front server tells of, asked one after another."""
    stream = conversations(questions, "stages")
    async with aiohttp.ClientSession() as session:
        for _ in range(WARM_UP):
            await system.ask(session, *next(stream))
        before = told(system)
        whole = sum([await system.ask(session, *next(stream)) for _ in range(NUMBER)])
    spent = {stage: (seconds - before[stage]) * 1000 / NUMBER for stage, seconds in told(system).items()}
    return {
        "HTTP of the front server": whole * 1000 / NUMBER - spent["turn"],
        "front server": spent["turn"] - spent["safety"] - spent["rasa"],
        "safety": spent["safety"],
        RASA: spent["rasa"],
    }


def told(system: System) -> dict[str, float]:
    """Return the seconds in each stage so far, as /metrics has them."""
    text = httpx.get(system.url.replace("/api/chat", "/metrics")).text
    return {stage: float(value) for kind, stage, value in _SUM.findall(text) if kind == "sum"}


def in_rasa(bot: LocalBot, questions: list[str]) -> dict[str, float]:
    """Return the mean milliseconds of the stages inside Rasa and the action server, without HTTP.

    Rasa is told what the front server tells it: the vector, and that there is no danger in these questions.
    """
    clock = Clock()
    watch(bot, clock)
    stream = conversations(questions, "stages")
    for message in range(-WARM_UP, NUMBER):
        if message == 0:
            clock.seconds.clear()
        conversation, text = next(stream)
        note(text, shared_encoder().embed([text])[0], is_calm=True)
        with clock.of("all"):
            bot.ask(text, conversation)
    means = {stage: seconds * 1000 / NUMBER for stage, seconds in clock.seconds.items()}
    means["action"] -= means["rendering"]
    whole = means.pop("all")
    return means | {"Rasa's own": whole - sum(means.values())}


def watch(bot: LocalBot, clock: Clock) -> None:
    """Put the clock around the components, the store, the action and the rendering of a bot in this process."""
    agent = bot.agent
    runner = agent.processor.graph_runner
    for name, node in runner._instantiated_nodes.items():
        node._fn = clock.around(stage_of(name), node._fn)
    for method in ("save", "retrieve"):
        store = agent.tracker_store
        setattr(store, method, clock.around_awaited("tracker store", getattr(store, method)))
    agent.action_endpoint.request = clock.around_awaited("action", agent.action_endpoint.request)
    from actions import answer

    renderer = answer.load_speaker().renderer
    for method in ("reply", "choice"):
        setattr(renderer, method, clock.around("rendering", getattr(renderer, method)))
    answer.as_text = clock.around("rendering", as_text)


def stage_of(node: str) -> str:
    """Return what the report calls a node of the pipeline: run_bot.nlu.safety.SafetyOverride2 is SafetyOverride."""
    name = re.sub(r"\d+$", "", node.rpartition(".")[2].removeprefix("run_"))
    policies = ("RulePolicy", "rule_only_data_provider", "select_prediction", "domain_provider")
    return "policies" if name in policies else f"NLU: {name}"


def together(front: Mapping[str, float], inside: Mapping[str, float]) -> dict[str, float]:
    """Return the mean milliseconds of every stage; together they are the whole of a message."""
    between = front[RASA] - sum(inside.values())
    outside = {stage: each for stage, each in front.items() if stage != RASA}
    return {**outside, "HTTP and queues of Rasa and of the action server": between, **inside}
