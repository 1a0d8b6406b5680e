"""widget.js: one file with everything the widget needs, and small."""

import json
import re
import subprocess

import pytest

from bot.clinic import load_clinic
from bot.paths import CLINIC, ROOT
from bot.web.widget_file import PARTS, lines

FOLDER = ROOT / "bot" / "web" / "widget"
MAX_GZIPPED = 12_000  # bytes, of all that is needed before the first question


@pytest.fixture
def script(site) -> str:
    return site.get("/widget.js").text


@pytest.fixture
def settings(script) -> dict:
    return json.JSONDecoder().raw_decode(script.partition("WIDGET=")[2])[0]


def test_everything_comes_in_one_small_response(site):
    response = site.get("/widget.js", headers={"Accept-Encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip"
    assert int(response.headers["Content-Length"]) <= MAX_GZIPPED
    assert not re.search(r"import\s*\(|https?://(?!clinic|[\w.]*example|www\.weather)", response.text)


def test_it_holds_the_words_the_numbers_and_the_safety_replies(settings, clinic, renderer):
    assert settings["frame"]["emergency"] == renderer.frame.emergency_line
    assert settings["clinic"]["exit"] == clinic.exit_url
    for id in ("safety/urgent", "safety/crisis"):
        assert settings["alarms"][id]["paragraphs"] == renderer.reply(id)["paragraphs"]
        assert settings["alarms"][id]["disclaimer"]
        assert settings["phrases"][id]


def test_every_word_that_the_parts_say_is_there_and_no_other(settings):
    code = "".join((FOLDER / f"{part}.js").read_text() for part in PARTS)
    said = set(re.findall(r"say\('(\w+)'", code)) | set(re.findall(r"'(sheet_\w+|keep\w*)'", code))
    said |= {"chat", "answers", "sheet", "you", "program", "options", "next"}  # named by what is shown
    said |= {"cleared", "cleared_here", "offline", "unreachable", "copied", "not_copied"}
    assert set(settings["words"]) == said


def test_every_part_is_in_it_and_it_is_one_program(script, tmp_path):
    assert set(PARTS) == {path.stem for path in FOLDER.glob("*.js")}
    (tmp_path / "widget.js").write_text(script)
    run = subprocess.run([ROOT / ".venv/bin/node", "--check", tmp_path / "widget.js"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    for words in ("/api/", "dialog", "alarm", "sessionStorage", "clipboard", "details", "clinic-chat"):  # one of each
        assert words in script


def test_each_number_of_the_clinic_stands_once_with_its_ways(clinic):
    ways = list(lines(clinic))
    numbers = [way["number"] for way in ways]
    assert len(numbers) == len(set(numbers))
    assert {clinic.emergency_number, clinic.crisis_line, clinic.dv_line, clinic.phone} <= set(numbers)
    assert {"number": clinic.crisis_line, "call": True, "text": clinic.crisis_text} in ways


def test_a_number_for_texts_alone_is_not_called(tmp_path):
    path = tmp_path / "clinic.yml"
    path.write_text(CLINIC.read_text().replace('crisis_text: "988"', 'crisis_text: "741741"'))
    ways = {way["number"]: way for way in lines(load_clinic(path, {}))}
    assert ways["741741"] == {"number": "741741", "call": False, "text": "741741"}
    assert ways["988"]["text"] == "741741"


def test_a_browser_that_has_it_is_told_so(site):
    etag = site.get("/widget.js").headers["ETag"]
    again = site.get("/widget.js", headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")


def test_a_browser_without_gzip_gets_it_as_it_is(site, script):
    plain = site.get("/widget.js", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert plain.text == script


def test_any_site_may_load_the_file_and_asks_whether_it_is_still_the_same(site):
    headers = site.get("/widget.js").headers
    assert headers["Cache-Control"] == "no-cache"
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"


@pytest.mark.parametrize("part", PARTS)
def test_no_text_is_ever_read_as_markup_or_as_code(part):
    code = (FOLDER / f"{part}.js").read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|\beval\b|new Function|document\.write|srcdoc", code)
    assert not re.search(r"localStorage|document\.cookie|history\.", code)
