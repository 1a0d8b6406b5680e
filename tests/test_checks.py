"""The rules of content: each one finds its fault, all faults come in one run, and the real answers have none."""

import re
import shutil
from dataclasses import replace
from datetime import date

import pytest

from bot.answers import load_answers
from bot.checks import check_answers, load_content, overdue
from bot.clinic import CONDITIONS, PLACEHOLDERS
from bot.paths import ANSWERS, CLINIC, DATA
from bot.sources import VISITOR, Fact
from bot.yaml_files import YamlFault
from scripts import check_data

FACT = {"text": "Tests can look for a cause.", "facts": ["R-1"]}
LONG = "One two three four five six seven eight nine ten one two three four five six seven eight nine ten on."
HARD = "Comprehensive immunological investigation necessitates multidisciplinary consideration."


def own(text: str) -> dict:
    """Return a paragraph in the bot's own words."""
    return {"text": text, "own": "bot"}


def visitor(*paragraphs: dict) -> dict:
    """Return the fields of a record with these paragraphs after one that cites a fact."""
    return {"visitor": [FACT, *paragraphs]}


def faults_of(content, folder=ANSWERS) -> list[str]:
    return check_answers(content, folder)


def test_the_small_content_that_these_tests_break_is_valid(content):
    assert faults_of(content()) == []


def test_the_real_answers_may_be_published():
    assert check_answers(load_content(DATA, PLACEHOLDERS, CONDITIONS), ANSWERS) == []


