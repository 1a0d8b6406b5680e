"""Facts and errata: what the answers rest on."""

import shutil

import pytest
import yaml

from bot.paths import SOURCES
from bot.sources import AUDIENCES, load_sources
from bot.yaml_files import YamlFault

ERRATUM = {"title": "A slip", "harm": "Minor", "visitor": "…", "staff": "…", "answers": ["tests/pcos"]}
FACT = {"heading": "Tests", "line": 1, "audience": "visitor", "errata": ["ER-1"], "fact": "Tests exist."}


@pytest.fixture
def folder(tmp_path):
    """Return a function that writes small sources: one document R, one fact R-1, one erratum ER-1."""

    def write(fact: dict = FACT, erratum: dict = ERRATUM):
        documents = {"R": {"key": "article", "title": "An article", "published": None}}
        facts = {"documents": documents, "facts": {"R-1": fact}}
        (tmp_path / "facts.yml").write_text(yaml.safe_dump(facts))
        (tmp_path / "errata.yml").write_text(yaml.safe_dump({"errata": {"ER-1": erratum}}))
        return tmp_path

    return write


def without(entry: dict, key: str) -> dict:
    return {name: value for name, value in entry.items() if name != key}


def test_a_fact_knows_its_document_heading_and_errata(folder):
    fact = load_sources(folder()).facts["R-1"]
    assert (fact.document, fact.heading, fact.errata) == ("R", "Tests", ("ER-1",))


def test_an_erratum_without_cautions_asks_for_none(folder):
    assert load_sources(folder()).errata["ER-1"].cautions == ()


def test_a_document_without_a_date_has_none(folder):
    assert load_sources(folder()).documents["R"].published is None


def test_headings_come_once_each_in_the_order_cited(sources):
    found = sources.headings(["E-01", "R-11", "R-12", "R-01", "R-11"])
    assert [(document.key, heading) for document, heading in found] == [
        ("encyclopedia", sources.facts["E-01"].heading),
        ("rosh", "What Defines A Recurrent Miscarriage"),
        ("rosh", "Title"),
    ]


def test_no_facts_have_no_headings(sources):
    assert sources.headings([]) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        pytest.param({"fact": {**FACT, "audience": "everyone"}}, ["facts.yml: R-1: ", "everyone"], id="audience"),
        pytest.param({"fact": {**FACT, "errata": ["ER-99"]}}, ["facts.yml: R-1: ", "ER-99"], id="erratum"),
        pytest.param({"fact": without(FACT, "heading")}, ["facts.yml: R-1: ", "heading"], id="a fact's field"),
        pytest.param({"erratum": without(ERRATUM, "harm")}, ["errata.yml: ER-1: ", "harm"], id="an erratum's field"),
    ],
)
def test_a_fault_is_told_with_path_id_and_what_is_wrong(folder, changed, told):
    with pytest.raises(YamlFault) as raised:
        load_sources(folder(**changed))
    assert all(words in str(raised.value) for words in told)


def test_a_key_written_twice_in_the_facts_stops_the_loading(tmp_path):
    shutil.copytree(SOURCES, tmp_path, dirs_exist_ok=True)
    with (tmp_path / "facts.yml").open("a") as file:
        file.write('  R-01: {heading: "Title", line: 1, audience: "visitor", errata: [], fact: "Twice."}\n')
    with pytest.raises(YamlFault, match="R-01"):
        load_sources(tmp_path)


def test_the_contract_names_two_documents(sources):
    assert {document.key for document in sources.documents.values()} == {"rosh", "encyclopedia"}


def test_every_fact_stands_in_a_document_under_a_heading_for_an_audience(sources):
    for fact in sources.facts.values():
        assert fact.document in sources.documents, fact.id
        assert fact.heading.strip(), fact.id
        assert fact.audience in AUDIENCES, fact.id


def test_errata_bind_answers_and_cautions_that_exist(sources, answers):
    for erratum in sources.errata.values():
        assert set(erratum.answers) <= set(answers), erratum.id
        assert set(erratum.cautions) <= set(answers.frame.cautions), erratum.id


def test_the_harm_of_every_erratum_is_graded(sources):
    grades = {"Minor", "Significant", "Considerable", "Major", "Catastrophic"}
    assert {erratum.harm for erratum in sources.errata.values()} <= grades
