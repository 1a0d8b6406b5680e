"""What a run found, in plain numbers, and the bars that it is held against."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from scripts.bench.measures import Load, Waiting, best
from scripts.bench.peers import DEFAULT, FLOOR, Training

OURS = "ours"


@dataclass
class Results:
    """One run. Each is None or empty where it was not measured."""

    machine: str = ""
    date: str = ""
    waiting: dict[str, Waiting] = field(default_factory=dict)  # by system, asked one after another
    loads: dict[str, list[Load]] = field(default_factory=dict)
    computing: dict[str, float] = field(default_factory=dict)  # milliseconds for a message, by workers of Rasa
    turn_2: Waiting | None = None
    turn_200: Waiting | None = None
    past: dict[str, tuple[Waiting, Waiting]] = field(default_factory=dict)  # none and all, by kind of store
    memory: dict[str, float] = field(default_factory=dict)  # megabytes of the Rasa process
    ready: dict[str, float] = field(default_factory=dict)  # seconds
    training: dict[str, Training] = field(default_factory=dict)
    new_machine_s: float | None = None
    stages: dict[str, float] = field(default_factory=dict)  # mean milliseconds

    def save(self, path: Path) -> None:
        """Write the run to a file."""
        path.write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def load(cls, path: Path) -> "Results":
        """Read what `save` wrote; an empty run where there is no such file."""
        if not path.exists():
            return cls()
        read: dict[str, Any] = json.loads(path.read_text())
        read["waiting"] = {name: Waiting(**each) for name, each in read["waiting"].items()}
        read["loads"] = {name: [Load(**each) for each in loads] for name, loads in read["loads"].items()}
        read["past"] = {name: tuple(Waiting(**each) for each in pair) for name, pair in read["past"].items()}
        read["training"] = {name: Training(**each) for name, each in read["training"].items()}
        for name in ("turn_2", "turn_200"):
            read[name] = Waiting(**read[name]) if read[name] else None
        return cls(**read)


@dataclass(frozen=True)
class Figure:
    """A measured figure against its bar. `value` is None where it was not measured."""

    name: str
    value: float | None
    bar: float
    is_least: bool = False  # the bar is the least that is wanted; else the most
    unit: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether the bar is kept; None where nothing was measured."""
        if self.value is None:
            return None
        return self.value >= self.bar if self.is_least else self.value <= self.bar


def figures(found: Results) -> list[Figure]:
    """Return the figures of a run against the bars."""
    p50 = {name: each.p50 for name, each in found.waiting.items()}
    most = {name: best(loads) for name, loads in found.loads.items()}
    trained = {name: each.of_all_epochs or each.seconds for name, each in found.training.items()}
    turns = {name: each.p50 for name, each in (("2", found.turn_2), ("200", found.turn_200)) if each}
    figures = [
        Figure("p50 of one message end to end, ours / floor", over(p50, OURS, FLOOR), 1.6),
        Figure("p50 of one message end to end, ours / Rasa's default", over(p50, OURS, DEFAULT), 0.35),
        Figure("throughput at p95 under 200 ms, ours / Rasa's default", over(most, OURS, DEFAULT), 3, is_least=True),
        Figure("processor time for one message, two Rasa workers / one", over(found.computing, "2", "1"), 1.1),
        Figure("turn 200 of a conversation / turn 2", over(turns, "200", "2"), 1.15),
    ]
    figures += [
        Figure(f"100,000 past conversations in {kind} / none", full.p50 / none.p50, 1.1)
        for kind, (none, full) in found.past.items()
    ] or [Figure("100,000 past conversations in the store / none", None, 1.1)]
    return [
        *figures,
        Figure("resident memory of the Rasa process, ours / default", over(found.memory, OURS, DEFAULT), 0.6),
        Figure("start to ready, warm, ours / default", over(found.ready, OURS, DEFAULT), 0.5),
        Figure("training, ours / default", over(trained, OURS, DEFAULT), 0.1),
        Figure("`make run` on a new machine, network apart", found.new_machine_s, 180, unit=" s"),
    ]


def over(values: dict[str, float], one: str, other: str) -> float | None:
    """Return one value as a multiple of another; None where either is missing or nothing."""
    return values[one] / values[other] if values.get(one) is not None and values.get(other) else None