@pytest.mark.parametrize(
    ("id", "changes", "told"),
    [
        # words that are buttons
        pytest.param("tests/overview", {"title": "Causes overview"}, ["title", "causes/overview"], id="title twice"),
        pytest.param(
            "tests/overview",
            {"question": "about CAUSES overview?"},
            ["question", "causes/overview"],
            id="question twice",
        ),
        # grounds
        pytest.param(
            "causes/overview", {"visitor": [{"text": "A.", "facts": ["R-11"]}]}, ["R-11", "R-1"], id="no fact"
        ),
        pytest.param(
            "causes/overview", {"variants": {"other": [{"text": "A.", "facts": ["X-7"]}]}}, ["X-7"], id="variant's fact"
        ),
        pytest.param("causes/overview", {"staff": [{"text": "A.", "facts": ["X-8"]}]}, ["X-8"], id="staff's fact"),
        pytest.param("causes/overview", visitor({"text": "A.", "own": "ER-9"}), ["ER-9", "bot"], id="no such ground"),
        pytest.param(
            "causes/overview", {"staff": [{"text": "A.", "errata": ["ER-8"]}]}, ["ER-8"], id="no such erratum"
        ),
        pytest.param("causes/overview", {"visitor": [own("We say so.")]}, ["cites a fact"], id="nothing cited"),
        pytest.param("causes/overview", {"staff": []}, ["staff detail"], id="nothing for the desk"),
        # who may hear it
        pytest.param(
            "causes/overview", visitor({"text": "A dose.", "facts": ["R-2"]}), ["R-2", "staff"], id="staff only"
        ),
        pytest.param(
            "causes/overview",
            {"variants": {"other": [{"text": "A dose.", "facts": ["R-2"]}]}},
            ["R-2", "staff"],
            id="staff only, in a variant",
        ),
        pytest.param("causes/overview", visitor({"text": "Share.", "facts": ["R-9"]}), ["R-9"], id="not to be used"),
        pytest.param(
            "causes/overview", {"staff": [{"text": "Share.", "facts": ["R-9"]}]}, ["R-9"], id="not to be used by staff"
        ),
        # cautions
        pytest.param("causes/overview", visitor({"caution": "K99"}), ["K99", "frame.yml"], id="unknown caution"),
        pytest.param("warning_signs/pain", {}, ["K6"], id="warning signs without the emergency line"),
        pytest.param("causes/overview", visitor(own("Some take aspirin.")), ["K3", "aspirin"], id="a medicine named"),
        pytest.param(
            "causes/overview", {"title": "What aspirin does"}, ["K3", "aspirin"], id="a medicine in the title"
        ),
        # words, figures
        pytest.param("causes/overview", visitor(own("A hysterectomy.")), ["'hysterectomy'", "the wall"], id="a word"),
        pytest.param("causes/overview", {"title": "A hysterectomy"}, ["'hysterectomy'"], id="a word in the title"),
        pytest.param("causes/overview", {"question": "A hysterectomy?"}, ["'hysterectomy'"], id="a word on a button"),
        pytest.param(
            "causes/overview", {"variants": {"other": [own("A hysterectomy.")]}}, ["'hysterectomy'"], id="in a variant"
        ),
        pytest.param(
            "causes/overview", visitor(own("It was seen in 5%.")), ["5%", "older studies"], id="a bare figure"
        ),
        pytest.param(
            "causes/overview",
            visitor(own("In some older studies it was 5%."), own("Later it was 7%.")),
            ["2 figures", "5%", "7%"],
            id="two figures",
        ),
        # reading
        pytest.param("causes/overview", visitor(own(LONG)), ["21 words", "at most 20"], id="a long sentence"),
        pytest.param("causes/overview", {"visitor": [own(HARD)]}, ["grade", "at most 8"], id="hard words"),
        pytest.param(
            "causes/overview",
            {"variants": {"other": [own(HARD)]}},
            ["other", "at most 8"],
            id="hard words in a variant",
        ),
        # what is offered next
        pytest.param(
            "causes/overview", {"next": ["meta/menu", "tests/overveiw"]}, ["(nearest: tests/overview)"], id="a slip"
        ),
        pytest.param("causes/overview", {"next": ["meta/menu", "causes/overview"]}, ["itself"], id="leads to itself"),
        pytest.param("causes/overview", {"next": ["meta/menu"]}, ["two to four"], id="one button"),
        pytest.param("causes/overview", {"next": ["meta/menu", "tests/overview"] * 3}, ["two to four"], id="six"),
        pytest.param("safety/personal_advice", {"next": []}, ["two to four"], id="advice that leads nowhere"),
        # review
        pytest.param("causes/overview", {"reviewer": "  "}, ["reviewer"], id="nobody signs"),
        pytest.param("causes/overview", {"review_due": "2025-01-01"}, ["review_due"], id="due when reviewed"),
        pytest.param("causes/overview", {"review_due": "2026-02-01"}, ["12 months"], id="due after 13 months"),
        # settings
        pytest.param(
            "causes/overview", visitor(own("Call {clinic_fone}.")), ["(nearest: clinic_phone)"], id="a setting"
        ),
        pytest.param(
            "causes/overview", {"staff": [{"text": "Call {fone}.", "facts": ["R-2"]}]}, ["{fone}"], id="of staff"
        ),
    ],
)
def test_a_fault_is_told_with_its_path_id_and_remedy(content, id, changes, told):
    lines = faults_of(content({id: changes}))
    path = ANSWERS / f"{id.partition('/')[0]}.yml"
    assert any(line.startswith(f"{path}: {id}: ") and all(words in line for words in told) for line in lines), lines


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(visitor(own("Some take aspirin."), {"caution": "K3"}), id="a medicine with its caution"),
        pytest.param(visitor(own("In some older studies it was 5%.")), id="a figure with its phrase"),
        pytest.param(visitor(own("In some older studies it was 5% to 7%.")), id="a span is one figure"),
        pytest.param(visitor(own(LONG.replace(" on.", "."))), id="a sentence of 20 words"),
        pytest.param(visitor(own("Call {clinic_phone}.")), id="a setting"),
        pytest.param({"review_due": "2026-01-02"}, id="a review due after 366 days"),
        pytest.param({"staff": [{"text": "Take 5 mg, a hysterectomy.", "facts": ["R-2"]}]}, id="anything for the desk"),
        pytest.param(visitor({"text": "We say so.", "own": "ER-1"}), id="words on the ground of an erratum"),
    ],
)
def test_what_the_rules_allow_is_no_fault(content, changes):
    assert faults_of(content({"causes/overview": changes})) == []


