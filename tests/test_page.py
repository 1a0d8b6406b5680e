"""The words of the chat page come from data/page.yml."""

import pytest

from bot.paths import DATA
from bot.web.page import load_page
from bot.yaml_files import YamlFault

PAGE = DATA / "page.yml"


def test_settings_are_filled_in_and_a_counted_number_is_left_to_the_page(clinic, answers):
    page = load_page(PAGE, clinic.words, answers)
    assert clinic.phone in page["starting"]
    assert page["says"]["exit-more"].endswith("{n}")


def test_the_page_says_every_word_of_the_file(site, clinic, answers):
    page = load_page(PAGE, clinic.words, answers)
    html = site.get("/").text
    for name in ("sorry", "purpose", "pick", "question", "send", "start_over", "leave", "heading"):
        assert page[name].replace("'", "&#39;") in html, name
    for id, label in page["subjects"].items():
        assert f'data-choice="{id}">{label}</button>' in html


def test_a_button_that_leads_nowhere_is_refused_by_name(tmp_path, clinic, answers):
    path = tmp_path / "page.yml"
    path.write_text(PAGE.read_text().replace("tests/overview: Tests", "tests/overveiw: Tests"))
    with pytest.raises(YamlFault, match=r"tests/overveiw.*nearest: tests/overview"):
        load_page(path, clinic.words, answers)
