"""A changed file comes into force without a restart, a faulty one leaves the old words and says what is wrong."""

import logging
import shutil
from datetime import date, timedelta

import pytest

from bot.clinic import WARN_AFTER_DAYS
from bot.live import Live, Places
from bot.paths import CLINIC, DATA

BEFORE, AFTER = "Booking a consultation", "How to book a visit"


@pytest.fixture
def places(tmp_path) -> Places:
    """A copy of the content that a test may edit."""
    for name in ("answers", "sources"):
        shutil.copytree(DATA / name, tmp_path / "data" / name)
    for path in DATA.glob("*.yml"):
        shutil.copy(path, tmp_path / "data")
    shutil.copy(CLINIC, tmp_path)
    return Places(tmp_path / "data", tmp_path / "data" / "answers", tmp_path / "clinic.yml")


@pytest.fixture
def live(places) -> Live:
    return Live(lambda published: published.renderer, places, {})


def edit(path, old, new) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def looks(live) -> bool:
    """Look as often as it takes for a file to have stood still."""
    return [live.look(), live.look()][-1]


def title(live) -> str:
    return live.made.reply("clinic/consultation")["title"]


def test_nothing_happens_while_nothing_changes(live):
    before = live.made
    assert not looks(live)
    assert live.made is before


def test_a_changed_answer_is_said_once_it_has_stood_still(live, places):
    edit(places.answers / "clinic.yml", BEFORE, AFTER)
    assert not live.look()  # it may still be being written
    assert live.look()
    assert title(live) == AFTER
    assert live.faults == ()


def test_a_changed_setting_of_the_clinic_is_said(live, places):
    edit(places.clinic, "212-555-0142", "212-555-0177")
    assert looks(live)
    assert live.made.reply("clinic/consultation")["consultation"]["phone"] == "212-555-0177"


def test_numbers_verified_long_ago_are_taken_with_a_warning(live, places, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("bot"), "propagate", True)
    long_ago = date.today() - timedelta(days=WARN_AFTER_DAYS + 1)
    edit(places.clinic, "demo: true", "demo: false")
    edit(places.clinic, f"verified_on: {live.now.clinic.verified_on}", f"verified_on: {long_ago}")
    assert looks(live)
    assert "call each number" in caplog.text


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("data/answers/clinic.yml", "    title: Booking", "    titel: Booking", ["clinic/consultation", "titel"]),
        ("data/answers/tests.yml", "next: [tests/history", "next: [tests/histroy", ["nearest: tests/history"]),
        ("data/answers/tests.yml", "facts: [R-99", "facts: [R-999", ["R-999", "cite a fact"]),
        ("data/answers/clinic.yml", "answers:", "answers: [", ["data/answers/clinic.yml", "line"]),
        ("clinic.yml", "emergency_number:", "emergency_numbr:", ["emergency_number", "missing"]),
        ("data/desk.yml", "  skip:", "  skipp:", ["data/desk.yml", "skip: is missing; put it back"]),
        ("data/sources/facts.yml", 'audience: "visitor",', 'audience: "all",', ["audience", "use one of"]),
    ],
)  # fmt: skip
def test_a_faulty_change_leaves_the_old_words_and_names_path_fault_and_remedy(live, places, file, old, new, said):
    before = live.made
    path = places.clinic.parent / file
    kept = path.read_text()
    edit(path, old, new)
    assert not looks(live)
    assert live.made is before
    assert all(any(words in fault for fault in live.faults) for words in said), live.faults
    assert path.name in " ".join(live.faults)
    path.write_text(kept)  # mended
    assert not looks(live)  # the same words as before
    assert live.faults == ()


def test_a_file_that_is_gone_is_a_fault_and_no_crash(live, places):
    (places.data / "wording.yml").unlink()
    assert not looks(live)
    assert "put it back" in live.faults[0]


def test_what_is_no_file_is_a_fault_and_the_next_change_is_taken(live, places):
    kept = (places.answers / "causes.yml").read_text()
    (places.answers / "causes.yml").unlink()
    (places.answers / "causes.yml").mkdir()
    assert not looks(live)
    assert "causes.yml: can't be read" in live.faults[0]
    (places.answers / "causes.yml").rmdir()
    (places.answers / "causes.yml").write_text(kept)
    edit(places.answers / "clinic.yml", BEFORE, AFTER)
    assert looks(live)
    assert title(live) == AFTER


def test_whatever_breaks_a_look_the_next_is_taken(live, places, monkeypatch):
    monkeypatch.setattr("bot.live.checked", lambda *given: 1 / 0)
    edit(places.answers / "clinic.yml", BEFORE, AFTER)
    assert not looks(live)
    assert "take the last change back" in live.faults[0]


def test_what_a_server_cannot_make_of_it_is_a_fault_too(places):
    from bot.yaml_files import YamlFault

    def makes(published):
        if published.content.answers["clinic/consultation"].title == AFTER:
            raise YamlFault("data/page.yml: subjects: x does not exist; name an answer")
        return published.renderer

    live = Live(makes, places, {})
    edit(places.answers / "clinic.yml", BEFORE, AFTER)
    assert not looks(live)
    assert title(live) == BEFORE
    assert live.faults == ("data/page.yml: subjects: x does not exist; name an answer",)


def test_a_server_is_told_of_new_words_by_itself(live, places, monkeypatch):
    import threading

    monkeypatch.setattr("bot.live.LOOK_EVERY_S", 0.05)
    told, seen = threading.Event(), []
    live.watch(lambda made: (seen.append(made), told.set()))
    edit(places.answers / "clinic.yml", BEFORE, AFTER)
    assert told.wait(30)
    live.stop()
    assert seen[0].reply("clinic/consultation")["title"] == AFTER