def test_a_published_id_without_a_record_is_told_with_the_nearest(content):
    published = frozenset({"meta/menu", "causes/overview", "tests/overview", "tests/overviews"})
    (line,) = faults_of(content(published=published))
    assert line.startswith(f"{ANSWERS / 'tests.yml'}: tests/overviews: ")
    assert "(nearest: tests/overview)" in line


def test_a_record_that_is_not_published_is_told(content):
    (line,) = faults_of(content(published=frozenset({"meta/menu", "causes/overview"})))
    assert line.startswith(f"{ANSWERS / 'tests.yml'}: tests/overview: ")
    assert "published_ids.yml" in line


def test_an_answer_that_no_button_leads_to_is_told(content):
    alone = {"next": ["causes/overview", "causes/overview"]}
    (line,) = faults_of(content({"meta/menu": alone, "causes/overview": alone | {"next": ["meta/menu", "meta/menu"]}}))
    assert line.startswith(f"{ANSWERS / 'tests.yml'}: tests/overview: ")
    assert "meta/menu" in line


@pytest.mark.parametrize("id", ["safety/crisis", "meta/greet", "meta/thanks", "meta/out_of_scope", "meta/fallback"])
def test_what_the_bot_says_of_itself_needs_no_button(content, id):
    only_menu = {"next": ["causes/overview", "tests/overview"]}
    assert faults_of(content({id: {}, "meta/menu": only_menu})) == []


@pytest.mark.parametrize("id", ["safety/urgent", "safety/crisis"])
def test_a_safety_reply_needs_no_next_question(content, id):
    assert faults_of(content({id: {"next": []}})) == []


def test_safety_texts_are_held_to_a_lower_grade(content):
    text = {"visitor": [own("Please contact the hospital team after the visit today, and tell them again.")]}
    lines = faults_of(content({"safety/urgent": text}))
    assert [line for line in lines if "safety/urgent" in line and "at most 6" in line]
    assert faults_of(content({"clinic/about": text})) == []


def test_all_answers_together_are_held_to_an_average_grade(content):
    text = "Please contact the hospital team after the visit today, and tell them again."
    cited = {"visitor": [{"text": text, "facts": ["R-1"]}]}
    (line,) = faults_of(
        content({"meta/menu": {"visitor": [own(text)]}, "causes/overview": cited, "tests/overview": cited})
    )
    assert "average grade" in line
    assert "at most 6.5" in line


def test_an_erratum_asks_for_its_caution_where_its_fact_is_cited(content):
    bound = Fact("R-3", "R", "Tests", 3, VISITOR, ("ER-1",), "The dose is not given.")
    small = content().sources
    with_bound = replace(small, facts={**small.facts, "R-3": bound})
    cited = visitor({"text": "A dose is not given.", "facts": ["R-3"]})
    (line,) = faults_of(content({"causes/overview": cited}, sources=with_bound))
    assert line.startswith(f"{ANSWERS / 'causes.yml'}: causes/overview: ")
    assert all(words in line for words in ("K3", "ER-1"))
    carried = visitor({"text": "A dose is not given.", "facts": ["R-3"]}, {"caution": "K3"})
    assert faults_of(content({"causes/overview": carried}, sources=with_bound)) == []
    # the erratum does not bear on this answer
    assert faults_of(content({"tests/overview": cited}, sources=with_bound)) == []


def test_a_fact_that_no_answer_uses_is_told_in_the_file_where_the_reason_goes(content):
    small = content().sources
    unused = Fact("R-4", "R", "Tests", 4, VISITOR, (), "Nobody says this.")
    more = replace(small, facts={**small.facts, "R-4": unused})
    (line,) = faults_of(content(sources=more))
    assert "R-4" in line
    assert faults_of(content(sources=more, unused_facts={"R-4": "said elsewhere"})) == []
    assert line.startswith(f"{ANSWERS.parent / 'sources' / 'unused_facts.yml'}: ")


