"""The result of one evaluation and its three forms: a plain table, figures.json and report.html. No message's text."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from scripts.evaluation import plots
from scripts.evaluation.data import EvaluationPart
from scripts.evaluation.figures import Figure
from scripts.evaluation.outcomes import Outcomes
from scripts.evaluation.peers import Ranked, right_at

NOTES = (
    "This bot's model is deterministic: the same data gives the same model, so training adds no noise; the "
    "intervals are those of the messages drawn.",
    "A second reply that is wrong makes a message served wrong, even where the first is right.",
    "Follow-up turns are typed turns after the first; whole dialogues are counted and drawn for their interval. A "
    "question back is not right there.",
    "Off the subject, not covered and personal advice are recognised by the kind of the first reply.",
    "Chatter from CLINC150 or HINT3 was not brought in: off-subject messages are those of the evaluation set alone.",
)


@dataclass(frozen=True)
class Result:
    """All that one evaluation found. `systems` begins with the bot; `remarks` has a note on some of them by name."""

    part: EvaluationPart
    outcomes: Outcomes
    figures: Sequence[Figure]
    systems: Sequence[Ranked]
    remarks: dict[str, str] = field(default_factory=dict)
    date: str = field(default_factory=lambda: datetime.now(UTC).date().isoformat())

    @property
    def bot(self) -> Ranked:
        """The bot itself."""
        return self.systems[0]

    @property
    def summary(self) -> str:
        """What was measured, in one line."""
        part = self.part
        two = sum(len(outcome.replies) > 1 for outcome in self.outcomes.messages)
        return (
            f"{self.date}, {part.name} part: {len(part.messages)} messages ({part.excluded} more left out because they "
            f"stand in data/nlu; {two} got two replies) and {len(part.dialogues)} dialogues."
        )


def table(result: Result) -> str:
    """Return the figures against their bars, and the systems side by side, as plain text."""
    lines = [result.summary, "", f"{'figure':46}{'value':>9}  {'interval':>16}{'of':>6}{'bar':>9}"]
    layout = "{name:46}{value:>9}  {interval:>16}{count:>6}{bar:>9}  {verdict}"
    lines += [layout.format(**row) for row in figure_rows(result.figures)]
    lines += ["", f"{'system':32}{'always served: right':>22}{'right at equal wrong rate':>28}"]
    lines += [f"{row['name']:32}{row['always']:>22}{row['equal']:>28}  {row['note']}" for row in system_rows(result)]
    return "\n".join(line.rstrip() for line in lines)


def figure_rows(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """Return the figures as words."""
    verdicts = {None: "", True: "met", False: "missed"}
    return [
        {
            "name": figure.name,
            "value": worded(figure.value, figure.unit),
            "interval": f"{worded(figure.low, figure.unit)} to {worded(figure.high, figure.unit)}",
            "count": figure.count,
            "bar": "" if figure.bar is None else worded(figure.bar, figure.unit),
            "verdict": verdicts[figure.meets_bar],
        }
        for figure in figures
    ]


def worded(value: float, unit: str) -> str:
    """Return a value with its unit."""
    return {"share": f"{value:.1%}", "points": f"{100 * value:.1f} pt", "ms": f"{value:.1f} ms"}[unit]


def system_rows(result: Result) -> list[dict[str, str]]:
    """Return the systems as words, the bot first."""
    wrong_rate = float(result.bot.wrong.mean())
    first = {
        "name": result.bot.name,
        "always": "",
        "equal": f"{result.bot.right.mean():.1%}",
        "note": f"as it is set: {wrong_rate:.1%} wrong",
    }
    missing = [
        {"name": name, "always": "", "equal": "", "note": remark}
        for name, remark in result.remarks.items()
        if name not in {system.name for system in result.systems}
    ]
    others = [
        {
            "name": system.name,
            "always": f"{system.right.mean():.1%}",
            "equal": f"{right_at(system, wrong_rate):.1%}",
            "note": result.remarks.get(system.name, ""),
        }
        for system in result.systems[1:]
    ]
    return [first, *others, *missing]


def write(result: Result, folder: Path) -> None:
    """Write figures.json and report.html into a folder, made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "figures.json").write_text(as_json(result))
    (folder / "report.html").write_text(as_page(result))


def as_json(result: Result) -> str:
    """Return the figures and the systems for a program to read."""
    content = {
        "date": result.date,
        "part": result.part.name,
        "messages": len(result.part.messages),
        "excluded": result.part.excluded,
        "dialogues": len(result.part.dialogues),
        "figures": [asdict(figure) | {"meets_bar": figure.meets_bar} for figure in result.figures],
        "systems": system_rows(result),
        "notes": NOTES,
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def as_page(result: Result) -> str:
    """Return the page for a person to read; it needs no other file."""
    folder = FileSystemLoader(Path(__file__).parent)
    page = Environment(loader=folder, autoescape=True, undefined=StrictUndefined).get_template("report.html")
    return page.render(
        summary=result.summary,
        figures=figure_rows(result.figures),
        systems=system_rows(result),
        plots=drawn(result),
        notes=NOTES,
    )


def drawn(result: Result) -> list[dict[str, str]]:
    """Return the plots, each with what it shows."""
    messages = result.outcomes.messages
    return [
        {
            "title": "What was asked for, and what came",
            "text": "Counts of messages by facet; the diagonal also holds another topic of that facet. Darker is a "
            "larger share of the row.",
            "svg": plots.confusion(messages),
        },
        {
            "title": "Risk against coverage",
            "text": "The more messages a system serves, the more of them it serves wrong. Lower and further right is "
            "better. The dot is this bot with the gate as it is set.",
            "svg": plots.risk_against_coverage(result.systems, result.bot),
        },
        {
            "title": "Reliability",
            "text": "Of the messages served with a confidence of 0.8, eight in ten should be right: dots on the dashed "
            "line. The numbers count the messages.",
            "svg": plots.reliability([outcome for outcome in messages if outcome.is_served]),
        },
        {
            "title": "Misses by style of writing",
            "text": "How messages of each style fared; in brackets, how many there are.",
            "svg": plots.misses_by_style(messages),
        },
    ]
