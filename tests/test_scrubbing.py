"""With SCRUB_MEMORY what is given back is written over, by Python and by Redis; without it words are found later."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from scripts.processes import SCRUBBING
from tests.planted import PLANTED, memory_that_holds
from tests.services import eventually, redis_server

# Says 'made' with the words in memory, then 'dropped' without, each followed by a line from us. The words are made
# from parts, so that the program's own text does not hold them.
PROGRAM = """
import gc
class Words: pass
end = "feather, "
said = [("my name is Quill" + end) * times for times in (1, 2, 5, 50, 500, 5000) for _ in range(50)]
two = Words(); two.said = [words.encode() for words in said]; two.itself = two
print("made", flush=True); input()
del said, two; gc.collect()
print("dropped", flush=True); input()
"""


@contextlib.contextmanager
def program(environ: dict[str, str]) -> Iterator[subprocess.Popen]:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def found_when(process: subprocess.Popen, said: str) -> int:
    """Return how often the words are in the memory of the process at the time it says so, and let it go on."""
    assert process.stdout.readline().strip() == said
    found = len(memory_that_holds(PLANTED, psutil.Process(process.pid)))
    process.stdin.write("\n")
    process.stdin.flush()
    return found


@pytest.mark.parametrize(("environ", "is_left"), [({}, True), (SCRUBBING, False)], ids=["as it is", "scrubbed"])
def test_what_python_dropped(environ, is_left):
    with program(environ) as process:
        assert found_when(process, "made") > 1_000
        assert bool(found_when(process, "dropped")) == is_left


@pytest.mark.parametrize(("environ", "is_left"), [({}, True), (SCRUBBING, False)], ids=["as it is", "scrubbed"])
def test_what_redis_dropped(tmp_path, environ, is_left):
    with redis_server(tmp_path, environ) as server:
        for number in range(20):
            server.client.set(f"conversation:{number}", "my name is Quillfeather " * 50, px=60_000)
        redis = psutil.Process(server.process.pid)
        assert len(memory_that_holds(PLANTED, redis)) >= 1_000
        for number in range(20):
            server.client.pexpire(f"conversation:{number}", 1)
        eventually(lambda: not server.client.dbsize(), 20)
        for _ in range(20):
            server.client.set("another", "x" * 1_200)
        assert bool(memory_that_holds(PLANTED, redis)) == is_left
