"""What `make bench` reckons: ratios, bars, the report. The measuring itself needs a quiet machine and half an hour."""

import asyncio
import subprocess
import sys
import time
from dataclasses import replace
from itertools import islice

import psutil
import pytest
import yaml
from aiohttp import web

from bot.paths import ROOT
from scripts.bench import measures, peers, report
from scripts.bench.__main__ import PARTS, read_options, seconds_until_ready
from scripts.bench.measures import Load, Waiting, best, one_after_another, throughput, turned
from scripts.bench.peers import Training, in_training, seconds_of
from scripts.bench.questions import TURNS, conversations
from scripts.bench.results import Figure, Results, figures
from scripts.bench.stages import Clock, stage_of, together
from scripts.bench.systems import System, free_port, started

FOUND = Results(
    machine="2 processors, 8 GB",
    date="2026-01-02",
    waiting={"floor": Waiting(10, 12, 9), "default": Waiting(50, 60, 9), "ours": Waiting(15, 20, 9)},
    loads={"default": [Load(1, 20, 60), Load(4, 21, 250)], "ours": [Load(1, 50, 20), Load(4, 63, 90)]},
    computing={"1": 20, "2": 22.4},
    turn_2=Waiting(20, 25, 60),
    turn_200=Waiting(22, 26, 60),
    past={"Redis": (Waiting(20, 25, 9), Waiting(21, 26, 9))},
    memory={"floor": 500, "default": 1000, "ours": 500},
    ready={"floor": 9, "default": 20, "ours": 8},
    training={"default": Training(600, 5, 9000), "ours": Training(180)},
    new_machine_s=170,
    stages={"front server": 1.5, "safety": 2.25},
)


def values(found: Results) -> dict[str, float | None]:
    return {figure.name: figure.value for figure in figures(found)}


def test_ratios_are_those_of_the_bars():
    found = list(values(FOUND).values())
    assert found == pytest.approx([1.5, 0.3, 3.15, 1.12, 1.1, 1.05, 0.5, 0.4, 0.02, 170])
    assert [figure.holds for figure in figures(FOUND)] == [True, True, True, False, *[True] * 6]


def test_what_was_not_measured_is_neither_kept_nor_missed():
    assert {figure.holds for figure in figures(Results())} == {None}
    assert len(figures(Results())) == len(figures(FOUND))


@pytest.mark.parametrize(("value", "least", "holds"), [(3, True, True), (2.9, True, False), (3, False, True)])
def test_a_bar_is_the_most_or_the_least(value, least, holds):
    assert Figure("name", value, 3, is_least=least).holds is holds


def test_a_throughput_counts_only_where_nobody_waits_too_long():
    assert best([Load(1, 10, 100), Load(2, 18, 199), Load(4, 30, 201)]) == 18
    assert best([Load(1, 2, 500)]) == 0


def test_a_run_is_read_as_it_was_written(tmp_path):
    FOUND.save(tmp_path / "results.json")
    assert Results.load(tmp_path / "results.json") == FOUND
    assert Results.load(tmp_path / "none.json") == Results()


def test_the_report_stands_between_its_marks_and_can_be_written_again(tmp_path):
    page = tmp_path / "benchmarks.md"
    page.write_text(f"before\n{report.BEGIN}old\n{report.END}after\n")
    for _ in range(2):
        report.write(FOUND, page, tmp_path / "plots")
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| p50 of one message end to end, ours / floor | 1.50 | 1.6 or less | yes |" in text
    assert "| processor time for one message, two Rasa workers / one | 1.12 | 1.1 or less | **no** |" in text
    assert "170 s | 180 s or less" in text
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {"waiting.svg", "throughput.svg", "stages.svg"}


def test_nothing_is_drawn_of_what_was_not_measured(tmp_path):
    page = tmp_path / "benchmarks.md"
    page.write_text(report.BEGIN + report.END)
    report.write(replace(FOUND, waiting={}, loads={}, stages={}), page, tmp_path / "plots")
    assert list((tmp_path / "plots").iterdir()) == []


# The other assistants.

