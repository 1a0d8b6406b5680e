"""Twenty visitors chat behind nginx while one process after another is killed, stopped, starved or restarted.

`make faults` runs every fault and writes the figures into docs/faults.md; test_faults.py runs a short form. The product
is the real one: two front servers, two Rasa with their action servers, Redis and PostgreSQL, with a disk of its own for
its files. What the database said is kept is looked for after each fault.
"""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from subprocess import CalledProcessError

import httpx
import psutil

from bot.paths import ROOT
from bot.store.database import Database, StoreFault
from tests.faults.kept import kept_in
from tests.faults.visitors import FAULTS, FOLLOW_UP, Seen, Turn, visits
from tests.postgresql import PostgreSQL, running_postgresql
from tests.product import Run, running
from tests.services import Proxy, nginx

SETTINGS = {"FRONT_WORKERS": "2", "RASA_WORKERS": "2"}
# The product's files are on a small disk that only it sees and that is gone with it.
SMALL_DISK = ("unshare", "--mount", "sh", "-c", f'mount -t tmpfs -o size=16m tmpfs "{ROOT}/var" && exec "$@"', "-")
SMALL_DATABASE = "sqlite:///var/clinic.db"
WHOLE_WITHIN_S = 20
STOPPED_S = 10
BEFORE_S, AFTER_S = 5, 5
GIVEN_UP_AFTER_S = 180
DOWN_S = 3  # until somebody starts PostgreSQL again, which supervisord does not watch
LOST = "committed and lost"
LOG = "product.log"
REPORT = ROOT / "docs" / "faults.md"
BEGIN, END = "<!-- measured by make faults -->\n", "<!-- end -->\n"
PROCESSES = {"action server": "rasa_sdk", "Rasa": "rasa run", "front server": "bot.web", "Redis": "redis-server"}


@dataclass(frozen=True)
class Outcome:
    """What visitors saw of one fault, and when all was whole again, in seconds after its end."""

    fault: str
    figures: Mapping[str, float]
    whole_s: float
    load: float

    @property
    def broken(self) -> list[str]:
        """Return the bars that it broke; in order, as an upgrade does it, no turn may be lost either."""
        bars = (*FAULTS, LOST, *(("unavailable", "out of context") if self.fault == IN_TURN else ()))
        broken = [f"{self.fault}: {self.figures[name]} {name}" for name in bars if self.figures[name]]
        late = [f"{self.fault}: whole after {self.whole_s:.0f} s"] if self.whole_s > WHOLE_WITHIN_S else []
        return broken + late


class Trial:
    """The product behind nginx with its database, and the visitors."""

    def __init__(self, bot: Run, proxy: Proxy, postgresql: PostgreSQL | None, database: str) -> None:
        self.bot, self.proxy, self.postgresql = bot, proxy, postgresql
        self._database = Database(database)
        self.seen = Seen()
        self.last_turns: list[Turn] = []
        self._http = httpx.Client(base_url=proxy.url, verify=False, timeout=20)
        self._expected = self.counts()

    @contextlib.contextmanager
    def visited(self, visitors: int = 20) -> Iterator[None]:
        """Have visitors at work."""
        done = threading.Event()
        crowd = threading.Thread(target=lambda: asyncio.run(visits(self.proxy.url, self.seen, done, visitors)))
        crowd.start()
        try:
            yield
        finally:
            done.set()
            crowd.join(120)

    def meet(self, fault: str, deed: Callable[["Trial"], None]) -> Outcome:
        """Have the visitors meet a fault, and wait until all is whole again."""
        began = time.monotonic()
        time.sleep(BEFORE_S)
        kept = self.kept()
        sent = Counter(self.seen.committed)
        deed(self)
        ended = time.monotonic()
        while not self.is_whole() and time.monotonic() - ended < GIVEN_UP_AFTER_S:
            time.sleep(0.2)
        whole_s = time.monotonic() - ended
        time.sleep(AFTER_S)
        until = time.monotonic()
        time.sleep(1)  # for the last of the requests that began
        seen = self.seen.between(began, until)
        self.last_turns = seen.turns
        lost = lost_of(kept | sent, self.kept())
        return Outcome(fault, seen.figures() | {LOST: lost}, round(whole_s, 1), os.getloadavg()[0])

    def kept(self) -> Counter[str]:
        """Return what the database holds. Raises StoreFault, or CalledProcessError where it is asked by a program."""
        if self.postgresql:
            return kept_in(self._database)
        joining = ["nsenter", "--target", str(self.bot.process.pid), "--mount", "--wd=."]
        command = [*joining, sys.executable, "-m", "tests.faults.kept", str(self._database.url)]
        return Counter(json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout))

    def processes(self, kind: str) -> list[psutil.Process]:
        """Return the processes of a kind, the oldest first."""
        return sorted(self.bot.processes(PROCESSES[kind]), key=lambda process: process.create_time())

    def counts(self) -> dict[str, int]:
        """Return how many processes of each kind there are."""
        return {kind: len(self.processes(kind)) for kind in PROCESSES}

    def is_whole(self) -> bool:
        """Whether every process is there, each Rasa answers, and visitors get their answers, follow-ups included."""
        try:
            return (
                self.counts() == self._expected
                and all(map(is_serving, self.processes("front server")))
                and self._each_rasa_answers()
                and all(self._follows_up() for _ in range(6))
                and self._keeps_counts()
            )
        except (httpx.HTTPError, psutil.Error, StoreFault, CalledProcessError, OSError, KeyError, ValueError):
            return False

    def _each_rasa_answers(self) -> bool:
        ports = [process.cmdline()[process.cmdline().index("--port") + 1] for process in self.processes("Rasa")]
        asked = {"sender": f"whole-{time.monotonic_ns()}", "message": '/causes{"topic": "pcos"}'}
        return all(httpx.post(f"http://127.0.0.1:{port}/webhooks/rest/webhook", json=asked).json() for port in ports)

    def _follows_up(self) -> bool:
        first = self._http.post("/api/chat", json={"choice": "causes/pcos"}).json()
        second = {"text": FOLLOW_UP, "conversation": first["conversation"]}
        return self._http.post("/api/chat", json=second).json()["replies"][0]["answer"] == "treatments/pcos"

    def _keeps_counts(self) -> bool:
        return bool(self.kept())


