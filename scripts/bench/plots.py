"""The plots of docs/benchmarks.md, as SVG files. Colours are those of the evaluation's plots."""

from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure as Canvas

from scripts.bench.measures import LIMIT_S
from scripts.bench.results import Results
from scripts.evaluation.plots import BLUE, GREY, ORANGE, RED, STYLE

COLOURS = {"floor": GREY, "default": ORANGE, "ours": BLUE}
NAMES = {"floor": "the floor", "default": "Rasa's default", "ours": "ours"}


def write_plots(found: Results, folder: Path) -> None:
    """Write every plot for which there are figures."""
    folder.mkdir(exist_ok=True)
    drawn = {"waiting": waiting, "throughput": throughput, "stages": stages}
    for name, draw in drawn.items():
        with rc_context({**STYLE, "svg.hashsalt": name}):
            canvas = draw(found)
            if canvas:
                canvas.savefig(folder / f"{name}.svg", format="svg", metadata={"Date": None})


def waiting(found: Results) -> Canvas | None:
    """Return p50 and p95 of the systems, asked one after another."""
    if not found.waiting:
        return None
    canvas = Canvas(figsize=(6, 1.8), layout="constrained")
    axes = canvas.add_subplot()
    for row, (name, each) in enumerate(found.waiting.items()):
        axes.barh(row, each.p50, color=COLOURS.get(name, RED), height=0.6)
        axes.plot([each.p50, each.p95], [row, row], color="black", linewidth=1)
        axes.annotate(f"{each.p50:.1f}", (0, row), xytext=(4, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(found.waiting)), [NAMES.get(name, name) for name in found.waiting])
    axes.invert_yaxis()
    axes.set(xlabel="milliseconds for one message: p50, and the line to p95")
    return canvas


def throughput(found: Results) -> Canvas | None:
    """Return the messages a second against the waiting, with more and more visitors."""
    if not found.loads:
        return None
    canvas = Canvas(figsize=(6, 3.6), layout="constrained")
    axes = canvas.add_subplot()
    for name, loads in found.loads.items():
        points = [(load.per_second, load.p95) for load in loads]
        axes.plot(*np.array(points).T, "o-", color=COLOURS.get(name, RED), label=NAMES.get(name, name))
        for load, point in zip(loads, points, strict=True):
            axes.annotate(str(load.visitors), point, xytext=(4, -9), textcoords="offset points")
    axes.axhline(LIMIT_S * 1000, color=GREY, linestyle="--")
    axes.set(xlabel="messages a second", ylabel="p95 in milliseconds", ylim=(0, None), xlim=(0, None))
    axes.legend(frameon=False)
    return canvas


def stages(found: Results) -> Canvas | None:
    """Return the mean time of each stage of ours."""
    if not found.stages:
        return None
    canvas = Canvas(figsize=(6, 0.3 * len(found.stages) + 0.7), layout="constrained")
    axes = canvas.add_subplot()
    axes.barh(range(len(found.stages)), list(found.stages.values()), color=BLUE, height=0.7)
    axes.set_yticks(range(len(found.stages)), list(found.stages))
    axes.invert_yaxis()
    axes.set(xlabel="milliseconds of one message, mean")
    return canvas