LOG = (
    "Epochs: 100%|████| 3/3 [10:00<00:00, 200.0s/it, t_loss=1]\n"
    "Processed trackers: 100%|███| 600/600 [00:01<00:00, 453.89it/s]\n"
    "Epochs:  33%|█ | 1/3 [01:00<02:00]\rEpochs: 100%|████| 3/3 [1:00:30<00:00, 2.0s/it]\n"
)


def test_the_time_of_the_epochs_is_read_from_rasas_log():
    assert in_training(LOG) == (3, 600 + 3630)
    assert in_training("nothing of the kind") == (0, 0)
    assert seconds_of("1:02:03") == 3723


def test_the_projects_say_what_ours_says(tmp_path):
    peers.write_floor(tmp_path / "floor")
    peers.write_default(tmp_path / "default", epochs=1)
    domain = yaml.safe_load((tmp_path / "default" / "domain.yml").read_text())
    rules = yaml.safe_load((tmp_path / "default" / "data" / "rules.yml").read_text())["rules"]
    intents = {
        block["intent"] for block in yaml.safe_load((tmp_path / "default" / "data" / "nlu.yml").read_text())["nlu"]
    }
    assert "causes__pcos" in intents
    assert intents == set(domain["intents"])
    assert {rule["steps"][0]["intent"] for rule in rules} == intents | {"nlu_fallback"}
    assert all(rule["steps"][1]["action"] in domain["responses"] for rule in rules)
    assert "disclaimer" not in domain["responses"]["utter_causes__pcos"][0]["text"].split("\n")[0]
    stories = yaml.safe_load((tmp_path / "default" / "data" / "stories.yml").read_text())["stories"]
    assert len(stories) == peers.STORIES
    floor = yaml.safe_load((tmp_path / "floor" / "config.yml").read_text())
    assert floor["pipeline"] == [{"name": "KeywordIntentClassifier"}]


# The measuring, of a real server that takes a known time.


class Server:
    """Answers after some seconds, one message at a time, and remembers who asked."""

    def __init__(self, seconds: float) -> None:
        self.port = free_port()
        self.asked: list[dict] = []
        self._seconds = seconds
        self._one_at_a_time = asyncio.Lock()

    async def __aenter__(self) -> System:
        app = web.Application()
        app.router.add_post("/", self._respond)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        return System(f"{self._seconds}", f"http://127.0.0.1:{self.port}/", psutil.Process(), 0.0)

    async def __aexit__(self, *_) -> None:
        await self._runner.cleanup()

    async def _respond(self, request: web.Request) -> web.Response:
        async with self._one_at_a_time:
            self.asked.append(await request.json())
            await asyncio.sleep(self._seconds)
        return web.json_response([{"text": "an answer"}])


def test_systems_get_the_same_messages_in_turns_and_their_own_times():
    async def measured():
        quick, slow = Server(0.005), Server(0.02)
        async with quick as one, slow as other:
            return await one_after_another([one, other], ["a", "b", "c"], 10), quick.asked, slow.asked

    found, quick, slow = asyncio.run(measured())
    assert quick == slow
    assert len(quick) == 10 + measures.WARM_UP
    assert 5 <= found["0.005"].p50 < found["0.02"].p50
    assert found["0.02"].p50 >= 20


def test_visitors_are_added_until_one_in_twenty_waits_too_long():
    async def measured():
        async with Server(0.06) as system:
            return await throughput(system, ["a", "b"], 0.7)

    loads = asyncio.run(measured())
    assert tuple(load.visitors for load in loads) == measures.VISITORS[: len(loads)]
    assert [load.p95 > 200 for load in loads] == [False] * (len(loads) - 1) + [True]
    assert len(loads) <= 4  # the fourth waits for 0.24 s at least
    assert best(loads) <= 1 / 0.06


def test_a_system_that_gives_no_answer_stops_the_measuring():
    async def measured():
        async with Server(0) as system:
            system.url += "nowhere"
            await one_after_another([system], ["a"], 1)

    with pytest.raises(RuntimeError, match="status 404"):
        asyncio.run(measured())