def is_serving(front: psutil.Process) -> bool:
    """Whether a front server takes visitors yet: all share one socket, and each watches it once it has started."""
    folder = Path(f"/proc/{front.pid}")
    details = (file.read_text() for file in folder.joinpath("fdinfo").iterdir())
    watched = {number for each in details for number in re.findall(r"^tfd:\s+(\d+)", each, re.MULTILINE)}
    return folder.joinpath("fd/0").readlink() in {folder.joinpath("fd", number).readlink() for number in watched}


def lost_of(committed: Counter[str], kept: Counter[str]) -> int:
    """Return how much of what was committed is not kept any more."""
    return (committed - kept).total()


# Faults.


def killed(kind: str) -> Callable[[Trial], None]:
    """Return the deed: one process is killed outright; supervisord starts it again."""

    def kill(trial: Trial) -> None:
        process = trial.processes(kind)[0]
        process.kill()
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.05)

    return kill


def stopped(kind: str) -> Callable[[Trial], None]:
    """Return the deed: one process hangs for ten seconds, then goes on."""

    def stop(trial: Trial) -> None:
        process = trial.processes(kind)[0]
        process.suspend()
        try:
            time.sleep(STOPPED_S)
        finally:
            process.resume()

    return stop


def postgresql_killed(trial: Trial) -> None:
    """Kill every process of PostgreSQL; a while later it is started again, as the machine's service manager would."""
    assert trial.postgresql
    trial.postgresql.kill()
    time.sleep(DOWN_S)
    trial.postgresql.start()


def postgresql_stopped(trial: Trial) -> None:
    """Have PostgreSQL hang for ten seconds: it takes connections and says nothing."""
    assert trial.postgresql
    trial.postgresql.suspend()
    try:
        time.sleep(STOPPED_S)
    finally:
        trial.postgresql.resume()


def disk_filled(trial: Trial) -> None:
    """Leave no byte on the disk of the product for ten seconds."""
    filler = inside_of(trial.bot) / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 65536)
    time.sleep(STOPPED_S)
    filler.unlink()


def requests_cut(trial: Trial) -> None:
    """Go away in the middle of requests: of the head, of the body, and before the reply, by nginx and without it."""
    body = b'{"text": "my name is Zanzibar"}'
    head = b"POST /api/chat HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(
        body
    )
    for cut in [head[:40], head, head + body[:12], head + body] * 25:
        with socket.create_connection(("127.0.0.1", trial.bot.port), 5) as line:
            line.sendall(cut)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # cut, not closed
    for _ in range(25):
        with contextlib.suppress(httpx.TimeoutException):
            httpx.post(f"{trial.proxy.url}/api/chat", json={"text": FOLLOW_UP}, timeout=0.02, verify=False)


def restarted_in_turn(trial: Trial) -> None:
    """Restart every process but Redis in order, one after another, as an upgrade does: each may finish what it has."""
    for kind in ("action server", "Rasa", "front server"):
        for process in trial.processes(kind):
            process.terminate()
            psutil.wait_procs([process], 30)
            started = time.monotonic()
            while not trial.is_whole() and time.monotonic() - started < GIVEN_UP_AFTER_S:
                time.sleep(0.2)


