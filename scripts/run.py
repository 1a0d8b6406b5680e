"""Start the bot in the foreground and stop it on Ctrl-C: `python -m scripts.run`.

Checks the settings and the port, trains a model if there is none for the present data, then lets supervisord run the
processes (scripts/processes.py): it restarts one that dies. HOST and PORT say where the front server listens.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path

import httpx

from bot.clinic import SettingsFault, load_clinic
from bot.paths import CLINIC, ROOT
from bot.store.database import Database, StoreFault, open_database
from bot.web.desk.accounts import Accounts
from bot.web.desk.desk import FIRST_ACCOUNT, idle_minutes, make_first_account
from bot.web.desk.provider import has_local_sign_in, load_provider
from bot.web.port import given_out, hold
from bot.web.serve import log_format
from bot.web.settings import load_settings
from bot.yaml_files import YamlFault
from scripts.check_data import find_all
from scripts.processes import (
    ENDING_WITH_US,
    LOOPBACK,
    ORDERS,
    PORT,
    CannotStart,
    process_settings,
    write_configuration,
)
from scripts.train import ONE_THREAD, QUIET, ensure_model
from scripts.watchdog import EVERY_S, Watchdog, watchdog

FIGURES = "PROMETHEUS_MULTIPROC_DIR"  # the library's name for it
IN_MEMORY = Path("/dev/shm")  # noqa: S108 (a folder of our own is made there)
OWN_FOLDER = "clinic-bot-"  # and our process id
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 (named, not bound)
READY_WITHIN_S = 600  # ten seconds on an idle machine, minutes for several of each process on a small and busy one
STOP_WITHIN_S = 20
THEN = "Mend it, then run `make migrate` or start again."
_LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d ")
_WARNING = re.compile(r"site-packages/.*: \w*Warning: ")


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Run until Ctrl-C; return the exit code."""
    try:
        settings = prepare(environ)
        port = hold_port(settings["HOST"], int(settings["PORT"]))
    except (SettingsFault, YamlFault, RuntimeError) as reason:
        print(f"The bot was not started.\n{reason}".replace(f"{ROOT}/", ""), file=sys.stderr)
        return 1
    with stopping_on_signals(), folder_in_memory() as folder, given_out(port, folder / PORT):
        given = kept_in_memory(settings, folder)
        with supervised(given, folder) as processes:
            return watch(processes, settings["ADDRESS"], watchdog(given, folder / ORDERS))
    return 0  # stopped by a signal, in order


