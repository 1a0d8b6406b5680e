"""Made-up requests against the whole bot as `make run` starts it: `python -m tests.fuzzing 20000`.

Schemathesis makes them from /openapi.json: valid ones, nearly valid ones, and what breaks parsers. Each response must
be as described there, none a 5xx, none late; the front server must be as large in memory after as before.
"""

import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from bot.paths import ROOT
from tests.product import Run, running

SCHEMATHESIS = ROOT / ".tools" / "apart" / "bin" / "schemathesis"
LATE_AFTER_S = 8  # the bar is 5 for Rasa; a busy machine gets the rest
EXAMPLES = 400  # for each address and round; memory is measured first after one, when the longest message was read
MAY_GROW_MB = 40
# A made-up text may be all blanks and a made-up button is none of ours: refused, though it fits the description.
NOT_CHECKED = ("positive_data_acceptance",)
_COUNT = re.compile(
    r'^clinic_http_requests_total\{method="(\w+)",route="([^"]*)",status="(\d+)"\} (\S+)$', re.MULTILINE
)


@dataclass(frozen=True)
class Outcome:
    """What a run found: requests by status, what Schemathesis objects to, and memory in MB before and after."""

    statuses: Counter[str]
    by_route: Counter[str]
    objections: list[str]
    before_mb: float
    after_mb: float

    @property
    def requests(self) -> int:
        return self.statuses.total()

    @property
    def server_errors(self) -> int:
        return sum(count for status, count in self.statuses.items() if status.startswith("5"))


def main(wanted: int) -> int:
    """Send so many requests, print the figures; return the exit code."""
    outcome = fuzz(wanted)
    print(f"{outcome.requests} requests: {dict(sorted(outcome.statuses.items()))}")
    print(dict(outcome.by_route.most_common()))
    print(f"front server {outcome.before_mb:.0f} MB before, {outcome.after_mb:.0f} MB after")
    grown = outcome.after_mb - outcome.before_mb
    return 1 if outcome.objections or outcome.server_errors or grown > MAY_GROW_MB else 0


def fuzz(wanted: int) -> Outcome:
    """Start the bot, send `wanted` requests or some more, and return what was found."""
    objections = []
    with running() as bot, tempfile.TemporaryDirectory() as folder:
        bot.follow()
        before = 0.0
        for seed in rounds(bot, wanted):
            objections += one_round(bot, seed, EXAMPLES, Path(folder))
            if objections:
                print(*objections, sep="\n", flush=True)
                break
            before = before or memory_mb(bot)
        statuses, by_route = counted(bot)
        return Outcome(statuses, by_route, objections, before, memory_mb(bot))


def rounds(bot: Run, wanted: int) -> Iterator[int]:
    """Yield a seed for each round, until the bot has had so many requests."""
    seed = 1
    while counted(bot)[0].total() < wanted:
        yield seed
        seed += 1


def one_round(bot: Run, seed: int, examples: int, folder: Path) -> list[str]:
    """Run Schemathesis once; return its objections, none where all is well."""
    command = [SCHEMATHESIS, "run", f"{bot.url}/openapi.json", "--checks", "all", "--exclude-checks",
               ",".join(NOT_CHECKED), "--max-examples", str(examples), "--seed", str(seed), "--workers", "2",
               "--request-timeout", str(LATE_AFTER_S), "--max-response-time", str(LATE_AFTER_S),
               "--continue-on-failure", "--generation-database", "none", "--no-color"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    return [] if done.returncode == 0 else [done.stdout[-6000:] + done.stderr[-2000:]]


def counted(bot: Run) -> tuple[Counter[str], Counter[str]]:
    """Return how many requests the bot has answered, by status and by address, as it says itself."""
    statuses, routes = Counter[str](), Counter[str]()
    for method, route, status, count in _COUNT.findall(httpx.get(f"{bot.url}/metrics", timeout=60).text):
        if route not in ("/metrics", "/readyz"):  # which this program asks for itself
            statuses[status] += int(float(count))
            routes[f"{method} {route}"] += int(float(count))
    return statuses, routes


def memory_mb(bot: Run) -> float:
    """Return what the front server holds of the machine's memory."""
    (front,) = bot.processes("bot.web.serve")
    return front.memory_info().rss / 1e6


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000))
