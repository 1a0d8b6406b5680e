"""The figures of the evaluation, each with a 95 % bootstrap interval and, where there is one, its bar.

Each figure is a statistic over rows (messages or dialogues): over all rows it is the value, over rows drawn at random
with replacement its noise. The model itself is deterministic, so this is all the noise there is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from scripts.evaluation.outcomes import Outcome, Outcomes

SEED = 7
RESAMPLES = 2000
BINS = 10
LEVEL = (2.5, 97.5)  # percentiles: a 95 % interval

Statistic = Callable[[np.ndarray], float]  # from row numbers to a value


@dataclass(frozen=True)
class Figure:
    """A value with its interval, over `count` rows. `unit` is share, ms or points."""

    name: str
    value: float
    low: float
    high: float
    count: int
    bar: float | None = None
    is_lower_better: bool = False
    unit: str = "share"

    @property
    def noise(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2

    @property
    def meets_bar(self) -> bool | None:
        """Whether the bar is reached; None where there is none."""
        return None if self.bar is None else self.worse_by(self.bar) <= 0

    def worse_by(self, other: float) -> float:
        """Return by how much the value is worse than another; negative where it is better."""
        return (self.value - other) * (1 if self.is_lower_better else -1)


# Name, who is counted, what counts as hit, bar, whether lower is better.
Row = tuple[str, Callable[[Outcome], bool], Callable[[Outcome], bool], float | None, bool]
SHARES: tuple[Row, ...] = (
    ("on the subject: right answer served", lambda o: o.on_subject, lambda o: o.is_right, 0.92, False),
    ("on the subject: right, or offered", lambda o: o.on_subject, lambda o: o.is_right or o.is_offered, 0.97, False),
    ("any message: a wrong answer served", lambda o: True, lambda o: o.is_wrong, 0.03, True),
    ("off the subject recognised", lambda o: o.turn.label == "meta/out_of_scope",
     lambda o: o.first["kind"] == "out_of_scope", 0.95, False),
    ("not covered recognised", lambda o: o.turn.label == "meta/not_covered",
     lambda o: o.first["kind"] == "not_covered", 0.90, False),
    ("personal advice recognised", lambda o: o.turn.label == "safety/personal_advice",
     lambda o: o.first["kind"] == "advice", None, False),
    ("on the subject: turned away", lambda o: o.on_subject, lambda o: o.is_turned_away, 0.02, True),
    ("danger recognised", lambda o: o.turn.label in ("safety/urgent", "safety/crisis"),
     lambda o: o.first["kind"] in ("urgent", "crisis"), None, False),
    ("any message: right answer served", lambda o: True, lambda o: o.is_right, None, False),
)  # fmt: skip
FOLLOW_UPS, CALIBRATION_ERROR, P50, P95 = (
    "follow-up turns right",
    "expected calibration error",
    "NLU time for one message, p50",
    "NLU time for one message, p95",
)


def figures_of(outcomes: Outcomes) -> list[Figure]:
    """Return every figure of one part, in the order of the table."""
    messages = outcomes.messages
    return [
        *(_share(row, messages) for row in SHARES),
        _follow_ups(outcomes.dialogues),
        _calibration_error([outcome for outcome in messages if outcome.is_served]),
        _percentile(P50, outcomes.parse_ms, 50, bar=15.0),
        _percentile(P95, outcomes.parse_ms, 95),
    ]


def figure(
    name: str,
    statistic: Statistic,
    count: int,
    *,
    resamples: int = RESAMPLES,
    bar: float | None = None,
    is_lower_better: bool = False,
    unit: str = "share",
) -> Figure:
    """Return the figure that a statistic over `count` rows gives; not a number where there are none."""
    value, low, high = np.nan, np.nan, np.nan
    if count:
        rng = np.random.default_rng(SEED)
        value = statistic(np.arange(count))
        low, high = np.percentile([statistic(rng.integers(count, size=count)) for _ in range(resamples)], LEVEL)
    return Figure(name, float(value), float(low), float(high), count, bar, is_lower_better, unit)


def _share(row: Row, outcomes: Sequence[Outcome]) -> Figure:
    name, counts, hits, bar, is_lower_better = row
    hit = np.array([hits(outcome) for outcome in outcomes if counts(outcome)], dtype=float)
    return figure(name, lambda rows: float(hit[rows].mean()), len(hit), bar=bar, is_lower_better=is_lower_better)


def _follow_ups(dialogues: Sequence[Sequence[Outcome]]) -> Figure:
    """Whole dialogues are drawn: the turns of one hang together. A turn that was tapped or trained on is no feat."""
    typed = [[each for each in dialogue[1:] if each.turn.ask and not each.turn.is_trained_on] for dialogue in dialogues]
    right = np.array([sum(outcome.is_right for outcome in turns) for turns in typed])
    asked = np.array([len(turns) for turns in typed])
    return figure(FOLLOW_UPS, lambda rows: float(right[rows].sum() / asked[rows].sum()), len(typed), bar=0.95)


def _calibration_error(served: Sequence[Outcome]) -> Figure:
    confidence = np.array([outcome.first["confidence"] for outcome in served])
    right = np.array([outcome.is_right for outcome in served], dtype=float)

    def statistic(rows: np.ndarray) -> float:
        return calibration_error(confidence[rows], right[rows])

    return figure(CALIBRATION_ERROR, statistic, len(served), bar=0.03, is_lower_better=True)


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Return the expected calibration error over ten bins of equal width (Guo et al., ICML 2017)."""
    bins = bin_of(confidence)
    sums = np.bincount(bins, confidence - right, minlength=BINS)
    return float(np.abs(sums).sum() / len(confidence))


def bin_of(confidence: np.ndarray) -> np.ndarray:
    """Return the number of the bin that each confidence, 0 to 1, falls into."""
    return np.minimum((confidence * BINS).astype(int), BINS - 1)


def _percentile(name: str, times: Sequence[float], percent: float, bar: float | None = None) -> Figure:
    ms = np.array(times)
    return figure(
        name,
        lambda rows: float(np.percentile(ms[rows], percent)),
        len(ms),
        resamples=RESAMPLES // 4,
        bar=bar,
        is_lower_better=True,
        unit="ms",
    )
