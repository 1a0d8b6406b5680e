"""Measure the detector of danger on blind messages: `python -m scripts.evaluate_safety`.

Prints figures alone, by sign, never a message: whoever reads them would mend the phrases to them.
"""

import random
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bot.encoder import MiniLMEncoder
from bot.safety import SafetyCheck, load_check
from bot.tidy import keep_tidy
from scripts.evaluation.data import PARTS, load_part
from scripts.evaluation.safety import Message, Outcome, blind, mild, outcome, recalls, share, spoiled
from scripts.train import ensure_model

SEED, SPOILED_TIMES = 7, 3
OUR_KINDS = ("safety/urgent", "safety/crisis")


def main() -> None:
    """Print the figures."""
    model = ensure_model()
    check = load_check(MiniLMEncoder())
    danger, lookalikes, ordinary = blind("danger"), blind("lookalikes"), ordinary_messages()
    found = outcomes_of(check, danger)
    print_all("the detector", found)
    print_misses(found)
    dice = random.Random(SEED)
    again = [Message(spoiled(each.text, dice), each.expect, each.sign, each.also) for each in danger * SPOILED_TIMES]
    print_all("the detector, messages spoiled", outcomes_of(check, again))
    for name, messages in (("look-alikes", lookalikes), ("ordinary questions", ordinary), ("mild", mild())):
        print(f"false alarms, {name}: {share(outcomes_of(check, messages), lambda o: True, lambda o: o.is_alarm)}")
    print_times(check, [*danger, *lookalikes])
    print_bot(model, danger, lookalikes)


def outcomes_of(check: SafetyCheck, messages: Sequence[Message]) -> list[Outcome]:
    """Return what the detector makes of each message."""
    return [outcome(message, check.find(message.text)) for message in messages]


def ordinary_messages() -> list[Message]:
    """Return the messages of tests/nlu that are of no danger."""
    turns = [turn for part in PARTS for turn in load_part(part).messages]
    return [Message(turn.ask, "none", turn.label) for turn in turns if not set(turn.right) & set(OUR_KINDS)]


def print_all(title: str, outcomes: Sequence[Outcome]) -> None:
    """Print the recalls."""
    print(f"{title}: " + "; ".join(f"{name} {value}" for name, value in recalls(outcomes).items()))


def print_misses(outcomes: Sequence[Outcome]) -> None:
    """Print how many messages of each sign raised no alarm at all."""
    counts = {}
    for sign in sorted({each.message.sign for each in outcomes}):
        of_sign = [each for each in outcomes if each.message.sign == sign]
        counts[sign] = share(of_sign, lambda o: True, lambda o: not o.is_alarm)
    missed = {sign: each for sign, each in counts.items() if each.hits}
    print("no alarm, by sign: " + "; ".join(f"{sign} {each.hits}/{each.count}" for sign, each in missed.items()))


def print_times(check: SafetyCheck, messages: Sequence[Message]) -> None:
    """Print how long the detector takes, in a process that is kept tidy as the servers' (bot/tidy.py)."""
    keep_tidy()
    times = []
    for message in messages:
        started = time.perf_counter()
        check.find(message.text)
        times.append(1000 * (time.perf_counter() - started))
    print("time, ms: " + ", ".join(f"p{each} {np.percentile(times, each):.1f}" for each in (50, 95, 99)))


def print_bot(model: Path, danger: Sequence[Message], lookalikes: Sequence[Message]) -> None:
    """Print the same for the whole bot, and how it treats questions for advice."""
    from scripts.local_bot import LocalBot

    bot = LocalBot(model)

    def told(message: Message) -> Outcome:
        reply = bot.ask(message.text)[0]
        return Outcome(message, reply["kind"], reply["level"], reply["kind"] == "crisis")

    alarms = share([told(each) for each in danger], lambda o: True, lambda o: o.is_alarm)
    print(f"any danger, any alarm of the whole bot: {alarms}")
    advice = [told(each) for each in blind("advice")]
    print(f"advice refused: {share(advice, lambda o: True, lambda o: o.kind in ('advice', 'urgent', 'crisis'))}")
    alarms = share([told(each) for each in lookalikes], lambda o: True, lambda o: o.is_alarm)
    print(f"false alarms of the whole bot, look-alikes: {alarms}")


if __name__ == "__main__":
    main()
