"""Which processes the bot runs as on one machine, and supervisord's configuration for them (ops/supervisord.conf).

FRONT_WORKERS and RASA_WORKERS say how many of each, one unless set. What several of them must share lies in Redis: the
one at REDIS_URL, or one of our own where that is not set and several front servers run.
"""

import re
import secrets
import shutil
from collections.abc import Container, Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from redis.asyncio.connection import parse_url

from bot.paths import ROOT
from bot.web.port import hold

LOOPBACK = "127.0.0.1"
RASA_PORT, ACTIONS_PORT = 5005, 5055  # their usual ones, if free; the next ones for more
MOST_WORKERS = 64
FORGET_AFTER_MINUTES = "30"
# Python leaves all memory to the C library, which writes over what it gets back; Redis has a library of its own for it.
# It costs a third more computing.
SCRUBBING = {
    "PYTHONMALLOC": "malloc",
    "MALLOC_PERTURB_": "165",
    "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0",  # what is kept for quick use again is not written over
    "MALLOC_CONF": "junk:true",
}
REDIS_PORT = 6390  # not its usual one: that may be another's
TEMPLATES = ROOT / "ops"
SUPERVISOR, REDIS = "supervisord.conf", "redis.conf"
ORDERS, PORT = "supervisord.sock", "port.sock"  # beside it: where supervisord takes orders, and front servers the port
# Before a command: it gets SIGTERM when the process that started it is gone. None on systems without the program.
ENDING_WITH_US = ("setpriv", "--pdeathsig", "TERM") if shutil.which("setpriv") else ()


class CannotStart(RuntimeError):
    """Something that the person who starts the bot must mend first; the message says what to do."""


def process_settings(environ: Mapping[str, str], *, port: int) -> dict[str, str]:
    """Return the settings of the processes: how many, where each listens, and what they share.

    Raises CannotStart with the setting, its fault and the remedy.
    """
    fronts, rasas = workers(environ, "FRONT_WORKERS"), workers(environ, "RASA_WORKERS")
    rasa_ports = free_ports(RASA_PORT, rasas, {port})
    action_ports = free_ports(ACTIONS_PORT, rasas, {port, *rasa_ports})
    return {
        "FRONT_WORKERS": str(fronts),
        "RASA_PORTS": " ".join(map(str, rasa_ports)),
        "RASA_URLS": ",".join(f"http://{LOOPBACK}:{each}" for each in rasa_ports),
        "ACTIONS_PORTS": " ".join(map(str, action_ports)),
        "FORGET_AFTER_MINUTES": minutes_kept(environ),
        **(SCRUBBING if is_scrubbed(environ) else {}),
        **shared_memory(environ, fronts, {port, *rasa_ports, *action_ports}),
    }


def workers(environ: Mapping[str, str], name: str) -> int:
    """Return how many are asked for, 1 where nothing is said. Raises CannotStart."""
    value = environ.get(name) or "1"
    if not re.fullmatch(r"[0-9]{1,3}", value) or not 0 < int(value) <= MOST_WORKERS:
        raise CannotStart(f"{name} is {value!r}; use a number from 1 to {MOST_WORKERS}, for example: {name}=2 make run")
    return int(value)


def minutes_kept(environ: Mapping[str, str]) -> str:
    """Return after how many minutes without a turn a conversation is forgotten. Raises CannotStart."""
    value = environ.get("FORGET_AFTER_MINUTES") or FORGET_AFTER_MINUTES
    if not re.fullmatch(r"[0-9]{1,2}(\.[0-9]+)?", value) or not 0 < float(value) <= float(FORGET_AFTER_MINUTES):
        raise CannotStart(f"FORGET_AFTER_MINUTES is {value!r}; use a number above 0, {FORGET_AFTER_MINUTES} at most")
    return value


def is_scrubbed(environ: Mapping[str, str]) -> bool:
    """Return whether memory is to be written over as it is given back. Raises CannotStart."""
    value = environ.get("SCRUB_MEMORY") or "0"
    if value not in ("0", "1"):
        raise CannotStart(f"SCRUB_MEMORY is {value!r}; use 1 to have what is forgotten written over, or 0")
    return value == "1"


def shared_memory(environ: Mapping[str, str], fronts: int, taken: Container[int]) -> dict[str, str]:
    """Return where what several processes share lies; nothing where one front server keeps it by itself.

    Raises CannotStart where REDIS_URL is no such address, or where Redis is needed and not installed.
    """
    if url := environ.get("REDIS_URL"):
        refuse_other_than_redis(url)
        return {"REDIS_URL": url, "ENDPOINTS": "endpoints.redis.yml"}
    if fronts == 1:
        return {"ENDPOINTS": "endpoints.yml"}
    if not shutil.which("redis-server"):
        raise CannotStart(
            f"FRONT_WORKERS is {fronts}: several front servers share through Redis which visitor is in danger. "
            "Install it (Debian: apt-get install redis-server), set REDIS_URL to that of one, or FRONT_WORKERS=1."
        )
    port, password = free_port(REDIS_PORT, taken), secrets.token_urlsafe(24)
    return {
        "OWN_REDIS": f"{port} {password}",
        "REDIS_URL": f"redis://:{password}@{LOOPBACK}:{port}/0",
        "ENDPOINTS": "endpoints.redis.yml",
    }


def refuse_other_than_redis(url: str) -> None:
    """Raise CannotStart where this is no address of Redis. It is not shown: it may hold a password."""
    try:
        parse_url(url)
    except ValueError:
        raise CannotStart("REDIS_URL is no address of Redis; write it as redis://localhost:6379/0") from None


def write_configuration(settings: Mapping[str, str], folder: Path) -> Path:
    """Write what supervisord and our own Redis read, for their owner's eyes only; return supervisord's."""
    for name in (SUPERVISOR, REDIS) if "OWN_REDIS" in settings else (SUPERVISOR,):
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(configuration(name, settings))
    return folder / SUPERVISOR


def configuration(name: str, settings: Mapping[str, str]) -> str:
    """Return a file of ops/ with its {braces} filled in."""
    templates = Environment(  # noqa: S701 (no HTML: nothing to escape)
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    pairs = list(zip(settings["RASA_PORTS"].split(), settings["ACTIONS_PORTS"].split(), strict=True))
    redis_port, _, redis_password = settings.get("OWN_REDIS", "").partition(" ")
    return templates.get_template(name).render(
        pairs=pairs,
        ending_with_us=" ".join(ENDING_WITH_US),
        redis_port=redis_port,
        redis_password=redis_password,
    )


def free_ports(preferred: int, number: int, taken: Container[int]) -> list[int]:
    """Return so many different ports, not taken and with nothing listening there, from `preferred` on if possible."""
    ports: list[int] = []
    for wanted in range(preferred, preferred + number):
        port = free_port(wanted, taken)
        while port in ports or port in taken:
            port = free_port(0, taken)
        ports.append(port)
    return ports


def free_port(preferred: int, taken: Container[int]) -> int:
    """Return `preferred` if it is not taken and nothing listens there on loopback, else any free port."""
    try:
        return listen(LOOPBACK, preferred if preferred not in taken else 0)
    except OSError:
        return listen(LOOPBACK, 0)


def listen(host: str, port: int) -> int:
    """Return the port that a server may listen on there, any free one for 0. Raises OSError where it may not."""
    with hold(host, port) as held:
        return int(held.getsockname()[1])
