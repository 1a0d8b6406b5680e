"""Measure it all and write docs/benchmarks.md: `python -m scripts.bench`.

Everything runs on this machine, so leave it alone meanwhile: half an hour with REUSE=1, which takes the floor and
Rasa's default as they were trained last, and longer by their training without it. What was measured stands in
var/bench/results.json; `--only` measures some parts anew and leaves the others as they stand there.
"""

import argparse
import asyncio
import contextlib
import functools
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import psutil
from redis import Redis

from bot.paths import ROOT
from scripts.bench import measures, past, peers, report, stages, systems
from scripts.bench.measures import Waiting
from scripts.bench.peers import DEFAULT, FLOOR, MODEL, Training
from scripts.bench.questions import load_questions
from scripts.bench.results import OURS, Results, figures
from scripts.train import QUIET, WITHOUT_RELEASED, ensure_model

FOLDER = ROOT / "var" / "bench"
RESULTS = FOLDER / "results.json"
EPOCHS = 5  # of Rasa's default 100, which take hours: what follows is told from the time of these
MESSAGES = 300  # one after another
SECONDS = 10  # for each number of visitors
BLOCKS, BLOCK = 6, 50  # of messages whose processor time is taken
STARTS = 3
NEW_MACHINE_WITHIN_S = 1800
QUIET_LOAD = 0.5  # processes that want a processor; with more of them figures are worth little


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what was asked for; return the exit code, which is 0 also where a bar is missed."""
    options = read_options(arguments)
    os.environ.update(QUIET)
    warnings.simplefilter("ignore")  # Rasa's own, on its old libraries
    FOLDER.mkdir(parents=True, exist_ok=True)
    found = Results.load(RESULTS)
    found.machine, found.date = machine(), date.today().isoformat()
    if os.getloadavg()[0] > QUIET_LOAD:
        print(f"Note: the machine is busy (load {os.getloadavg()[0]:.1f}); figures of a quiet one are better.")
    try:
        ensure_model()
        for name in options.only:
            print(f"{name} …", flush=True)
            PARTS[name](found, options)
            found.save(RESULTS)
    except (RuntimeError, FileNotFoundError) as reason:
        print(f"The measuring was stopped.\n{reason}", file=sys.stderr)
        return 1
    report.write(found)
    print(report.table(["figure", "measured", "bar", "kept"], map(report.bar_row, figures(found))))
    print("Written to docs/benchmarks.md")
    return 0


def read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reuse", action="store_true", help="take the trained floor and default of an earlier run")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="of the default's training (100 in Rasa)")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS), metavar="PART",
                        help=f"some of: {', '.join(PARTS)}")  # fmt: skip
    return parser.parse_args(arguments)


def machine() -> str:
    """Return what it is measured on, and how busy that is with other things."""
    memory, load = psutil.virtual_memory().total // 2**30, os.getloadavg()[0]
    return f"{psutil.cpu_count()} processors, {memory} GB, {load:.1f} other processes that want a processor"


def training(found: Results, options: argparse.Namespace) -> None:
    """Train the floor and the default, unless they are to be reused, and ours."""
    writers: dict[str, Callable[[Path], None]] = {
        FLOOR: peers.write_floor,
        DEFAULT: lambda folder: peers.write_default(folder, options.epochs),
    }
    for name, write in writers.items():
        folder = FOLDER / name
        if options.reuse and (folder / MODEL).exists():
            continue
        shutil.rmtree(folder, ignore_errors=True)
        write(folder)
        found.training[name] = peers.train(folder)
    found.training[OURS] = Training(train_ours())


def train_ours() -> float:
    """Return the seconds that our training takes, of Rasa's model and of the reader of danger."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        environ = os.environ | {"MODELS_FOLDER": folder}
        command = [sys.executable, "-m", "scripts.train", WITHOUT_RELEASED]
        subprocess.run(command, cwd=ROOT, env=environ, check=True, stdout=subprocess.DEVNULL)
        return time.monotonic() - started


