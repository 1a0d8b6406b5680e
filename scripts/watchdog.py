"""Ends a process that is up and answers no more; supervisord then starts it anew.

One that dies, supervisord sees by itself. Of several front servers that share a port nobody can ask a certain one: each
looks after itself (bot/web/serve.py).
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

import httpx
from supervisor.xmlrpc import SupervisorTransport

from scripts.processes import LOOPBACK

EVERY_S = 2
ANSWERS_WITHIN_S = 5
SILENCES = 3  # in a row, so that a busy process is not taken for a hung one
FRONT = "front:front-0"  # the first, and here the only one, of its group


@dataclass
class Watched:
    """One process: supervisord's name of it, where it answers, and what came of asking."""

    name: str
    url: str
    answered_as: int = 0  # the process id that answered last: one that starts may take its time
    silences: int = 0

    def ask(self, client: httpx.Client) -> str:
        """Return "answered", "silent", or "refused" where nothing listens."""
        try:
            client.get(self.url, headers={"Connection": "close"}, timeout=ANSWERS_WITHIN_S)
        except httpx.TimeoutException:
            return "silent"
        except httpx.HTTPError:
            return "refused"
        return "answered"


class Watchdog:
    """Asks each process again and again whether it still answers."""

    def __init__(self, processes: Iterable[Watched], supervisor: Any) -> None:
        self._processes = list(processes)
        self._supervisor = supervisor
        self._client = httpx.Client(verify=False, trust_env=False)  # noqa: S501 (this machine: certificates take 20 ms)
        self._together = ThreadPoolExecutor(len(self._processes))

    def look(self) -> list[str]:
        """Ask every process once, all together; end what was silent too often, and return the names of those."""
        replies = self._together.map(lambda watched: watched.ask(self._client), self._processes)
        pairs = list(zip(self._processes, replies, strict=True))
        return [watched.name for watched, reply in pairs if self._is_ended(watched, reply)]

    def _is_ended(self, watched: Watched, reply: str) -> bool:
        watched.silences = watched.silences + 1 if reply == "silent" else 0
        if reply == "answered":
            watched.answered_as = self._process_id(watched)
        elif watched.silences >= SILENCES and watched.answered_as == self._process_id(watched) != 0:
            return self._end(watched)
        return False

    def _process_id(self, watched: Watched) -> int:
        try:
            return int(self._supervisor.getProcessInfo(watched.name)["pid"])
        except (OSError, Fault):
            return 0  # supervisord is on its way out

    def _end(self, watched: Watched) -> bool:
        try:
            self._supervisor.signalProcess(watched.name, "KILL")
        except (OSError, Fault):
            return False  # it has ended by itself
        watched.silences = 0
        return True


def watchdog(settings: Mapping[str, str], socket: Path) -> Watchdog:
    """Return the watchdog of the processes that these settings make; `socket` is where supervisord takes orders."""
    transport = SupervisorTransport(serverurl=f"unix://{socket}")
    return Watchdog(watched_processes(settings), ServerProxy(f"http://{LOOPBACK}", transport=transport).supervisor)


def watched_processes(settings: Mapping[str, str]) -> list[Watched]:
    """Return those that can be asked one by one."""
    found = []
    for kind, ports, path in (("rasa", "RASA_PORTS", ""), ("actions", "ACTIONS_PORTS", "health")):
        for number, port in enumerate(settings[ports].split(), 1):
            found.append(Watched(f"{kind}-{number}", f"http://{LOOPBACK}:{port}/{path}"))
    if settings["FRONT_WORKERS"] == "1":
        found.append(Watched(FRONT, f"{settings['ADDRESS']}/healthz"))
    return found
