"""What came back for each message and turn, judged against its labels. The only module that talks to the bot."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from scripts.evaluation.data import EvaluationPart, Turn

Reply = dict[str, Any]
# Kinds that say something definite. A choice or a fallback asks back, which is never a wrong answer served.
SERVED = ("answer", "advice", "urgent", "crisis", "small_talk", "not_covered", "out_of_scope")
TURNED_AWAY = ("not_covered", "out_of_scope")
NOT_THE_SUBJECT = ("meta", "safety")  # facets; every other one is a question on the subject, or to the clinic
WARM_UP = "what is recurrent miscarriage?"


class Bot(Protocol):
    """What is asked of scripts.local_bot.LocalBot."""

    def new_conversation(self) -> str: ...

    def ask(self, text: str, conversation: str | None = None) -> list[Reply]: ...

    def choose(self, id: str, conversation: str | None = None) -> list[Reply]: ...

    def parse(self, text: str) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Outcome:
    """A turn and the replies to it. The first reply is the one that is judged right."""

    turn: Turn
    replies: tuple[Reply, ...]

    @property
    def first(self) -> Reply:
        """The first reply."""
        return self.replies[0]

    @property
    def is_served(self) -> bool:
        """Whether the first reply says something definite."""
        return self.first["kind"] in SERVED

    @property
    def is_right(self) -> bool:
        """Whether the first reply is one of the right answers."""
        return self.first["kind"] != "choice" and self.first["answer"] in self.turn.right

    @property
    def is_offered(self) -> bool:
        """Whether one of the right answers is among the choices offered."""
        offered = {button["choice"] for button in self.first["next"]} if self.first["kind"] == "choice" else set()
        return bool(offered & set(self.turn.right))

    @property
    def is_wrong(self) -> bool:
        """Whether any reply, the second too, serves an answer that is not right."""
        return any(reply["kind"] in SERVED and reply["answer"] not in self.turn.right for reply in self.replies)

    @property
    def is_turned_away(self) -> bool:
        """Whether the first reply says that the documents do not cover it or that it is off the subject."""
        return self.first["kind"] in TURNED_AWAY

    @property
    def on_subject(self) -> bool:
        """Whether the label is an answer on the subject."""
        return self.turn.facet not in NOT_THE_SUBJECT


@dataclass(frozen=True)
class Outcomes:
    """All that came back for one part: messages, dialogues turn by turn, and the milliseconds of each message."""

    messages: tuple[Outcome, ...]
    dialogues: tuple[tuple[Outcome, ...], ...]
    parse_ms: tuple[float, ...]


def outcomes_of(bot: Bot, part: EvaluationPart) -> Outcomes:
    """Ask everything in a part, each message and each dialogue in a conversation of its own."""
    return Outcomes(
        tuple(_outcome(bot, turn, bot.new_conversation()) for turn in part.messages),
        tuple(_dialogue(bot, turns) for turns in part.dialogues),
        tuple(parse_times(bot, [turn.ask for turn in part.messages])),
    )


def _dialogue(bot: Bot, turns: Sequence[Turn]) -> tuple[Outcome, ...]:
    conversation = bot.new_conversation()
    return tuple(_outcome(bot, turn, conversation) for turn in turns)


def _outcome(bot: Bot, turn: Turn, conversation: str) -> Outcome:
    replies = bot.choose(turn.choice, conversation) if turn.choice else bot.ask(turn.ask, conversation)
    if not replies:
        raise RuntimeError("the bot gave no reply to a message: see the contract ('never none')")
    return Outcome(turn, tuple(replies))


def parse_times(bot: Bot, texts: Sequence[str]) -> list[float]:
    """Return the milliseconds that understanding takes for each message, one at a time, after one to warm up."""
    bot.parse(WARM_UP)
    return [_milliseconds(bot, text) for text in texts]


def _milliseconds(bot: Bot, text: str) -> float:
    started = time.perf_counter()
    bot.parse(text)
    return 1000 * (time.perf_counter() - started)
