"""`make load`: turns a second and waiting times at 1 to 32 visitors at once, with one and two Rasa, into docs/load.md.

Each visitor sends the next message as soon as the reply is there, so one of these stands for many who read and think.
"""

import csv
import math
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import psutil

from bot.paths import ROOT
from tests.product import Run, running

VISITORS = (1, 2, 4, 8, 16, 32)
SECONDS = int(os.environ.get("SECONDS_EACH", "30"))
LONG_TURNS = 200
WORKERS = {"1 front server, 1 Rasa": {}, "2 front servers, 2 Rasa": {"FRONT_WORKERS": "2", "RASA_WORKERS": "2"}}
KINDS = {"front server": "bot.web", "Rasa": "rasa run", "action server": "rasa_sdk", "Redis": "redis-server"}
REPORT = ROOT / "docs" / "load.md"
COLUMNS = {"Requests/s": "turns a second", "50%": "p50", "95%": "p95", "99%": "p99", "Failure Count": "failed"}
# What one visitor costs a clinic: a turn every so many seconds, and processors that are busy half of the time, so that
# waiting stays near its least.
SECONDS_BETWEEN_TURNS, BUSY = 20, 0.5
MANY = (100, 1_000, 100_000)
BEGIN, END = "<!-- measured by make load -->\n", "<!-- end -->\n"


def main() -> int:
    """Measure all, and write the tables into docs/load.md; return the exit code."""
    tables = [f"Measured on {date.today()}; {machine()}\n"]
    for name, settings in WORKERS.items():
        with running(output=subprocess.DEVNULL, **settings) as bot:
            locust(bot, 2, "10s")  # what is loaded at the first use
            before = computing(bot)
            found = {count: locust(bot, count, f"{SECONDS}s")["Aggregated"] for count in VISITORS}
            tables.append(table(name, "visitors", [row(count, each) for count, each in found.items()]))
            turns = sum(int(each["Request Count"]) for each in found.values())
            taken = per_turn(before, computing(bot), turns)
            tables.append(computing_told(taken))
            held = memory(bot)
            tables.append(memory_told(held))
            if not settings:
                tables.append(long_conversations(bot))
        print(tables[-1], flush=True)
    tables.append(extrapolated(taken, held))
    head, _, rest = REPORT.read_text().partition(BEGIN)
    REPORT.write_text(head + BEGIN + "\n".join(tables) + END + rest.partition(END)[2])
    return 0


def locust(bot: Run, visitors: int, time: str, **environ: str) -> Mapping[str, Mapping[str, str]]:
    """Return Locust's figures, by the name of the request; times in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "locust", "--headless", "--only-summary", "--host", bot.url, "--csv", "found",
                   "--locustfile", str(ROOT / "tests/load/visitors.py"), "--users", str(visitors),
                   "--spawn-rate", str(visitors), "--run-time", time, "--exit-code-on-error", "0"]  # fmt: skip
        subprocess.run(command, cwd=folder, env=os.environ | environ, check=True, capture_output=True)
        with Path(folder, "found_stats.csv").open() as file:
            return {line["Name"]: line for line in csv.DictReader(file)}


def long_conversations(bot: Run) -> str:
    """Return the waiting times along conversations of 200 turns: they must not grow."""
    found = locust(bot, 1, f"{4 * SECONDS}s", TURNS=str(LONG_TURNS))
    names = sorted((name for name in found if name.startswith("turns")), key=lambda name: int(name.split()[1]))
    return table("Conversations of 200 turns, one visitor", "part", [row(name, found[name]) for name in names])


def row(name: object, found: Mapping[str, str]) -> list[str]:
    """Return one row of a table."""
    return [str(name), *(re.sub(r"(\.\d)\d+", r"\1", found[column]) for column in COLUMNS)]


def table(title: str, first: str, rows: list[list[str]]) -> str:
    """Return a table in Markdown; times in milliseconds."""
    lines = [[first, *COLUMNS.values()], ["---:"] * (len(COLUMNS) + 1), *rows]
    return f"{title} (milliseconds)\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def computing(bot: Run) -> dict[str, float]:
    """Return the seconds of computing that the processes of each kind have taken so far."""
    return {kind: sum(sum(each.cpu_times()[:2]) for each in bot.processes(words)) for kind, words in KINDS.items()}


def per_turn(before: Mapping[str, float], after: Mapping[str, float], turns: int) -> dict[str, float]:
    """Return the seconds of computing that a turn takes, by kind of process; unlike waiting, it hardly depends on what
    else runs."""
    return {kind: (after[kind] - before[kind]) / turns for kind in KINDS if after[kind]}


def computing_told(taken: Mapping[str, float]) -> str:
    """Return the computing of a turn in words."""
    told = ", ".join(f"{kind} {each * 1000:.1f}" for kind, each in taken.items())
    return f"Computing for a turn, in milliseconds: {sum(taken.values()) * 1000:.1f} ({told}).\n"


def memory(bot: Run) -> dict[str, int]:
    """Return the bytes that the largest process of each kind holds."""
    held = {kind: [each.memory_info().rss for each in bot.processes(words)] for kind, words in KINDS.items()}
    return {kind: max(each) for kind, each in held.items() if each}


def memory_told(held: Mapping[str, int]) -> str:
    """Return what the processes hold after it, in words."""
    told = (f"{kind} {each // 2**20} MB" for kind, each in held.items())
    return f"Memory of each process afterwards: {', '.join(told)}.\n"


def extrapolated(taken: Mapping[str, float], held: Mapping[str, int]) -> str:
    """Return what many visitors would need: the computing of a turn times their turns, each process half of the time
    busy. Not measured."""
    lines = [
        "visitors at once | turns a second | processors | front servers | Rasa with action server | memory",
        "---:|" * 6,
    ]
    for visitors in MANY:
        turns = visitors / SECONDS_BETWEEN_TURNS
        fronts, rasas = (max(1, math.ceil(turns * taken[kind] / BUSY)) for kind in ("front server", "Rasa"))
        size = fronts * held["front server"] + rasas * (held["Rasa"] + held["action server"])
        processors = max(1, math.ceil(turns * sum(taken.values()) / BUSY))
        cells = (
            f"{visitors:,}",
            f"{turns:,.0f}",
            f"{processors:,}",
            f"{fronts:,}",
            f"{rasas:,}",
            f"{size / 2**30:,.0f} GB",
        )
        lines.append(" | ".join(cells))
    return "What many visitors would need: **extrapolated** from the two of each above, not measured\n\n" + "".join(
        f"| {line.strip('|')} |\n" for line in lines
    )


def machine() -> str:
    """Return what it was measured on, and how busy that was with other things."""
    load = os.getloadavg()[0]
    return f"{psutil.cpu_count()} processors, {psutil.virtual_memory().total // 2**30} GB, load before {load:.1f}"


if __name__ == "__main__":
    sys.exit(main())
