"""`make run` for real: three processes, stopped and killed under a chat.

One run serves all tests here, in the order in which they stand: each leaves the bot working for the next.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import psutil
import pytest

from bot.paths import ROOT

pytestmark = [pytest.mark.model, pytest.mark.servers]

READY_WITHIN_S = 120  # on a busy machine; 20 s is the bar on an idle one
BACK_WITHIN_S = 20  # the bar: well again this long after a process has returned


class Run:
    """The bot as `make run` starts it, on a free port, with its output."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "scripts.run"],
            cwd=ROOT,
            env={**os.environ, "PORT": str(self.port)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def chat(self, text: str) -> dict:
        response = httpx.post(f"{self.url}/api/chat", json={"text": text}, timeout=20)
        assert response.status_code == 200
        return response.json()["replies"][0]

    def wait(self, until, seconds: float) -> float:
        """Return the seconds until `until()` is true; fail after so many."""
        started = time.monotonic()
        while time.monotonic() - started < seconds:
            if until():
                return time.monotonic() - started
            time.sleep(0.3)
        pytest.fail(f"not so within {seconds} s")

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=10).status_code == 200
        except httpx.HTTPError:
            return False

    def processes(self, words: str = "") -> list[psutil.Process]:
        """Return the processes below this run whose command line holds the words."""
        below = psutil.Process(self.process.pid).children(recursive=True)
        return [process for process in below if words in command_line(process)]


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    bot = Run()
    try:
        bot.wait(bot.is_ready, READY_WITHIN_S)
        yield bot
    finally:
        bot.process.terminate()
        bot.process.communicate(timeout=40)


def test_a_question_goes_the_whole_way(run):
    reply = run.chat("can pcos cause miscarriage?")
    assert reply["answer"] == "causes/pcos"
    assert reply["disclaimer"]
    assert reply["consultation"]["phone"]


def test_only_the_front_server_could_listen_beyond_loopback(run):
    connections = [connection for process in run.processes() for connection in process.net_connections()]
    listening = {connection.laddr.ip for connection in connections if connection.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}  # HOST is loopback here; the other two may listen nowhere else


@pytest.mark.parametrize("words", ["rasa_sdk", "rasa run"])
def test_a_killed_process_leaves_the_emergency_line_and_comes_back(run, words):
    (process,) = run.processes(words)
    process.suspend()  # hung first: the worst kind of down
    try:
        reply = run.chat("what tests are done?")
        assert reply["kind"] == "unavailable"
        assert reply["paragraphs"][0].startswith("In an emergency call")
        assert run.chat("I am soaking a pad every hour")["answer"] == "safety/urgent"
    finally:
        process.kill()
    run.wait(lambda: run.processes(words) not in ([], [process]), BACK_WITHIN_S)
    run.wait(run.is_ready, BACK_WITHIN_S)
    assert run.chat("what tests are done?")["answer"] == "tests/overview"


def test_a_second_start_on_the_same_port_is_refused_with_the_remedy(run):
    second = subprocess.run(
        [sys.executable, "-m", "scripts.run"],
        cwd=ROOT,
        env={**os.environ, "PORT": str(run.port)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert second.returncode == 1
    assert f"Port {run.port}" in second.stderr
    assert "make run PORT=" in second.stderr


def test_nothing_that_a_visitor_wrote_is_in_the_log_and_ctrl_c_stops_every_process(run):
    run.chat("my name is Zanzibar Quillfeather and I want to know about fibroids")
    processes = run.processes()
    assert len(processes) >= 4  # supervisord and its three
    run.process.send_signal(signal.SIGINT)
    output, _ = run.process.communicate(timeout=40)
    assert "Quillfeather" not in output
    assert "Ready after" in output
    assert not [process for process in processes if process.is_running()]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def command_line(process: psutil.Process) -> str:
    """Return the command line of a process, empty where it has just gone."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
