"""Visitors at work, all at once: each asks about a subject of their own, and every reply is looked at.

A visitor taps a cause, then asks "how is it treated?", which only their own conversation can answer; now and then one
is in danger. Another sends question after question to the clinic. What is counted is what the visitor would see.
"""

import asyncio
import contextlib
import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

from tests.conftest import assert_keeps_the_contract

SUBJECTS = ("pcos", "thyroid", "prolactin", "luteal", "hormonal", "fibroids", "cervix", "uterine", "infection",
            "immune", "antiphospholipid", "clotting", "genetic")  # fmt: skip
FOLLOW_UP = "how is it treated?"
ADJECTIVES = ("quiet", "warm", "open", "busy", "clean", "bright", "cold", "full", "calm", "loud", "free", "closed")
DAYS = (
    "early",
    "rainy",
    "winter",
    "summer",
    "late",
    "holiday",
    "spring",
    "autumn",
    "school",
    "market",
    "snowy",
    "dark",
)
DANGER = "I am soaking a pad every hour"
PAUSE_S = (0.5, 1.5)
PATIENCE_S = 60  # far longer than anybody's, to tell a late reply from none
SENT_EACH_S = 1.0
ASKED_OF_THE_CLINIC = "is the waiting room {} on {} mornings?"


@dataclass
class Turn:
    """One request and what came of it; times are those of time.monotonic()."""

    began: float
    seconds: float
    kind: str  # of the reply, else what went wrong
    status: int = 0
    faults: tuple[str, ...] = ()
    is_out_of_context: bool = False  # answered, but as if nothing had been said before


