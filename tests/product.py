"""The whole bot as `make run` starts it: the real processes on a free port, for the tests that need all of it."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from subprocess import PIPE
from typing import IO

import httpx
import psutil
import pytest

from bot.paths import ROOT

# A test asks more in a second than a visitor in an hour, and all from one address.
NO_LIMITS = dict.fromkeys(("RATE_CONVERSATION", "RATE_ADDRESS", "RATE_OTHER", "RATE_LOOPBACK"), "1000000/second")
READY_WITHIN_S = 600  # on a busy machine; 20 s is the bar on an idle one


class Run:
    """One start of the bot, with its output; `settings` are variables of its environment, `inside` is a command that
    prepares a place for it."""

    def __init__(self, *, inside: Sequence[str] = (), output: IO | int = PIPE, **settings: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = tempfile.TemporaryDirectory()
        self.database = f"sqlite:///{self.folder.name}/clinic.db"
        self.process = subprocess.Popen(
            [*inside, sys.executable, "-m", "scripts.run"],
            cwd=ROOT,
            env={**NO_LIMITS, "DATABASE_URL": self.database, **os.environ, "PORT": str(self.port), **settings},
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def follow(self) -> list[str]:
        """Read the output from now on, as a terminal does; return the list that its lines are added to."""
        lines: list[str] = []
        threading.Thread(target=lambda: lines.extend(self.process.stdout or ()), daemon=True).start()
        return lines

    def chat(self, text: str, **conversation: str) -> dict:
        """Return the first reply."""
        return self.turn(text, **conversation)["replies"][0]

    def turn(self, text: str, **conversation: str) -> dict:
        """Return all that comes back. `conversation` is the id of the chat to go on with."""
        response = httpx.post(f"{self.url}/api/chat", json={"text": text, **conversation}, timeout=20)
        assert response.status_code == 200
        return response.json()

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


@contextlib.contextmanager
def running(*, inside: Sequence[str] = (), output: IO | int = PIPE, **settings: str) -> Iterator[Run]:
    """Start the bot with these variables, wait until it is ready, and stop it at the end."""
    bot = Run(inside=inside, output=output, **settings)
    try:
        bot.wait(bot.is_ready, READY_WITHIN_S)
        yield bot
    finally:
        bot.process.terminate()
        bot.process.communicate(timeout=40)
        bot.folder.cleanup()


@contextlib.contextmanager
def front_alone(*command: str, **settings: str) -> Iterator[tuple[int, subprocess.Popen]]:
    """Start the front server with nothing behind it, which danger does not need; yield its port and its process.

    `command` is put before it, such as a shell that sets a limit.
    """
    port = free_port()
    environment = {**os.environ, **NO_LIMITS, "PORT": str(port), "RASA_URL": "http://127.0.0.1:9", **settings}
    serve = [*command, sys.executable, "-m", "bot.web.serve"]
    process = subprocess.Popen(serve, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        wait_until_up(port, process)
        yield port, process
        process.terminate()
        process.wait(20)
    finally:
        process.kill()
        process.communicate()


def wait_until_up(port: int, process: subprocess.Popen) -> None:
    """Return once the front server answers; fail where it has ended or takes too long."""
    started = time.monotonic()
    while time.monotonic() - started < READY_WITHIN_S and process.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            httpx.get(f"http://127.0.0.1:{port}/healthz")
            return
        time.sleep(0.1)
    pytest.fail("the front server did not start")


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