def restarted_at_once(trial: Trial) -> None:
    """Kill every process at once, as a failing machine does; supervisord starts them again."""
    for kind in PROCESSES:
        for process in trial.processes(kind):
            process.send_signal(signal.SIGKILL)


IN_TURN = "restarted one by one"
EVERY = {
    **{f"{kind} killed": killed(kind) for kind in PROCESSES},
    "PostgreSQL killed": postgresql_killed,
    **{f"{kind} stopped for {STOPPED_S} s": stopped(kind) for kind in PROCESSES},
    f"PostgreSQL stopped for {STOPPED_S} s": postgresql_stopped,
    "disk full": disk_filled,
    "requests cut": requests_cut,
    IN_TURN: restarted_in_turn,
    "all killed at once": restarted_at_once,
}
OF_ONE = {"disk full, with SQLite on it": disk_filled, "one process of each: Rasa killed": killed("Rasa")}


@contextlib.contextmanager
def trial(folder: Path) -> Iterator[Trial]:
    """Start PostgreSQL, the product as a group of clinics runs it, and nginx."""
    with folder.joinpath(LOG).open("w") as log, running_postgresql(is_safe=True) as postgresql:
        database = postgresql.new_database()
        with (
            running(inside=SMALL_DISK, output=log, DATABASE_URL=database, **SETTINGS) as bot,
            nginx(folder, bot.port) as proxy,
        ):
            yield Trial(bot, proxy, postgresql, database)


@contextlib.contextmanager
def trial_of_one(folder: Path) -> Iterator[Trial]:
    """Start the product as one machine runs it, one process of each kind and SQLite on the small disk, and nginx."""
    with (
        folder.joinpath(LOG).open("w") as log,
        running(inside=SMALL_DISK, output=log, DATABASE_URL=SMALL_DATABASE) as bot,
        nginx(folder, bot.port) as proxy,
    ):
        yield Trial(bot, proxy, None, SMALL_DATABASE)


def inside_of(bot: Run) -> Path:
    """Return the product's folder for its files as it sees it itself."""
    return Path(f"/proc/{bot.process.pid}/root{ROOT}/var")


def main(names: list[str]) -> int:
    """Run the faults whose name holds one of `names`, all without; print the figures; return the exit code."""
    outcomes = []
    ROOT.joinpath("var").mkdir(exist_ok=True)  # the small disk is put there
    for start, faults in ((trial, EVERY), (trial_of_one, OF_ONE)):
        wanted = {fault: deed for fault, deed in faults.items() if not names or any(name in fault for name in names)}
        if not wanted:
            continue
        with tempfile.TemporaryDirectory() as folder, start(Path(folder)) as whole, whole.visited():
            for fault, deed in wanted.items():
                outcomes.append(whole.meet(fault, deed))
                print(row(outcomes[-1]), flush=True)
                keep(fault, whole.last_turns, Path(folder, LOG))
    write(outcomes)
    broken = [bar for outcome in outcomes for bar in outcome.broken]
    print("\n".join(broken) or "Every bar held.")
    return 1 if broken else 0


def keep(fault: str, turns: list[Turn], log: Path) -> None:
    """Keep what explains a figure, in var/faults: each turn with its time of day, and the product's log until now."""
    folder = ROOT / "var" / "faults" / re.sub(r"\W+", "-", fault)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(log, folder / LOG)
    began = time.time() - time.monotonic()
    told = (
        f"{datetime.fromtimestamp(began + turn.began):%H:%M:%S.%f} {turn.seconds:.2f} {turn.kind}\n" for turn in turns
    )
    folder.joinpath("turns").write_text("".join(told))


def row(outcome: Outcome) -> str:
    """Return an outcome as a row of a table."""
    cells = [outcome.fault, *map(str, outcome.figures.values()), str(outcome.whole_s), f"{outcome.load:.1f}"]
    return "| " + " | ".join(cells) + " |"


def write(outcomes: list[Outcome]) -> None:
    """Write the figures into var/faults, and where every fault was met into docs/faults.md."""
    folder = ROOT / "var" / "faults"
    folder.mkdir(parents=True, exist_ok=True)
    names = ["fault", *outcomes[0].figures, "whole after (s)", "load of the machine"]
    table = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names), *map(row, outcomes)]
    words = f"Measured on {date.today()}.\n\n" + "\n".join(table) + "\n"
    folder.joinpath("figures.md").write_text(words)
    if len(outcomes) == len(EVERY) + len(OF_ONE):
        head, _, rest = REPORT.read_text().partition(BEGIN)
        REPORT.write_text(head + BEGIN + words + END + rest.partition(END)[2])
    folder.joinpath("figures.json").write_text(json.dumps([vars(outcome) for outcome in outcomes], indent=1))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