@dataclass
class Seen:
    """All turns of all visitors, and the questions that the clinic said it has."""

    turns: list[Turn] = field(default_factory=list)
    committed: Counter[str] = field(default_factory=Counter)  # redacted, as they are kept
    refused: int = 0

    def between(self, since: float, until: float) -> "Seen":
        return Seen([turn for turn in self.turns if since <= turn.began < until])

    def figures(self) -> dict[str, float]:
        """Return the figures that the bars are about; seconds for p50, p95 and the slowest."""
        faults = Counter(fault for turn in self.turns for fault in turn.faults)
        seconds = sorted(turn.seconds for turn in self.turns) or [0.0]
        return {
            "requests": len(self.turns),
            "unavailable": sum(turn.kind == "unavailable" for turn in self.turns),
            "out of context": sum(turn.is_out_of_context for turn in self.turns),
            "urgent": sum(turn.kind == "urgent" for turn in self.turns),
            **{name: faults[name] for name in FAULTS},
            "p50": round(seconds[len(seconds) // 2], 2),
            "p95": round(seconds[int(len(seconds) * 0.95)], 2),
            "slowest": round(seconds[-1], 2),
        }


NO_ANSWER, NO_REPLY, SERVER_ERROR, NOT_FRAMED, NOT_URGENT, OF_ANOTHER = FAULTS = (
    "unanswered", "empty", "5xx", "not framed", "not urgent", "of another's chat"
)  # fmt: skip


class Visitor:
    """One person with one subject, starting a chat anew every few turns."""

    def __init__(
        self, http: httpx.AsyncClient, seen: Seen, number: int, pause_s: tuple[float, float] = PAUSE_S
    ) -> None:
        self._http, self._seen, self._pause_s = http, seen, pause_s
        self._subject = SUBJECTS[number % len(SUBJECTS)]
        self._random = random.Random(number)

    async def visit(self, until: threading.Event) -> None:
        """Chat until told to stop."""
        while not until.is_set():
            conversation = await self._turn(None, choice=f"causes/{self._subject}")
            for _ in range(3):
                if conversation:
                    await self._turn(conversation, text=FOLLOW_UP)
            await self._turn(conversation, text=DANGER)

    async def _turn(self, conversation: str | None, **sent: str) -> str | None:
        began = time.monotonic()
        turn = Turn(began, 0, "")
        answered: str | None = None
        try:
            response = await self._http.post(
                "/api/chat", json=sent | ({"conversation": conversation} if conversation else {})
            )
            turn.status = response.status_code
            answered = self._look(turn, response, conversation, sent)
        except httpx.HTTPError as error:
            turn.kind, turn.faults = type(error).__name__, (NO_ANSWER,)
        turn.seconds = time.monotonic() - began
        self._seen.turns.append(turn)
        await asyncio.sleep(self._random.uniform(*self._pause_s))
        return answered

    def _look(self, turn: Turn, response: httpx.Response, conversation: str | None, sent: dict[str, str]) -> str | None:
        if response.status_code != 200:
            turn.kind, turn.faults = f"status {response.status_code}", (SERVER_ERROR,)
            return None
        body = response.json()
        faults = list(faults_of(body.get("replies", ()), in_danger=sent.get("text") == DANGER, subject=self._subject))
        if conversation and body["conversation"] != conversation:
            faults.append(OF_ANOTHER)
        turn.kind = body["replies"][0]["kind"] if body.get("replies") else "empty"
        turn.is_out_of_context = sent.get("text") == FOLLOW_UP and not answers_a_follow_up(body["replies"])
        turn.faults = tuple(faults)
        return body["conversation"]


def faults_of(replies: Sequence[dict], *, in_danger: bool, subject: str):
    """Yield what is wrong with what a visitor got."""
    if not replies:
        yield NO_REPLY
    for reply in replies:
        try:
            assert_keeps_the_contract(reply)
        except (AssertionError, KeyError):
            yield NOT_FRAMED
    if in_danger and replies and replies[0]["kind"] != "urgent":
        yield NOT_URGENT
    # The subject of somebody else; a reply that knows of no subject is a chat that was lost, not one that was mixed up.
    others = set(SUBJECTS) - {subject}
    if any(facet in ("causes", "treatments") and topic in others for facet, _, topic in map(parts, replies)):
        yield OF_ANOTHER


def answers_a_follow_up(replies: Sequence[dict]) -> bool:
    """Whether a reply to "how is it treated?" knows what was said before; one without an answer is no such case."""
    return not replies or replies[0]["kind"] == "unavailable" or parts(replies[0])[0] == "treatments"


def parts(reply: dict) -> tuple[str, str, str]:
    """Return an answer's facet, the slash, and its topic."""
    return str(reply.get("answer", "")).partition("/")


class Sender:
    """One person who sends questions to the clinic, and remembers which of them it said it has."""

    def __init__(self, http: httpx.AsyncClient, seen: Seen) -> None:
        self._http, self._seen = http, seen

    async def send(self, until: threading.Event) -> None:
        """Send until told to stop."""
        conversation = await self._conversation(until)
        for number in itertools.count():
            if until.is_set():
                return
            words = ADJECTIVES[number % len(ADJECTIVES)], DAYS[number // len(ADJECTIVES) % len(DAYS)]
            await self._send({"conversation": conversation, "text": ASKED_OF_THE_CLINIC.format(*words)})
            await asyncio.sleep(SENT_EACH_S)

    async def _conversation(self, until: threading.Event) -> str | None:
        while not until.is_set():
            with contextlib.suppress(httpx.HTTPError, KeyError, ValueError):
                return (await self._http.post("/api/chat", json={"choice": "causes/pcos"})).json()["conversation"]
        return None

    async def _send(self, body: dict[str, str | None]) -> None:
        try:
            response = await self._http.post("/api/questions", json=body)
        except httpx.HTTPError:  # nobody said that it is kept
            self._seen.refused += 1
            return
        if response.status_code == 200:
            self._seen.committed[response.json()["text"]] += 1
        else:
            self._seen.refused += 1


async def visits(url: str, seen: Seen, until: threading.Event, visitors: int = 20) -> None:
    """Have so many visitors chat at once until told to stop."""
    limits = httpx.Limits(max_connections=visitors * 2)
    async with httpx.AsyncClient(base_url=url, verify=False, timeout=PATIENCE_S, limits=limits) as http:
        at_work = [Visitor(http, seen, number).visit(until) for number in range(visitors)]
        await asyncio.gather(*at_work, Sender(http, seen).send(until))