def waiting(found: Results, options: argparse.Namespace) -> None:
    """One message after another, the throughput and the memory after it."""
    questions = load_questions()
    with contextlib.ExitStack() as running:
        started = [running.enter_context(systems.peer(FOLDER / name)) for name in trained()]
        started.append(running.enter_context(systems.ours()))
        found.waiting = asyncio.run(measures.one_after_another(started, questions, MESSAGES))
        found.loads = {system.name: asyncio.run(measures.throughput(system, questions, SECONDS)) for system in started}
        found.memory = {system.name: system.rasa_mb() for system in started}


def workers(found: Results, options: argparse.Namespace) -> None:
    """The processor time of a message with one and with two Rasa, and long conversations."""
    questions = load_questions()
    with systems.ours("1") as one, systems.ours("2", RASA_WORKERS="2") as two:
        found.computing = asyncio.run(measures.computing([one, two], questions, BLOCKS, BLOCK))
    with systems.ours() as bot:
        found.turn_2, found.turn_200 = asyncio.run(measures.long_conversation(bot, questions))


def store(found: Results, options: argparse.Namespace) -> None:
    """Past conversations in memory and in Redis."""
    questions, bot = load_questions(), local_bot()
    pairs: dict[str, tuple[Waiting, Waiting]] = {"Rasa's memory": past.in_memory(bot, questions)}
    with past.redis_server() as url, systems.ours(REDIS_URL=url) as shared:
        pairs["Redis"] = asyncio.run(past.in_redis(shared, Redis.from_url(url), bot, questions))
    found.past = pairs


def start(found: Results, options: argparse.Namespace) -> None:
    """From the command to the first answer, with the files in memory: the middle one of three starts."""
    kinds = {name: functools.partial(systems.peer, FOLDER / name) for name in trained()} | {OURS: systems.ours}
    taken: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(STARTS):
        for name, begin in kinds.items():
            with begin() as system:
                taken[name].append(system.ready_s)
    found.ready = {name: statistics.median(seconds) for name, seconds in taken.items()}


def trained() -> list[str]:
    """Return which of the floor and the default can be started; says so where one can't."""
    there = [name for name in (FLOOR, DEFAULT) if (FOLDER / name / MODEL).exists()]
    for name in {FLOOR, DEFAULT}.difference(there):
        print(f"Note: {name} is not trained, so it is left out; train it: make bench BENCH='--only training'")
    return there


def new_machine(found: Results, options: argparse.Namespace) -> None:
    """`make run` in a fresh copy of the project, with the packages in uv's cache so that no network is waited for."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "project"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(copy)], check=True)
        found.new_machine_s = seconds_until_ready(copy)


def seconds_until_ready(project: Path) -> float:
    """Return how long `make run` in a project takes until it answers. Raises RuntimeError where it never does."""
    environ = {**os.environ, "PORT": str(systems.free_port())}
    started = time.monotonic()
    run = subprocess.Popen(
        ["make", "run"], cwd=project, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    patience = threading.Timer(NEW_MACHINE_WITHIN_S, stop, [run.pid])
    patience.start()
    lines = []
    try:
        for line in run.stdout or ():
            lines.append(line)
            if "Ready after" in line:
                return time.monotonic() - started
    finally:
        patience.cancel()
        stop(run.pid)
        run.communicate(timeout=systems.STOP_WITHIN_S)
    raise RuntimeError(f"`make run` in a fresh copy of the project did not get ready:\n{''.join(lines[-15:])}")


def stop(pid: int) -> None:
    """End what `make` started: make itself would end and leave it running."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in psutil.Process(pid).children(recursive=True):
            if "scripts.run" in systems.command_line(process) or not process.children():
                process.terminate()


def where(found: Results, options: argparse.Namespace) -> None:
    """Where the time of our messages goes."""
    questions = load_questions()
    with systems.ours() as bot:
        front = asyncio.run(stages.in_front(bot, questions))
    found.stages = stages.together(front, stages.in_rasa(local_bot(), questions))


def local_bot():
    """Return our bot in this process."""
    from scripts.local_bot import LocalBot

    return LocalBot(ensure_model())


PARTS: dict[str, Callable[[Results, argparse.Namespace], None]] = {
    "training": training,
    "waiting": waiting,
    "workers": workers,
    "store": store,
    "start": start,
    "where": where,
    "new-machine": new_machine,
}

if __name__ == "__main__":
    sys.exit(main())
