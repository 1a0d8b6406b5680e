"""Words planted with the real product in every way that they can go, and the search for what is left of them."""

import contextlib
import re
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import psutil

from bot.paths import ROOT
from tests.product import Run

NAME, PHONE, PHRASE = "Zanzibar Quillfeather", "555-018-73321", "marmalade xylophone"
PLANTED = (b"Quillfeather", b"018-73321", b"marmalade xylo")
SAID = f"my name is {NAME}, call me on {PHONE}, I think of a {PHRASE}"
JSON = {"Content-Type": "application/json"}
REQUEST = "/api/chat"


def plant(bot: Run) -> list[str]:
    """Say the words in chats, choices, errors and requests that are too large; return the ids of the chats."""
    with httpx.Client(base_url=bot.url, timeout=20) as http:
        chats = [chat(http, f"{SAID}. what tests are there?", "and for fibroids?", f"I am {NAME}, what is pcos")]
        chats += [chat(http, f"I am {NAME} and I am soaking a pad every hour", f"thanks {PHRASE}")]
        chats += [chat(http, f"I am {NAME} and I want to die. {PHONE}"), chat(http, f"{SAID} " + "really " * 100)]
        chats += [chat(http, "really " * 120 + SAID)]  # the end of what is long stays longest in buffers
        for refused in wrong_requests():
            response = http.post(REQUEST, **refused)
            assert 400 <= response.status_code < 500
            assert not any(words in response.content for words in PLANTED)
        http.get("/", params={"q": SAID})
        http.get(f"/{NAME}/{PHONE}")
        http.get("/api/answers/" + PHRASE)
        http.delete(f"/api/conversations/{NAME}")
        http.get("/", headers={"User-Agent": SAID, "Referer": f"https://x.example/?q={PHRASE}", "Cookie": f"a={PHONE}"})
    return chats


def chat(http: httpx.Client, *texts: str) -> str:
    """Have one chat; return its id."""
    sent: dict[str, str] = {}
    for text in texts:
        response = http.post(REQUEST, json={"text": text, **sent})
        assert response.status_code == 200
        sent["conversation"] = response.json()["conversation"]
    return sent["conversation"]


def wrong_requests() -> list[dict]:
    """Return requests that are refused, with the words in each."""
    return [
        {"json": {"choice": f"tests/{PHRASE}"}},
        {"json": {"text": SAID, "conversation": NAME}},
        {"json": {"text": SAID, "name": NAME}},
        {"json": {"text": [SAID]}},
        {"json": {"text": SAID + "a" * 1000}},
        {"json": {"text": SAID * 5_000}},
        {"content": f'{{"text": "{SAID}"'.encode(), "headers": JSON},
        {"content": f'{{"text": "{SAID}"}}\xff'.encode("latin-1"), "headers": JSON},
        {"content": SAID.encode(), "headers": {"Content-Type": f"text/{PHRASE.split()[0]}"}},
    ]


def crash(bot: Run, words: str) -> None:
    """Kill a process of the product with the words in its hands, and see it come back."""
    (process, *_) = bot.processes(words)
    turns = [threading.Thread(target=say_quietly, args=[bot, f"{SAID}, turn {number}"]) for number in range(8)]
    for turn in turns:
        turn.start()
    process.kill()
    for turn in turns:
        turn.join(30)
    bot.wait(bot.is_ready, 90)


def say_quietly(bot: Run, text: str) -> None:
    """Say something; the reply may be cut off with the process."""
    with contextlib.suppress(httpx.HTTPError):
        httpx.post(f"{bot.url}{REQUEST}", json={"text": text}, timeout=20)


# The search.


def files_that_hold(words: Sequence[bytes], *folders: Path) -> list[str]:
    """Return the files below the folders that hold any of the words; what the project itself ships is not read."""
    return [
        str(path)
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and any(word in path.read_bytes() for word in words)
    ]


def open_files(processes: Sequence[psutil.Process]) -> set[Path]:
    """Return the files that the processes have open for writing."""
    return {
        Path(file.path)
        for process in processes
        for file in process.open_files()
        if file.mode != "r" and Path(file.path).is_file()
    }


def told_to_processes(processes: Sequence[psutil.Process]) -> bytes:
    """Return the command lines and environments of the processes."""
    return b"\n".join(
        Path(f"/proc/{process.pid}/{name}").read_bytes() for process in processes for name in ("cmdline", "environ")
    )


def memory_that_holds(words: Sequence[bytes], process: psutil.Process) -> list[str]:
    """Return where in a process's own memory the words are: 'kind: the bytes around'. Also in what is not in use any
    more but not yet written over."""
    return [f"{name}: {found!r}" for name, region in regions(process) for found in around(words, region)]


def around(words: Sequence[bytes], region: bytes) -> Iterator[bytes]:
    for word in words:
        for hit in re.finditer(re.escape(word), region):
            yield region[max(0, hit.start() - 40) : hit.end() + 40]


def regions(process: psutil.Process) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of every part of memory that the process may write to."""
    with open(f"/proc/{process.pid}/mem", "rb", buffering=0) as memory:
        for line in Path(f"/proc/{process.pid}/maps").read_text().splitlines():
            place, rights, *_, name = [*line.split(maxsplit=5), ""][:6]
            if not rights.startswith("rw") or name.startswith("[v"):
                continue
            first, last = (int(part, 16) for part in place.split("-"))
            with contextlib.suppress(OSError, ValueError):
                memory.seek(first)
                yield name or "anonymous", memory.read(last - first)


def own_places() -> list[Path]:
    """Return the folders that the product may write into."""
    return [ROOT / "var", ROOT / ".rasa"]
