"""The front server's log: two formats, no line of a visitor's making, and never a reason to wait."""

import json
import logging
import subprocess
import sys

import httpx
import pytest

from bot.paths import ROOT
from bot.web import log
from bot.web.serve import log_config
from tests.product import front_alone

DANGER = "I am soaking a pad every hour"
LOGS = """
import logging, logging.config
from bot.web.serve import log_config
logging.config.dictConfig(log_config({format!r}))
logging.getLogger("bot.web.chat").info({message!r}, extra={{"answer": "causes/pcos"}})
logging.getLogger("uvicorn.error").info("too little to be told")
"""


def logged(format: str, message: str) -> str:
    code = LOGS.format(format=format, message=message)
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_a_line_for_people_has_time_level_and_place():
    (line,) = logged("line", "hello").splitlines()
    assert line.endswith("INFO    bot.web.chat  hello")


def test_a_line_for_programs_is_one_object():
    (line,) = logged("json", "hello").splitlines()
    entry = json.loads(line)
    assert (entry["level"], entry["logger"], entry["message"]) == ("INFO", "bot.web.chat", "hello")
    assert entry["answer"] == "causes/pcos"
    assert entry["time"].endswith("+0000") or entry["time"][-5] in "+-"


@pytest.mark.parametrize("message", ["a\nb", "a\r\nb", "a\u2028b", 'a", "level": "ERROR', "a\x1b[2Jb", "a\x00b"])
def test_no_message_makes_a_second_line_of_json(message):
    (line,) = logged("json", message).splitlines()
    assert json.loads(line)["message"] == message


def test_a_server_whose_log_nobody_reads_answers_on():
    """The output is a pipe that nobody empties: it holds 64 kB, some 900 lines."""
    with front_alone() as (port, _), httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=5) as client:
        for _ in range(700):  # two lines each
            reply = client.post("/api/chat", json={"text": DANGER}).json()["replies"][0]
            assert reply["kind"] == "urgent"


def test_lines_that_cannot_be_written_are_dropped_and_told(monkeypatch):
    monkeypatch.setattr(log, "WAITING", 5)
    handler = log.NeverWaiting()
    handler._listener.stop()  # nobody writes
    record = logging.makeLogRecord({"msg": "line"})
    for _ in range(20):
        handler.emit(record)
    assert handler.queue.qsize() == 5
    assert handler._dropped == 15


def test_the_format_is_taken_from_the_settings():
    assert log_config("json")["handlers"]["out"]["formatter"] == "json"
    assert set(log_config("line")["formatters"]) == {"line", "json"}
