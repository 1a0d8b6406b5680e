"""docs/benchmarks.md: the tables between its marks are written by a run; the words around them are written by hand."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from bot.paths import ROOT
from scripts.bench.measures import Waiting, best
from scripts.bench.plots import write_plots
from scripts.bench.results import Figure, Results, figures

PAGE = ROOT / "docs" / "benchmarks.md"
PICTURES = ROOT / "docs" / "benchmarks"
BEGIN, END = "<!-- measured by make bench -->\n", "<!-- end -->\n"
VERDICTS = {True: "yes", False: "**no**", None: "not measured"}


def write(found: Results, page: Path = PAGE, pictures: Path = PICTURES) -> None:
    """Write the tables into the page and the plots beside it."""
    head, _, rest = page.read_text().partition(BEGIN)
    page.write_text(head + BEGIN + tables(found) + END + rest.partition(END)[2])
    write_plots(found, pictures)


def tables(found: Results) -> str:
    """Return all of a run in Markdown."""
    parts = [
        f"Measured on {found.date}; {found.machine}.\n",
        table(["figure", "measured", "bar", "kept"], map(bar_row, figures(found))),
        "## One message after another, in milliseconds\n\n![](benchmarks/waiting.svg)\n",
        table(["system", "p50", "p95", "messages"], (waiting_row(*pair) for pair in found.waiting.items())),
        "## Throughput, one worker each\n\n![](benchmarks/throughput.svg)\n",
        table(["system", "visitors at once", "messages a second", "p95 in ms"], load_rows(found)),
        "## Where the time of our messages goes\n\n![](benchmarks/stages.svg)\n",
        table(["stage", "mean ms"], ([name, f"{each:.2f}"] for name, each in found.stages.items())),
        "## The rest\n",
        table(["what", "floor", "Rasa's default", "ours"], rest_rows(found)),
        table(["what", "p50", "p95", "messages"], pair_rows(found)),
    ]
    return "\n".join(parts)


def table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown; all columns but the first are to the right."""
    lines = [names, ["---", *["---:"] * (len(names) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def bar_row(figure: Figure) -> list[str]:
    """Return a figure against its bar."""
    value = "" if figure.value is None else f"{figure.value:.0f}{figure.unit}" if figure.unit else f"{figure.value:.2f}"
    bar = f"{figure.bar:g}{figure.unit} or {'more' if figure.is_least else 'less'}"
    return [figure.name, value, bar, VERDICTS[figure.holds]]


def waiting_row(name: str, each: Waiting) -> list[str]:
    """Return how long replies took."""
    return [name, f"{each.p50:.1f}", f"{each.p95:.1f}", str(each.number)]


def load_rows(found: Results) -> list[list[str]]:
    """Return each number of visitors, and below them the most with p95 under 200 ms."""
    rows = []
    for name, loads in found.loads.items():
        rows += [[name, str(load.visitors), f"{load.per_second:.1f}", f"{load.p95:.0f}"] for load in loads]
        rows.append([f"{name}: most that counts", "", f"**{best(loads):.1f}**", "under 200"])
    return rows


def rest_rows(found: Results) -> list[list[str]]:
    """Return memory, start and training by system."""
    trained = {name: f"{each.seconds:.0f}" for name, each in found.training.items()}
    whole = {name: f"{each.of_all_epochs:.0f}" for name, each in found.training.items() if each.of_all_epochs}
    epochs = max((each.epochs for each in found.training.values()), default=0)
    kinds = {
        "resident memory of Rasa, MB": {name: f"{each:.0f}" for name, each in found.memory.items()},
        "start to ready, warm, s": {name: f"{each:.1f}" for name, each in found.ready.items()},
        f"training as measured, s (the default: {epochs} epochs)": trained,
        "the default's with its 100 epochs, by the time of those": whole,
    }
    return [[what, *(by.get(name, "") for name in ("floor", "default", "ours"))] for what, by in kinds.items()]


def pair_rows(found: Results) -> list[list[str]]:
    """Return what conversations, short and long, and the store take, in milliseconds."""
    rows = [waiting_row(name, each) for name, each in (("turn 2", found.turn_2), ("turn 200", found.turn_200)) if each]
    for kind, (none, full) in found.past.items():
        rows += [waiting_row(f"{kind}: no past conversations", none), waiting_row(f"{kind}: 100,000", full)]
    computing = [[f"processor time, {n} Rasa", f"{each:.1f}", "", ""] for n, each in found.computing.items()]
    return rows + computing