def test_conversations_are_short_and_their_questions_go_round():
    seen = list(islice(conversations(["a", "b", "c"], "x"), 2 * TURNS))
    assert [conversation for conversation, _ in seen] == ["x-0"] * TURNS + ["x-1"] * TURNS
    assert [text for _, text in seen][:4] == ["a", "b", "c", "a"]


def test_each_system_is_first_in_its_turn():
    assert [turned(["a", "b", "c"], number)[0] for number in range(-1, 3)] == ["c", "a", "b", "c"]


# Processes.


def test_a_system_that_does_not_start_says_why(tmp_path):
    command = [sys.executable, "-c", "print('the reason'); raise SystemExit(1)"]
    with pytest.raises(RuntimeError, match="the reason"), started("it", command, tmp_path, {}, "", lambda: False):
        pass


def test_what_was_started_is_stopped(tmp_path):
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    with started("it", command, tmp_path, {}, "", lambda: True) as system:
        process, until = system.process, time.monotonic() + 30
        while not system.processes("time.sleep") and time.monotonic() < until:
            time.sleep(0.05)  # until it is Python: a new process carries its maker's command line at first
        assert system.processes("time.sleep") == [process]
    assert not process.is_running()


def test_processor_time_is_that_of_all_processes(tmp_path):
    code = "import time\nwhile time.process_time() < 0.3: pass\ntime.sleep(600)"
    with started("it", [sys.executable, "-c", code], tmp_path, {}, "", lambda: True) as system:
        until = time.monotonic() + 60
        while system.computing_s() < 0.25 and time.monotonic() < until:
            time.sleep(0.1)
        assert 0.25 <= system.computing_s() < 2


# Stages.


def test_stages_add_up_to_the_whole():
    front = {"front server": 2.0, "safety": 3.0, "Rasa, as the front server sees it": 10.0}
    whole = together(front, {"NLU": 6.0, "action": 1.0})
    assert sum(whole.values()) == 15.0
    assert whole["HTTP and queues of Rasa and of the action server"] == 3.0


def test_a_clock_counts_calls_and_coroutines():
    clock = Clock()

    async def wait() -> str:
        await asyncio.sleep(0.02)
        return "done"

    assert asyncio.run(clock.around_awaited("waiting", wait)()) == "done"
    assert clock.around("adding", lambda a, b: a + b)(1, 2) == 3
    assert clock.seconds["waiting"] >= 0.02 > clock.seconds["adding"]


@pytest.mark.parametrize(
    ("node", "stage"),
    [
        ("run_bot.nlu.safety.SafetyOverride2", "NLU: SafetyOverride"),
        ("run_RulePolicy0", "policies"),
        ("nlu_message_converter", "NLU: nlu_message_converter"),
    ],
)
def test_nodes_are_called_by_their_names(node, stage):
    assert stage_of(node) == stage


def test_parts_can_be_measured_by_themselves():
    assert read_options(["--only", "start", "--reuse"]).only == ["start"]
    assert read_options([]).only == list(PARTS)


def test_the_command_tells_its_parts():
    told = subprocess.run(
        [sys.executable, "-m", "scripts.bench", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert all(part in told for part in PARTS)


# A new machine: a project whose `make run` does what the named words say.

READY = """run:
\t@{python} -c "import time; print('Ready after 1 s', flush=True); time.sleep(600)" scripts.run
"""


def test_a_new_machine_is_waited_for_and_what_it_started_is_ended(tmp_path):
    tmp_path.joinpath("Makefile").write_text(READY.format(python=sys.executable))
    before = set(psutil.Process().children(recursive=True))
    assert 0 < seconds_until_ready(tmp_path) < 60
    assert set(psutil.Process().children(recursive=True)) == before


def test_a_new_machine_that_never_gets_ready_says_why(tmp_path):
    tmp_path.joinpath("Makefile").write_text("run:\n\t@echo the reason; exit 1\n")
    with pytest.raises(RuntimeError, match="the reason"):
        seconds_until_ready(tmp_path)
