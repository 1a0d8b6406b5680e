"""A visitor's words are in memory only, and no longer than they may be: planted in the real product, then searched for.

FORGET_AFTER_MINUTES is a few seconds here, and SCRUB_MEMORY has what is given back written over, so that the memory of
the processes can be read as it is: whatever is found there is still held by something.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from redis import Redis

from tests.planted import (
    PLANTED,
    SAID,
    crash,
    files_that_hold,
    memory_that_holds,
    open_files,
    own_places,
    plant,
    told_to_processes,
)
from tests.product import Run, running
from tests.services import eventually

pytestmark = [pytest.mark.long, pytest.mark.model, pytest.mark.servers, pytest.mark.timeout(900)]

FORGET_AFTER_S = 15
GONE_WITHIN_S = 60  # of the last turn: the time to live, a thirtieth of it twice, and other visitors' turns in between
MODES = {
    "in memory": {},
    "in Redis": {"FRONT_WORKERS": "2", "RASA_WORKERS": "2"},
}
KINDS = ("rasa_sdk", "rasa run", "bot.web", "redis-server")


@pytest.fixture(scope="module", params=MODES.values(), ids=MODES)
def places(request, tmp_path_factory) -> Iterator[tuple[Run, Path, Path]]:
    """The product with a folder for its temporary files, and its log."""
    temporary, log = tmp_path_factory.mktemp("temporary"), tmp_path_factory.mktemp("log") / "log"
    settings = {"FORGET_AFTER_MINUTES": str(FORGET_AFTER_S / 60), "SCRUB_MEMORY": "1", "TMPDIR": str(temporary)}
    with log.open("w") as output, running(output=output, **settings, **request.param) as bot:
        yield bot, temporary, log


@pytest.fixture(scope="module")
def planted(places) -> list[str]:
    """The ids of the chats with the words in them."""
    return plant(places[0])


def redis_of(bot: Run) -> Redis | None:
    """Return a client of the product's own Redis, None where it has none."""
    (process, *_) = bot.processes("bot.web")
    url = process.environ().get("REDIS_URL")
    return Redis.from_url(url) if url else None


def all_of(redis: Redis) -> bytes:
    """Return every key and every value."""
    keys = list(redis.scan_iter())
    return b"\n".join([*keys, *(redis.get(key) or b"" for key in keys)])


def test_the_search_finds_what_is_there(places, planted, tmp_path):
    """A search that found nothing where the words are would prove nothing elsewhere."""
    bot, *_ = places
    assert memory_that_holds(PLANTED, psutil.Process())  # this one: the test has them from the start
    if redis := redis_of(bot):
        redis.set("planted", PLANTED[0], px=5_000)
        assert PLANTED[0] in all_of(redis)
        redis.delete("planted")
    tmp_path.joinpath("file").write_bytes(b"x" + PLANTED[1] + b"x")
    assert files_that_hold(PLANTED, tmp_path)


def test_redis_never_gets_them(places, planted):
    """Not even while the chat goes on: of a conversation only its slots are kept (bot/server/memory.py)."""
    bot, *_ = places
    plant(bot)
    if redis := redis_of(bot):
        assert not any(words in all_of(redis) for words in PLANTED)


def test_no_file_no_log_no_command_line_and_no_environment_holds_them(places, planted):
    bot, temporary, log = places
    assert files_that_hold(PLANTED, *own_places(), temporary, log.parent) == []
    assert not [path for path in open_files(bot.processes()) if files_that_hold(PLANTED, path.parent)]
    assert not any(words in told_to_processes(bot.processes()) for words in PLANTED)


def test_what_is_to_be_forgotten_at_once_is(places, planted):
    bot, *_ = places
    answered = httpx.post(f"{bot.url}/api/chat", json={"text": f"only here: {SAID} forgetmenot"}, timeout=20).json()
    assert httpx.delete(f"{bot.url}/api/conversations/{answered['conversation']}").status_code == 204
    if redis := redis_of(bot):
        assert b"forgetmenot" not in all_of(redis)
    else:
        (rasa,) = bot.processes("rasa run")
        eventually(lambda: not memory_that_holds([b"forgetmenot"], rasa), GONE_WITHIN_S, each_s=1)


@pytest.mark.parametrize("killed", ["rasa_sdk", "rasa run", "bot.web"])
def test_a_crash_in_the_middle_of_a_turn_leaves_nothing_on_a_disk(places, planted, killed):
    bot, temporary, log = places
    crash(bot, killed)
    assert files_that_hold(PLANTED, *own_places(), temporary, log.parent) == []


def test_after_the_time_nothing_holds_them(places, planted):
    """Not Redis, and not the memory of any process; other visitors came in between, as they do."""
    bot, *_ = places
    plant(bot)
    time.sleep(FORGET_AFTER_S * 1.2)
    redis = redis_of(bot)
    assert not redis or not any(words in all_of(redis) for words in PLANTED)
    until = time.monotonic() + GONE_WITHIN_S
    while (held := still_held(bot)) and time.monotonic() < until:
        time.sleep(2)
    assert held[:10] == []


def still_held(bot: Run) -> list[str]:
    """Return where the words still are, after some other visitor's turns."""
    for _ in range(5):
        bot.chat("what is pcos")
    return [
        f"{kind}: {place}"
        for kind in KINDS
        for process in bot.processes(kind)
        for place in memory_that_holds(PLANTED, process)
    ]


def test_the_end_leaves_nothing_on_a_disk(places, planted):
    bot, temporary, log = places
    bot.process.terminate()
    bot.process.wait(40)
    assert files_that_hold(PLANTED, *own_places(), temporary, log.parent) == []
    assert not list(Path.cwd().glob("core*"))
    assert "Ready after" in log.read_text()
