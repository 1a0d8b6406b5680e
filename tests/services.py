"""Real services for the tests that need them: Debian's Redis and nginx, each test's own, on free ports."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from tests.product import free_port

REDIS_OPTIONS = ("--save", "", "--appendonly", "no", "--loglevel", "warning", "--bind", "127.0.0.1")


class RedisServer:
    """A Redis that keeps everything in memory. It can be killed and started again at the same address."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client = Redis.from_url(self.url, socket_timeout=2)
        self._folder = folder
        self.start()

    def start(self) -> None:
        command = [program("redis-server"), "--port", str(self.port), "--dir", str(self._folder), *REDIS_OPTIONS]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(self.answers, 20)

    def answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except RedisError:
            return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def texts(self) -> list[bytes]:
        """Return every key and every value: all that is kept."""
        keys = list(self.client.scan_iter())
        return [*keys, *(self.client.get(key) or b"" for key in keys)]


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """Start a Redis that is gone at the end."""
    server = RedisServer(folder)
    try:
        yield server
    finally:
        server.kill()


def program(name: str) -> str:
    """Return the path of a program; without it the tests fail, for a gap would not be seen."""
    path = shutil.which(name, path="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
    assert path, f"{name} is not installed: sh scripts/install_services.sh"
    return path


def eventually(holds: Callable[[], object], within_s: float, each_s: float = 0.05) -> float:
    """Return after how many seconds it held; fail where it does not within so many."""
    started = time.monotonic()
    while not holds():
        if time.monotonic() - started > within_s:
            pytest.fail(f"not so within {within_s} s")
        time.sleep(each_s)
    return time.monotonic() - started