def prepare(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the processes, once all that they need is there.

    Raises CannotStart, SettingsFault, StoreFault or YamlFault with a message that says what to do.
    """
    host, port = environ.get("HOST") or LOOPBACK, wanted_port(environ)
    load_clinic(CLINIC, environ)
    load_settings(environ)
    has_local_sign_in(environ, load_provider(environ))
    log_format(environ)
    refuse_faulty_content()
    hold_port(host, port).close()
    prepare_database(open_database(environ), environ)
    model = ensure_model()
    (ROOT / "var").mkdir(exist_ok=True)
    return {
        **{name: value for name, value in environ.items() if name not in FIRST_ACCOUNT},
        **process_settings(environ, port=port),
        "ADDRESS": f"http://{url_host(host)}:{port}",
        "HOST": host,
        "PORT": str(port),
        "PYTHON": sys.executable,
        "MODEL": str(model),
        "SANIC_HOST": "127.0.0.1",  # the action server listens everywhere unless told not to
        "SANIC_USE_UVLOOP": "no",  # uvloop keeps what it read last, a visitor's words, in a buffer that nobody clears
        **QUIET,
        **ONE_THREAD,
    }


def prepare_database(database: Database, environ: Mapping[str, str]) -> None:
    """Bring the tables up to date. Without them the chat answers all the same: danger must not wait for a disk.

    Raises CannotStart for faulty settings of the desk's first account.
    """
    try:
        database.prepare()
        prepare_desk(database, environ)
    except StoreFault as fault:
        print(f"Warning: {fault}\nThe chat starts without counts, questions and the desk. {THEN}", flush=True)


def prepare_desk(database: Database, environ: Mapping[str, str]) -> None:
    """Make the desk's first account where the environment names one. Raises CannotStart for its faulty settings."""
    try:
        make_first_account(Accounts(database, "", timedelta(minutes=idle_minutes(environ))), environ)
    except ValueError as fault:
        raise CannotStart(str(fault)) from None


def wanted_port(environ: Mapping[str, str]) -> int:
    """Return the PORT asked for. Raises CannotStart where it is no port number."""
    value = environ.get("PORT", "8080")
    if not re.fullmatch(r"[0-9]{1,5}", value) or not 0 < int(value) < 65536:
        raise CannotStart(f"PORT is {value!r}; use a number from 1 to 65535, for example: make run PORT=8081")
    return int(value)


def url_host(host: str) -> str:
    """Return the host by which this machine reaches a server that listens at `host`."""
    reachable = LOOPBACK if host in EVERYWHERE else host
    return f"[{reachable}]" if ":" in reachable else reachable


def refuse_faulty_content() -> None:
    """Raise CannotStart, with every fault, where the answers may not be published as they are."""
    faults, warnings = find_all(date.today())
    for warning in warnings:
        print(f"Warning: {warning}", flush=True)
    if faults:
        raise CannotStart("\n".join(faults) + "\nMend these in the files named, then start again.")


def hold_port(host: str, port: int) -> socket.socket:
    """Return a socket that listens at host:port. Raises CannotStart where nothing can."""
    try:
        return hold(host, port)
    except OSError as error:
        raise CannotStart(
            f"Port {port} on {host} can't be used ({error.strerror}). Is the bot running already? Stop what uses it, "
            f"or choose another port: make run PORT={port + 1 if port < 65535 else 8081}"
        ) from None


@contextlib.contextmanager
def folder_in_memory() -> Iterator[Path]:
    """Give a folder for our eyes only that is gone at the end, in memory where there is such a place.

    A disk that is full keeps nothing from starting, then, and ends nothing that runs.
    """
    place = IN_MEMORY if IN_MEMORY.exists() else None
    with tempfile.TemporaryDirectory(prefix=f"{OWN_FOLDER}{os.getpid()}-", dir=place) as folder:
        clear_left_behind(Path(folder).parent)
        yield Path(folder)


def clear_left_behind(place: Path) -> None:
    """Delete the folders of those who were killed before they could."""
    for folder in place.glob(f"{OWN_FOLDER}*"):
        if not Path("/proc", folder.name.removeprefix(OWN_FOLDER).split("-")[0]).exists():
            shutil.rmtree(folder, ignore_errors=True)


def kept_in_memory(settings: Mapping[str, str], folder: Path) -> Mapping[str, str]:
    """Return the settings with the places of what front servers keep there.

    One that is alone keeps who is in danger for itself when it starts anew (several have Redis); several keep what each
    counts, so that any of them tells it for all.
    """
    places = {} if settings.get("REDIS_URL") else {"LATCHES_FILE": str(folder / "latches.db")}
    if settings["FRONT_WORKERS"] != "1" and not settings.get(FIGURES):
        figures = folder / "figures"
        figures.mkdir()
        places[FIGURES] = str(figures)
    return {**settings, **places}


@contextlib.contextmanager
def supervised(settings: Mapping[str, str], folder: Path) -> Iterator[subprocess.Popen]:
    """Run supervisord, its files in `folder`, with the processes; stop them all on the way out."""
    configuration = write_configuration(settings, folder)
    command = [*ENDING_WITH_US, sys.executable, "-m", "supervisor.supervisord", "--configuration", str(configuration)]
    # A session of its own: Ctrl-C reaches this process alone, which then stops the others in order.
    processes = subprocess.Popen(
        command,
        cwd=ROOT,
        env=dict(settings),
        start_new_session=True,
        stdout=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    # Through a pipe: supervisord would open a file anew for each process and write over what stands there.
    threading.Thread(target=relay, args=[processes.stdout], daemon=True).start()
    try:
        yield processes
    finally:
        print("Stopping …", flush=True)
        processes.terminate()
        try:
            processes.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            os.killpg(processes.pid, signal.SIGKILL)
        print("Stopped.", flush=True)


def relay(lines: Iterable[str]) -> None:
    """Print each line of the processes as it comes: the one log."""
    for line in without_warnings(lines):
        print(line, end="", flush=True)


def without_warnings(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines but for Python warnings of installed packages, each with the line of code it shows.

    Sanic turns warnings on again whatever PYTHONWARNINGS says; they are about old packages and help nobody here.
    """
    in_warning = False
    for line in lines:
        if _WARNING.search(line):
            in_warning = True
        elif in_warning and not _LOG_LINE.match(line):
            in_warning = not line.startswith("  ")  # the line of code that it shows is its last
        else:
            in_warning = False
            yield line


@contextlib.contextmanager
def stopping_on_signals():
    """Turn a termination or a closed terminal into the same orderly end as Ctrl-C."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    with contextlib.suppress(KeyboardInterrupt):
        yield


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def watch(processes: subprocess.Popen, address: str, watchdog: Watchdog) -> int:
    """Tell when the bot is ready, then look after it until the processes end or Ctrl-C; return the exit code."""
    started = time.monotonic()
    print("Starting the processes …", flush=True)
    while not is_ready(address):
        waited = time.monotonic() - started
        if processes.poll() is not None:
            print("The processes ended; the lines above say why.", file=sys.stderr)
            return 1
        if waited > READY_WITHIN_S:
            print(f"Not ready after {waited:.0f} s; the lines above say why.", file=sys.stderr)
            return 1
        if int(waited) % 5 == 4:
            print(f"… {waited:.0f} s", flush=True)
        time.sleep(1)
    print(f"\nReady after {time.monotonic() - started:.0f} s. Open {address}  (Ctrl-C stops the bot)\n", flush=True)
    return look_after(processes, watchdog)


def look_after(processes: subprocess.Popen, watchdog: Watchdog) -> int:
    """Return supervisord's exit code once it has ended; until then have what hangs started anew."""
    while True:
        try:
            return processes.wait(EVERY_S)
        except subprocess.TimeoutExpired:
            for name in watchdog.look():
                print(f"{name} did not answer any more; it starts anew.", flush=True)


def is_ready(address: str) -> bool:
    """Whether a question goes the whole way through the bot."""
    try:
        return httpx.get(f"{address}/readyz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


if __name__ == "__main__":
    sys.exit(main())
