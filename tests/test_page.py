"""The words of the widget and of the demonstration page come from data/page.yml."""

import re

import pytest

from bot.paths import DATA
from bot.safety import SafetyCheck
from bot.web.page import load_page
from bot.wording import load_wording
from bot.yaml_files import YamlFault, read_yaml

PAGE = DATA / "page.yml"
PHRASES = [(id, phrase) for id, phrases in read_yaml(PAGE, "page")["phrases"].items() for phrase in phrases]


@pytest.fixture(scope="module")
def safety() -> SafetyCheck:
    return SafetyCheck(DATA / "safety.yml")


def test_settings_are_filled_in_and_a_counted_number_is_left_to_the_widget(clinic, answers):
    page = load_page(PAGE, clinic.words, answers)
    assert clinic.phone in page["site"]["starting"]
    assert page["widget"]["leave_more"].endswith("{n}")


def test_the_demonstration_page_says_every_word_of_its_part(site, clinic, answers):
    words = load_page(PAGE, clinic.words, answers)["site"]
    html = re.sub(r"<[^>]*>", "", site.get("/").text).replace("&#39;", "'").replace("&amp;", "&")
    for name in (
        "headline",
        "lead",
        "ask",
        "care",
        "visit",
        "contact",
        "hours",
        "today",
        "closing",
        "starting",
        "no_script",
    ):
        assert words[name] in html, name
    for title, text in words["cards"].items():
        assert title in html
        assert text in html


def test_the_subjects_lead_to_every_part_of_the_content(answers):
    subjects = read_yaml(PAGE, "page")["widget"]["subjects"]
    facets = {answer.facet for answer in answers.values()} - {"meta", "safety"}
    assert {id.partition("/")[0] for id in subjects} == facets


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (("tests/overview: Tests", "tests/overveiw: Tests"), r"subjects: tests/overveiw.*nearest: tests/overview"),
        (("safety/crisis:", "safety/crises:"), r"phrases: safety/crises.*nearest: safety/crisis"),
    ],
)
def test_what_leads_nowhere_is_refused_by_name(tmp_path, clinic, answers, wrong, told):
    path = tmp_path / "page.yml"
    path.write_text(PAGE.read_text().replace(*wrong))
    with pytest.raises(YamlFault, match=told):
        load_page(path, clinic.words, answers)


@pytest.mark.parametrize(("id", "phrase"), PHRASES, ids=[phrase for _, phrase in PHRASES])
def test_each_phrase_of_the_browser_is_a_danger_to_the_full_check_too(safety, id, phrase):
    finding = safety.find(phrase)
    assert finding
    assert finding.answer == id or finding.also_crisis


def test_no_word_of_the_widget_shouts(clinic, answers):
    assert not re.search(r"[!\U0001F300-\U0001FAFF]", PAGE.read_text())


def words_of(value) -> list[str]:
    """Return every text in a part of the page."""
    if isinstance(value, dict):
        return [text for key, each in value.items() for text in [*words_of(key), *words_of(each)]]
    return [text for each in value for text in words_of(each)] if isinstance(value, list) else [value]


def test_the_page_keeps_the_rules_of_wording_and_can_be_read_by_all(clinic, answers):
    wording = load_wording(DATA / "wording.yml")
    page = load_page(PAGE, clinic.words, answers)
    texts = [*words_of(page["widget"]), *words_of(page["site"])]
    assert [text for text in texts if list(wording.offences(text, "page"))] == []
    assert [text for text in texts if len(text.split()) > 6 and wording.grade(text) > 8] == []
