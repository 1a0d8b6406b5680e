"""The systems while they run: started as their users start them, asked over HTTP, their processes looked at."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import psutil

from bot.paths import ROOT
from scripts.bench.peers import MODEL
from scripts.train import QUIET

READY_WITHIN_S = 300
STOP_WITHIN_S = 60
LOOK_EVERY_S = 0.05
# One client asks more in a second than a visitor in an hour.
NO_LIMITS = dict.fromkeys(("RATE_CONVERSATION", "RATE_ADDRESS", "RATE_OTHER", "RATE_LOOPBACK"), "1000000/second")
KINDS = {"front server": "bot.web", "Rasa": "rasa run", "action server": "rasa_sdk", "Redis": "redis-server"}


@dataclass
class System:
    """One that runs. `ready_s` is what its start took, in seconds."""

    name: str
    url: str
    process: psutil.Process
    ready_s: float
    is_ours: bool = False
    _given: dict[str, str] | None = None  # the conversations as the front server named them

    async def ask(self, session: aiohttp.ClientSession, conversation: str, text: str) -> float:
        """Return the seconds until the reply is there. Raises RuntimeError where it is none."""
        body = self._body(conversation, text)
        started = time.perf_counter()
        async with session.post(self.url, json=body) as response:
            reply: Any = await response.json() if response.status == 200 else None
        seconds = time.perf_counter() - started
        self._check(response.status, reply)
        if self.is_ours:
            self._names()[conversation] = reply["conversation"]
        return seconds

    def _body(self, conversation: str, text: str) -> dict[str, str]:
        if not self.is_ours:
            return {"sender": conversation, "message": text}
        known = self._names().get(conversation)
        return {"text": text} | ({"conversation": known} if known else {})

    def _names(self) -> dict[str, str]:
        if self._given is None:
            self._given = {}
        return self._given

    def _check(self, status: int, reply: Any) -> None:
        failed = status != 200 or not reply
        if failed or (self.is_ours and any(each["kind"] == "unavailable" for each in reply["replies"])):
            raise RuntimeError(f"{self.name} did not answer (status {status}): is the machine busy? Run it again.")

    def processes(self, words: str = "") -> list[psutil.Process]:
        """Return its processes whose command line holds the words."""
        everyone = [self.process, *self.process.children(recursive=True)]
        return [each for each in everyone if (line := command_line(each)) and words in line]

    def computing_s(self) -> float:
        """Return the processor time that all of its processes have taken so far, in seconds."""
        return sum(sum(each.cpu_times()[:2]) for each in self.processes())

    def rasa_mb(self) -> float:
        """Return the resident memory of its Rasa process, in megabytes."""
        return max(each.memory_info().rss for each in self.processes(KINDS["Rasa"])) / 2**20


@contextlib.contextmanager
def peer(folder: Path) -> Iterator[System]:
    """Start the trained project in a folder, as `rasa run` does; stop it at the end."""
    port = free_port()
    command = [sys.executable, "-m", "rasa", "run", "--model", MODEL, "--port", str(port), "--interface", "127.0.0.1"]
    url = f"http://127.0.0.1:{port}/webhooks/rest/webhook"

    def answers() -> bool:
        said = httpx.post(url, json={"sender": "ready", "message": "what is the matter"}, timeout=10)
        return said.status_code == 200 and bool(said.json())

    with started(folder.name, command, folder, QUIET, url, answers) as system:
        yield system


@contextlib.contextmanager
def ours(name: str = "ours", **settings: str) -> Iterator[System]:
    """Start the whole bot with these variables, as `make run` does; stop it at the end."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        environ = {**NO_LIMITS, "PORT": str(port), "DATABASE_URL": f"sqlite:///{folder}/clinic.db", **settings}
        address = f"http://127.0.0.1:{port}"

        def is_ready() -> bool:
            return httpx.get(f"{address}/readyz", timeout=10).status_code == 200

        command = [sys.executable, "-m", "scripts.run"]
        with started(name, command, ROOT, environ, f"{address}/api/chat", is_ready) as system:
            system.is_ours = True
            yield system


@contextlib.contextmanager
def started(
    name: str, command: list[str], folder: Path, environ: Mapping[str, str], url: str, is_ready: Callable[[], bool]
) -> Iterator[System]:
    """Run a command until it is ready to answer, and on; end it on the way out. Raises RuntimeError."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=folder, env=os.environ | environ, stdout=log, stderr=log)
        try:
            while not _holds(is_ready):
                if process.poll() is not None or time.monotonic() - began > READY_WITHIN_S:
                    log.seek(0)
                    raise RuntimeError(f"{name} did not start:\n{log.read().decode(errors='replace')[-2000:]}")
                time.sleep(LOOK_EVERY_S)
            yield System(name, url, psutil.Process(process.pid), time.monotonic() - began)
        finally:
            process.terminate()
            process.wait(STOP_WITHIN_S)


def _holds(is_ready: Callable[[], bool]) -> bool:
    try:
        return is_ready()
    except (httpx.HTTPError, ValueError):
        return False


def command_line(process: psutil.Process) -> str:
    """Return the command line of a process, empty where it has just ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
