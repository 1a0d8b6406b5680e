"""The plots of the report, each as one SVG to stand inline in a page."""

import io
from collections import Counter
from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from scripts.evaluation.figures import BINS, bin_of
from scripts.evaluation.outcomes import Outcome
from scripts.evaluation.peers import Ranked, risk_and_coverage

# Okabe and Ito's colours, which colour-blind readers can tell apart.
BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#BBBBBB"
LINES = (BLUE, ORANGE, GREEN, RED)
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "evaluation",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
ASKED_BACK, NOT_UNDERSTOOD = "asked back", "not understood"
GROUPS = {
    "meta/not_covered": "not covered",
    "meta/out_of_scope": "off the subject",
    "meta/fallback": NOT_UNDERSTOOD,
    "safety/personal_advice": "personal advice",
    "safety/urgent": "danger",
    "safety/crisis": "danger",
}
WAYS = (("right", GREEN), ("offered", BLUE), ("asked back in vain", GREY), ("wrong", RED))


def confusion(outcomes: Sequence[Outcome]) -> str:
    """Return the counts of what was asked for (rows) and what came (columns), by facet."""
    pairs = Counter((group_of(outcome.turn.label), group_of_reply(outcome)) for outcome in outcomes)
    names = sorted({name for pair in pairs for name in pair}, key=_order)
    rows = [name for name in names if name != ASKED_BACK]
    counts = np.array([[pairs[row, column] for column in names] for row in rows])
    canvas, axes = _canvas(8.5, 6)
    axes.imshow(counts / counts.sum(axis=1, keepdims=True).clip(1), cmap="Blues", vmin=0, vmax=1.3)
    for row, column in np.argwhere(counts):
        axes.text(column, row, str(counts[row, column]), ha="center", va="center")
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right")
    axes.set_yticks(range(len(rows)), rows)
    axes.set(xlabel="what came first", ylabel="what was asked for")
    return _svg(canvas)


def group_of(id: str) -> str:
    """Return the facet of an id, or what it stands for where the facet says little."""
    facet = id.partition("/")[0]
    return GROUPS.get(id, "small talk" if facet == "meta" else facet.replace("_", " "))


def group_of_reply(outcome: Outcome) -> str:
    """Return the group of a first reply. One right answer is as good as another, so it counts as the one asked for."""
    if outcome.first["kind"] == "choice":
        return ASKED_BACK
    return group_of(outcome.turn.label if outcome.is_right else outcome.first["answer"])


def _order(name: str) -> tuple[int, str]:
    late = ["personal advice", "danger", "not covered", "off the subject", "small talk", ASKED_BACK, NOT_UNDERSTOOD]
    return (late.index(name) + 1 if name in late else 0, name)


def risk_against_coverage(systems: Sequence[Ranked], bot: Ranked) -> str:
    """Return, for every threshold, the share served and the share of it that is wrong; a dot for the bot as it is."""
    canvas, axes = _canvas(7, 4.2)
    for system, colour in zip(systems, LINES, strict=False):
        _, wrong, right = risk_and_coverage(system)
        axes.plot(wrong + right, wrong / (wrong + right).clip(1e-9), color=colour, label=system.name)
    wrong_rate, right_rate = bot.wrong.mean(), bot.right.mean()
    axes.plot(wrong_rate + right_rate, wrong_rate / (wrong_rate + right_rate), "o", color=BLUE, label="as it is set")
    axes.set(xlabel="share of messages served", ylabel="wrong among those served", xlim=(0, 1), ylim=(0, 0.5))
    axes.legend(frameon=False, loc="upper left")
    return _svg(canvas)


def reliability(served: Sequence[Outcome]) -> str:
    """Return the share right against the confidence, in ten bins, with the count of messages in each."""
    confidence = np.array([outcome.first["confidence"] for outcome in served])
    right = np.array([outcome.is_right for outcome in served], dtype=float)
    bins = bin_of(confidence)
    canvas, axes = _canvas(5.5, 4.2)
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--")
    for number in np.unique(bins):
        inside = bins == number
        x, y = confidence[inside].mean(), right[inside].mean()
        axes.plot(x, y, "o", color=BLUE)
        axes.annotate(str(inside.sum()), (x, y), xytext=(5, -10), textcoords="offset points")
    axes.set(xlabel="confidence", ylabel="share right", xlim=(0, 1.05), ylim=(0, 1.05))
    axes.set_xticks(np.linspace(0, 1, BINS // 2 + 1))
    return _svg(canvas)


def misses_by_style(outcomes: Sequence[Outcome]) -> str:
    """Return, for each style of writing, the shares right, offered, asked back in vain and wrong."""
    by_style: dict[str, Counter[str]] = {}
    for outcome in outcomes:
        by_style.setdefault(outcome.turn.style.replace("_", " "), Counter())[way_of(outcome)] += 1
    styles = sorted(by_style, key=lambda style: by_style[style]["right"] / by_style[style].total(), reverse=True)
    canvas, axes = _canvas(7, 0.4 * len(styles) + 1)
    left = np.zeros(len(styles))
    for way, colour in WAYS:
        shares = np.array([by_style[style][way] / by_style[style].total() for style in styles])
        axes.barh(range(len(styles)), shares, left=left, color=colour, label=way)
        left += shares
    axes.set_yticks(range(len(styles)), [f"{style} ({by_style[style].total()})" for style in styles])
    axes.set(xlabel="share of messages", xlim=(0, 1))
    canvas.legend(frameon=False, ncols=len(WAYS), loc="outside upper center")
    return _svg(canvas)


def way_of(outcome: Outcome) -> str:
    """Return how a message fared: one of WAYS."""
    if outcome.is_wrong:
        return "wrong"
    if outcome.is_right:
        return "right"
    return "offered" if outcome.is_offered else "asked back in vain"


def _canvas(width: float, height: float) -> tuple[Canvas, Axes]:
    """Return an empty figure of a width and height in inches."""
    with rc_context(STYLE):
        canvas = Canvas(figsize=(width, height), layout="constrained")
        return canvas, canvas.add_subplot()


def _svg(canvas: Canvas) -> str:
    written = io.StringIO()
    with rc_context(STYLE):
        canvas.savefig(written, format="svg", metadata={"Date": None})
    return written.getvalue()[written.getvalue().index("<svg") :]
