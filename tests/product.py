"""The whole bot as `make run` starts it: the real processes on a free port, for the tests that need all of it."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from subprocess import PIPE
from typing import IO

import httpx
import psutil
import pytest

from bot.paths import ROOT

# A test asks more in a second than a visitor in an hour, and all from one address.
NO_LIMITS = dict.fromkeys(("RATE_CONVERSATION", "RATE_ADDRESS", "RATE_OTHER"), "1000000/second")
READY_WITHIN_S = 600  # on a busy machine; 20 s is the bar on an idle one


class Run:
    """One start of the bot, with its output; `settings` are variables of its environment, `inside` is a command that
    prepares a place for it."""

    def __init__(self, *, inside: Sequence[str] = (), output: IO | int = PIPE, **settings: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [*inside, sys.executable, "-m", "scripts.run"],
            cwd=ROOT,
            env={**NO_LIMITS, **os.environ, "PORT": str(self.port), **settings},
            stdout=output,
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
