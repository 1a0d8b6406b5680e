"""The records of data/answers/: their form, how they are found, and how a fault of form is told."""

import shutil

import pytest
from pydantic import ValidationError

from bot.answers import Answers, Paragraph, load_answers, nearest
from bot.paths import ANSWERS, DATA
from bot.yaml_files import YamlFault, read_yaml

PCOS = """
answers:
  tests/pcos:
    title: Tests for PCOS
    question: How is PCOS found?
    visitor:
      - {text: First., facts: [R-01, E-02]}
      - {text: Second., facts: [E-02, R-03]}
      - {caution: K6}
    reviewed_on: 2025-01-01
    review_due: 2025-12-31
    reviewer: A clinician
"""


@pytest.fixture
def folder(tmp_path):
    """A folder of answers with the real frame and one record, tests/pcos."""
    shutil.copy(ANSWERS / "frame.yml", tmp_path)
    (tmp_path / "tests.yml").write_text(PCOS)
    return tmp_path


def faults_of(folder) -> list[str]:
    with pytest.raises(YamlFault) as raised:
        load_answers(folder)
    return str(raised.value).splitlines()


def test_a_record_is_found_by_its_id(folder):
    answers = load_answers(folder)
    assert list(answers) == ["tests/pcos"]
    assert len(answers) == 1
    assert answers["tests/pcos"].title == "Tests for PCOS"
    assert "tests/pcos_2" not in answers


def test_an_id_is_a_facet_and_a_topic(folder):
    answer = load_answers(folder)["tests/pcos"]
    assert (answer.facet, answer.topic) == ("tests", "pcos")


def test_the_facts_of_an_answer_come_once_each_in_the_order_cited(folder):
    assert load_answers(folder)["tests/pcos"].fact_ids == ("R-01", "E-02", "R-03")


def test_a_record_cannot_be_changed_once_loaded(folder):
    with pytest.raises(ValidationError):
        load_answers(folder)["tests/pcos"].title = "Another"


def test_every_published_id_has_its_record(answers):
    published = read_yaml(DATA / "published_ids.yml", "published")
    assert set(answers) == {f"{facet}/{topic}" for facet, topics in published.items() for topic in topics}


@pytest.mark.parametrize(
    ("id", "kind"),
    [
        ("causes/pcos", "answer"),
        ("clinic/consultation", "answer"),
        ("meta/menu", "answer"),  # of the meta answers only those with a kind of their own in the contract differ
        ("meta/greet", "small_talk"),
        ("meta/goodbye", "small_talk"),
        ("meta/thanks", "small_talk"),
        ("meta/not_covered", "not_covered"),
        ("meta/out_of_scope", "out_of_scope"),
        ("meta/fallback", "fallback"),
        ("safety/urgent", "urgent"),
        ("safety/crisis", "crisis"),
        ("safety/personal_advice", "advice"),
    ],
)
def test_an_answer_is_of_the_kind_that_the_contract_gives_it(answers, id, kind):
    assert answers[id].kind == kind


@pytest.mark.parametrize(
    "paragraph",
    [
        pytest.param({"text": "Words."}, id="on nothing"),
        pytest.param({"text": "Words.", "facts": []}, id="on no fact"),
        pytest.param({"text": "Words.", "facts": ["R-01"], "own": "bot"}, id="on facts and our own words"),
        pytest.param({"text": "Words.", "caution": "K6"}, id="a caution with a text beside that of the frame"),
        pytest.param({"caution": "K6", "own": "bot"}, id="a caution with another ground"),
        pytest.param({"facts": ["R-01"]}, id="no text"),
    ],
)
def test_a_paragraph_rests_on_exactly_one_thing(paragraph):
    with pytest.raises(ValidationError):
        Paragraph.model_validate(paragraph)


@pytest.mark.parametrize(
    "paragraph",
    [{"text": "Words.", "facts": ["R-01"]}, {"text": "Words.", "own": "ER-01"}, {"caution": "K6"}],
)
def test_facts_own_words_and_a_caution_are_each_ground_enough(paragraph):
    assert Paragraph.model_validate(paragraph)


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        pytest.param(("question:", "questoin:"), ["questoin", "(nearest: question)"], id="a key with a slip"),
        pytest.param(("    title: Tests for PCOS\n", ""), ["title", "add it"], id="a missing key"),
        pytest.param(("2025-01-01", "soon"), ["reviewed_on"], id="a date that is none"),
        pytest.param(
            ("facts: [R-01, E-02]", "own: bot, facts: [R-01]"), ["visitor.0", "exactly one"], id="two grounds"
        ),
        pytest.param(("tests/pcos", "causes/pcos"), ["causes.yml"], id="a record in the file of another facet"),
    ],
)
def test_a_fault_is_told_with_path_id_and_remedy(folder, edit, told):
    file = folder / "tests.yml"
    file.write_text(PCOS.replace(*edit))
    (line,) = [line for line in faults_of(folder) if all(words in line for words in told)]
    assert line.startswith(f"{file}: {'causes' if 'causes/pcos' in edit else 'tests'}/pcos: ")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("answers: {tests/pcos: only words}\n", id="words in place of a record"),
        pytest.param("answers: [tests/pcos]\n", id="a list in place of records"),
        pytest.param("answers: {12: {title: Twelve}}\n", id="an id that is a number"),
    ],
)
def test_what_is_no_record_is_told_with_its_file(folder, content):
    (folder / "tests.yml").write_text(content)
    assert faults_of(folder)[0].startswith(f"{folder / 'tests.yml'}: ")


def test_all_faults_of_all_files_come_in_one_run(tmp_path):
    folder = shutil.copytree(ANSWERS, tmp_path / "answers")
    edits = {"causes": ("title:", "titel:"), "support": ("reviewer:", "reveiwer:"), "tests": ("text:", "text")}
    for name, edit in edits.items():
        file = folder / f"{name}.yml"
        file.write_text(file.read_text().replace(*edit))
    (folder / "clinic.yml").write_text("answers: {clinic/about: {}}\n")
    faults = faults_of(folder)
    for name in ("causes", "support", "tests", "clinic"):
        assert any(fault.startswith(f"{folder / name}.yml: ") for fault in faults), name


def test_a_missing_frame_stops_the_loading(folder):
    (folder / "frame.yml").unlink()
    assert faults_of(folder)[0].startswith(f"{folder / 'frame.yml'}: ")


def test_a_word_missing_from_the_frame_is_named(folder):
    frame = folder / "frame.yml"
    frame.write_text(frame.read_text().replace("  disclaimer: >-", "  disclamer: >-"))
    faults = faults_of(folder)
    assert any("disclaimer: is missing" in fault for fault in faults)
    assert any("(nearest: disclaimer)" in fault for fault in faults)


def test_a_file_without_records_is_no_fault(folder):
    (folder / "prevention.yml").write_text("answers:\n")
    assert isinstance(load_answers(folder), Answers)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("treatments/cervx", " (nearest: treatments/cervix)"), ("something else", "")],
)
def test_the_nearest_name_is_a_hint_and_only_where_one_is_near(name, hint):
    assert nearest(name, ["treatments/cervix", "causes/weight"]) == hint
