"""The figures recorded in tests/nlu/recorded.json, which the tests hold every later change to."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scripts.evaluation.data import SET, EvaluationPart
from scripts.evaluation.figures import Figure

RECORD = SET / "recorded.json"
ROUNDING = 0.0005  # more than the four digits kept can make of a difference
HELD = ("share",)  # units that the tests hold to: a time depends on the machine, the margin on the peers


@dataclass(frozen=True)
class Recorded:
    """A figure as it was recorded."""

    value: float
    noise: float
    count: int


def write_record(part: EvaluationPart, figures: Sequence[Figure], path: Path = RECORD) -> None:
    """Write the figures of a part, with their noise, over the last ones."""
    content = {
        "date": datetime.now(UTC).date().isoformat(),
        "part": part.name,
        "messages": len(part.messages),
        "dialogues": len(part.dialogues),
        "figures": {figure.name: _row(figure) for figure in figures},
    }
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _row(figure: Figure) -> dict[str, Any]:
    # All right, or all wrong, has no bootstrap noise; one message more or less is the least there is.
    noise = max(figure.noise, 1 / figure.count) if figure.unit in HELD else figure.noise
    return {"value": round(figure.value, 4), "noise": round(noise, 4), "count": figure.count}


def load_record(path: Path = RECORD) -> dict[str, Recorded]:
    """Return the recorded figures by name. Raises FileNotFoundError where none were recorded."""
    return {name: Recorded(**row) for name, row in json.loads(path.read_text())["figures"].items()}


def worse_than_recorded(figures: Sequence[Figure], recorded: dict[str, Recorded]) -> list[str]:
    """Return a line for each held figure that is worse than the recorded one by more than that one's noise."""
    return [
        f"{figure.name}: {figure.value:.3f}, recorded {recorded[figure.name].value:.3f} "
        f"with a noise of {recorded[figure.name].noise:.3f}"
        for figure in figures
        if figure.unit in HELD
        and figure.name in recorded
        and figure.worse_by(recorded[figure.name].value) > recorded[figure.name].noise + ROUNDING
    ]
