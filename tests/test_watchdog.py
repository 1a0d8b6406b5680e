"""What ends a process that hangs: who is asked, and what counts as hung. tests/test_processes.py hangs real ones."""

import os
import socket
import subprocess
import sys
from types import SimpleNamespace

import pytest

from bot.paths import ROOT
from scripts import watchdog
from scripts.watchdog import SILENCES, Watchdog, Watched, watched_processes
from tests.product import free_port

SETTINGS = {
    "RASA_PORTS": "5005 5006",
    "ACTIONS_PORTS": "5055 5056",
    "FRONT_WORKERS": "1",
    "ADDRESS": "http://127.0.0.1:8080",
}


class Supervised:
    """Stands for supervisord: one process, and what was done to it."""

    def __init__(self) -> None:
        self.pid = 7
        self.ended: list[str] = []

    def getProcessInfo(self, name: str) -> dict:  # supervisord's name for it
        return {"pid": self.pid}

    def signalProcess(self, name: str, signal: str) -> None:
        self.ended.append(f"{name} {signal}")


@pytest.fixture
def supervised() -> Supervised:
    return Supervised()


@pytest.fixture
def hung(monkeypatch):
    """The address of what takes connections and never answers."""
    monkeypatch.setattr(watchdog, "ANSWERS_WITHIN_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def test_what_answered_and_is_silent_three_times_in_a_row_is_ended(hung, supervised):
    dog = Watchdog([Watched("rasa-1", hung, answered_as=7)], supervised)
    assert [dog.look() for _ in range(SILENCES)] == [[], [], ["rasa-1"]]
    assert supervised.ended == ["rasa-1 KILL"]


def test_what_has_not_answered_yet_may_take_its_time(hung, supervised):
    before = Watched("rasa-1", hung, answered_as=6)  # the process before it did
    dog = Watchdog([before, Watched("actions-1", hung)], supervised)
    assert [dog.look() for _ in range(2 * SILENCES)] == [[]] * 2 * SILENCES
    assert supervised.ended == []


def test_where_nothing_listens_nothing_hangs(supervised):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    dog = Watchdog([Watched("rasa-1", f"http://127.0.0.1:{port}/", answered_as=7)], supervised)
    assert [dog.look() for _ in range(2 * SILENCES)] == [[]] * 2 * SILENCES


def test_supervisord_on_its_way_out_is_no_fault(hung):
    def gone(*args):
        raise ConnectionRefusedError

    dog = Watchdog([Watched("rasa-1", hung, answered_as=7)], SimpleNamespace(getProcessInfo=gone, signalProcess=gone))
    assert [dog.look() for _ in range(SILENCES)] == [[]] * SILENCES


def test_each_rasa_and_action_server_is_asked_and_one_front_server():
    assert [(each.name, each.url) for each in watched_processes(SETTINGS)] == [
        ("rasa-1", "http://127.0.0.1:5005/"),
        ("rasa-2", "http://127.0.0.1:5006/"),
        ("actions-1", "http://127.0.0.1:5055/health"),
        ("actions-2", "http://127.0.0.1:5056/health"),
        ("front:front-0", "http://127.0.0.1:8080/healthz"),
    ]


def test_several_front_servers_look_after_themselves():
    names = [each.name for each in watched_processes({**SETTINGS, "FRONT_WORKERS": "2"})]
    assert names == ["rasa-1", "rasa-2", "actions-1", "actions-2"]


HANGS = """
import time
from bot.web import serve
beat, serve.HUNG_AFTER_S = serve.beat, 1
async def hang():
    await beat()
    time.sleep(60)
serve.beat = hang
serve.main()
"""


def test_a_front_server_that_hangs_says_where_and_ends(environ):
    environment = {**os.environ, **environ, "PORT": str(free_port())}
    ended = subprocess.run(
        [sys.executable, "-c", HANGS], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=50
    )
    assert ended.returncode == 1
    assert "in hang" in ended.stderr
    assert "Fatal" not in ended.stderr
