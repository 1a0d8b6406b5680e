"""What the desk understood becomes training examples, unless the bot understands worse with them."""

from datetime import date

import pytest
import yaml

from bot.encoder import shared_encoder
from bot.store.questions import MEANS, OPEN, REFUSED, TAUGHT, Questions
from scripts.evaluation.data import load_examples
from scripts.proposals import propose

FILE = 'version: "3.1"\nnlu:\n- intent: tests\n  metadata: {topic: pcos}\n  examples: |\n    - how is pcos found\n'
TEXT = "do they scan for zebra stripes in the womb lining"


@pytest.fixture
def questions(database) -> Questions:
    return Questions(database, shared_encoder().embed)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "tests.yml").write_text(FILE)
    return tmp_path


def ask(questions: Questions, text: str, answer: str | None = "tests/imaging", *, in_danger: bool = False) -> None:
    questions.keep(text, in_danger=in_danger, language="en", today=date(2026, 11, 21))
    group = questions.page(OPEN).groups[0]
    if answer:
        questions.decide(group.id, group.version, MEANS, by="anna", answer=answer)


def examples(folder) -> list[tuple[str, str]]:
    blocks = yaml.safe_load((folder / "tests.yml").read_text())["nlu"]
    return [(block["metadata"]["topic"], line[2:]) for block in blocks for line in block["examples"].splitlines()]


def test_what_means_an_answer_becomes_an_example_and_is_noted_without_words(questions, folder, capsys):
    ask(questions, TEXT)
    assert propose(questions, folder, list, folder / "log") == 0
    assert ("imaging", TEXT) in examples(folder)
    assert questions.counts()[TAUGHT] == 1
    log = (folder / "log").read_text()
    assert "taken: group" in log
    assert "zebra" not in log + capsys.readouterr().out


def test_what_makes_it_worse_is_refused_and_the_files_are_put_back(questions, folder, capsys):
    ask(questions, TEXT)
    assert propose(questions, folder, lambda: ["follow-up turns right: 0.5"], folder / "log") == 1
    assert (folder / "tests.yml").read_text() == FILE
    assert questions.counts()[REFUSED] == 1
    assert "follow-up turns right" in capsys.readouterr().out


def test_where_measuring_fails_nothing_is_changed(questions, folder):
    def fail() -> list[str]:
        raise RuntimeError("training failed")

    ask(questions, TEXT)
    with pytest.raises(RuntimeError, match="training failed"):
        propose(questions, folder, fail, folder / "log")
    assert (folder / "tests.yml").read_text() == FILE
    assert questions.counts()[MEANS] == 1


@pytest.mark.parametrize(
    ("text", "answer", "in_danger"),
    [
        pytest.param(TEXT, None, False, id="nobody said what it means"),
        pytest.param("is [name] at the clinic on zebra days", "tests/imaging", False, id="something was taken out"),
        pytest.param(load_examples()[0].text, "tests/imaging", False, id="an example already"),
        pytest.param(TEXT, "tests/imaging", True, id="somebody in danger"),
    ],
)
def test_other_questions_teach_nothing(questions, folder, text, answer, in_danger):
    ask(questions, text, answer, in_danger=in_danger)
    assert propose(questions, folder, list, folder / "log") == 0
    assert (folder / "tests.yml").read_text() == FILE