def test_a_fact_listed_as_unused_but_used_is_told(content):
    (line,) = faults_of(content(unused_facts={"R-1": "no longer true"}))
    assert "R-1" in line
    assert "take it off" in line


def test_all_faults_come_in_one_run(content):
    broken = content(
        {
            "meta/menu": {"visitor": [own("A hysterectomy.")]},
            "causes/overview": {"next": ["meta/menu"], "reviewer": ""},
            "warning_signs/pain": {"visitor": [{"text": "It was 5%.", "facts": ["R-2"]}]},
        },
        unused_facts={"R-1": "planted"},
    )
    lines = faults_of(broken)
    for planted in ("'hysterectomy'", "two to four", "reviewer", "for staff only", "K6", "5%", "R-1 is listed"):
        assert [line for line in lines if planted in line], planted
    assert all(re.fullmatch(r"[^:]+\.yml: \S+: .+", line) for line in lines)


# Review dates, and the command.


def test_a_review_is_overdue_from_the_day_after_it_was_due(content):
    answers = content({"causes/overview": {"review_due": "2025-06-30"}}).answers
    assert overdue(answers, date(2025, 6, 30)) == []
    (warning,) = overdue(answers, date(2025, 7, 1))
    assert warning.startswith("causes/overview: ")


def test_an_old_clone_has_warnings_and_no_faults():
    faults, warnings = check_data.find_all(date(2040, 1, 1))
    assert faults == []
    assert len(warnings) == len(load_answers(ANSWERS))  # a demonstration's numbers never grow old


def test_the_command_shows_faults_of_the_settings_and_of_the_content_and_fails(tmp_path, monkeypatch, capsys):
    settings = tmp_path / "clinic.yml"
    settings.write_text(CLINIC.read_text().replace("\n  hours:", "\n  huors:"))
    data = shutil.copytree(DATA, tmp_path / "data", ignore=shutil.ignore_patterns("nlu"))
    support = data / "answers" / "support.yml"
    support.write_text(re.sub(r"(?m)^    next: .*\n", "", support.read_text()))
    monkeypatch.setattr(check_data, "CLINIC", settings)
    monkeypatch.setattr(check_data, "DATA", data)
    assert check_data.main([]) == 1
    shown = capsys.readouterr().out
    assert "clinic.yml: hours: is missing" in shown
    assert "support.yml: support/blame: " in shown


def test_the_command_shows_only_what_it_is_asked_for(tmp_path, monkeypatch, capsys):
    settings = tmp_path / "clinic.yml"
    settings.write_text(CLINIC.read_text().replace("\n  hours:", "\n  huors:"))
    monkeypatch.setattr(check_data, "CLINIC", settings)
    assert check_data.main(["tests/pcos"]) == 0
    assert "hours" not in capsys.readouterr().out
    assert check_data.main(["clinic.yml"]) == 1
    assert "hours" in capsys.readouterr().out


def test_a_file_of_the_wrong_form_stops_the_reading_of_the_content(tmp_path):
    data = shutil.copytree(DATA, tmp_path / "data", ignore=shutil.ignore_patterns("nlu"))
    (data / "published_ids.yml").write_text("publishd: {}\n")
    with pytest.raises(YamlFault, match="'published:'"):
        load_content(data, PLACEHOLDERS, CONDITIONS)


@pytest.mark.parametrize("name", check_data.SETTINGS)
@pytest.mark.parametrize("written", ["", "{top}:\n", "{top}: 5\n", "[1\n", "other: {{}}\n"])
def test_settings_of_the_wrong_form_are_one_line_each_before_anything_starts(name, written, tmp_path):
    for each in check_data.SETTINGS:
        shutil.copy(DATA / each, tmp_path)
    assert list(check_data.settings_faults(tmp_path)) == []
    (tmp_path / name).write_text(written.format(top=name.removesuffix(".yml")))
    (told,) = check_data.settings_faults(tmp_path)
    assert told.startswith(f"{tmp_path / name}: ")
