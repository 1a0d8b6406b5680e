"""Serve the application on HOST and PORT: `python -m bot.web.serve`. uvicorn, with limits that it has not by itself.

LISTEN_AT is where to ask for an open socket instead, as several do that share one port (bot/web/port.py).
LOG_FORMAT says how the log reads: line (for people, the default) or json (for programs).
"""

import faulthandler
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import uvicorn
import yaml
from uvicorn.main import STARTUP_FAILURE

from bot.clinic import SettingsFault
from bot.paths import ROOT
from bot.web.connections import PatientProtocol
from bot.web.port import take

LOGGING = ROOT / "ops" / "logging.yml"
LOG_FORMATS = ("line", "json")
KEEP_ALIVE_S = 15  # between two requests of one browser; a proxy in front keeps its connections for longer
LET_FINISH_S = 10  # at the end, for requests that have begun: Rasa has 5 s for each
BEATS_EVERY_S = 2
HUNG_AFTER_S = 20  # more than LET_FINISH_S: nothing beats while it stops


def main(environ: Mapping[str, str] = os.environ) -> None:
    """Serve until told to stop. Ends the process where it did not start, or hangs: whoever watches starts it anew."""
    server = uvicorn.Server(server_config(environ))
    place = environ.get("LISTEN_AT")
    server.run([take(Path(place))] if place else None)
    faulthandler.cancel_dump_traceback_later()
    if not server.started:
        sys.exit(STARTUP_FAILURE)


def server_config(environ: Mapping[str, str]) -> uvicorn.Config:
    """Return how uvicorn serves. Raises SettingsFault."""
    return uvicorn.Config(
        "bot.web.app:create_app",
        factory=True,
        host=environ.get("HOST", "127.0.0.1"),
        port=int(environ.get("PORT", "8080")),
        loop="asyncio",  # uvloop keeps the last 256 kB that it read, a visitor's words, in a buffer that nobody clears
        http=PatientProtocol,
        ws="none",
        log_config=log_config(log_format(environ)),
        access_log=False,  # it would hold addresses, and ids of conversations
        server_header=False,
        proxy_headers=False,  # TRUSTED_PROXIES says whom to believe; uvicorn alone believes this machine
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=LET_FINISH_S,
        callback_notify=beat,
        timeout_notify=BEATS_EVERY_S,
    )


async def beat() -> None:
    """Live for some seconds more: a process that does nothing for so long writes where it hangs, and ends."""
    faulthandler.dump_traceback_later(HUNG_AFTER_S, exit=True)


def log_format(environ: Mapping[str, str]) -> str:
    """Return how the log is to be written. Raises SettingsFault where LOG_FORMAT is none that there is."""
    value = environ.get("LOG_FORMAT") or LOG_FORMATS[0]
    if value not in LOG_FORMATS:
        raise SettingsFault(f"LOG_FORMAT is {value!r}; use {' or '.join(LOG_FORMATS)}")
    return value


def log_config(format: str) -> dict[str, Any]:
    """Return the settings of the log, with the lines in this format."""
    config: dict[str, Any] = yaml.safe_load(LOGGING.read_text())
    config["handlers"]["out"]["formatter"] = format
    return config


if __name__ == "__main__":
    try:
        main()
    except SettingsFault as fault:
        sys.exit(str(fault))
