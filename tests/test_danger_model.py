"""The trained reader of danger and how it stands beside the rules."""

import numpy as np
import pytest

from bot.danger_model import BOTH, CRISIS, NONE, URGENT, DangerModel, Reading, fit, is_held_out, label_of, read_examples
from bot.encoder import DIMENSION
from bot.paths import DATA
from bot.safety import READ, Finding, with_reading
from bot.yaml_files import YamlFault

ALARM = 0.3
RULE_D = Finding("safety/urgent", "D", "same_day", ("RF-10",))
RULE_E = Finding("safety/urgent", "E", None, ("RF-01",))
RULE_CRISIS = Finding("safety/crisis", None, "violence", ("CR-06",))


def reading(urgent=0.0, crisis=0.0, emergency=0.9, wording="self", who="self") -> Reading:
    return Reading(urgent, crisis, emergency, wording, who)


@pytest.fixture(scope="module")
def examples():
    return read_examples(DATA / "danger")


# The examples.


def test_no_message_is_there_twice_or_among_those_it_is_measured_with(examples):
    from scripts.evaluation.safety import blind

    texts = [entry.text for entry in (*examples.urgent, *examples.crisis, *examples.quiet)]
    assert len(set(texts)) == len(texts)
    assert not set(texts) & {message.text for name in ("danger", "lookalikes") for message in blind(name)}


def test_a_faulty_entry_is_told_with_its_place(tmp_path):
    (tmp_path / "urgent.yml").write_text('messages:\n  - {text: "blood", sign: RF-01, level: X}\n')
    with pytest.raises(YamlFault, match=r"urgent\.yml: entry 0: .*level"):
        read_examples(tmp_path)


# The model, on a few examples and vectors that tell them apart.


@pytest.fixture(scope="module")
def model(examples) -> DangerModel:
    few = type(examples)(examples.urgent[::20], examples.crisis[::20], examples.quiet[::20])
    place = {entry.text: at for at, part in enumerate((few.urgent, few.crisis, few.quiet)) for entry in part}

    def embed(texts):
        rows = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[place.get(text, 2)] = 1
        return rows

    return fit(few, [("hello", f"{NONE} meta")], embed)


@pytest.mark.parametrize(("place", "label"), [(0, URGENT), (1, CRISIS), (2, NONE)])
def test_it_reads_what_it_was_fitted_on(model, place, label):
    read = model.read("something", np.eye(DIMENSION, dtype=np.float32)[place])
    assert 0 <= min(read.urgent, read.crisis) <= max(read.urgent, read.crisis) <= 1 + 1e-6
    found = {URGENT: read.urgent, CRISIS: read.crisis, NONE: 1 - max(read.urgent, read.crisis)}
    assert max(found, key=found.__getitem__) == label


def test_a_saved_model_comes_back_the_same(model, tmp_path):
    model.save(tmp_path)
    vector = np.eye(DIMENSION, dtype=np.float32)[0]
    assert DangerModel.load(tmp_path).read("blood", vector) == model.read("blood", vector)


def test_one_message_in_ten_is_held_out_whatever_else_there_is():
    held = [is_held_out(f"message {number}") for number in range(1000)]
    assert 60 < sum(held) < 140


# Beside the rules: it may add, and raise a level; it never takes away.


@pytest.mark.parametrize("finding", [RULE_D, RULE_E, RULE_CRISIS])
def test_a_quiet_reading_takes_nothing_away(finding):
    assert with_reading(finding, reading(), ALARM) == finding


def test_what_neither_found_is_nothing():
    assert with_reading(None, reading(urgent=ALARM - 0.01, crisis=ALARM - 0.01), ALARM) is None


@pytest.mark.parametrize(
    ("read", "found"),
    [
        (reading(urgent=0.5), Finding("safety/urgent", "E", None, (READ,))),
        (reading(urgent=0.5, emergency=0.1), Finding("safety/urgent", "D", "same_day", (READ,))),
        (reading(urgent=0.5, who="other"), Finding("safety/urgent", "E", "other", (READ,))),
        (reading(urgent=0.5, emergency=0.1, who="staff"), Finding("safety/urgent", "D", "staff", (READ,))),
        (reading(crisis=0.5), Finding("safety/crisis", None, None, (READ,))),
        (reading(crisis=0.5, wording="violence"), Finding("safety/crisis", None, "violence", (READ,))),
        (reading(urgent=0.4, crisis=0.4), Finding("safety/urgent", "E", None, (READ,), "self")),
    ],
)
def test_it_finds_what_the_rules_do_not(read, found):
    assert with_reading(None, read, ALARM) == found


def test_it_adds_the_body_to_a_crisis_and_a_crisis_to_the_body():
    assert with_reading(RULE_CRISIS, reading(urgent=0.6), ALARM).answer == "safety/urgent"
    assert with_reading(RULE_CRISIS, reading(urgent=0.6), ALARM).also_crisis == "violence"
    assert with_reading(RULE_E, reading(crisis=0.6, wording="violence"), ALARM).also_crisis == "violence"


def test_it_raises_a_level_only_when_it_is_sure_and_never_lowers_one():
    assert with_reading(RULE_D, reading(urgent=0.9, emergency=0.5), ALARM) == RULE_D
    assert with_reading(RULE_D, reading(urgent=0.9, emergency=0.95), ALARM).level == "E"
    assert with_reading(RULE_E, reading(urgent=0.9, emergency=0.0), ALARM) == RULE_E


# A danger beside an ordinary question.


def test_a_joined_message_holds_both_and_keeps_its_danger(examples):
    from scripts.train_danger import joined_messages

    few = type(examples)(examples.urgent[::50], examples.crisis[::50], examples.quiet[::50])
    entries = {entry.text for part in (few.urgent, few.crisis, few.quiet) for entry in part}
    pairs = list(joined_messages(few))
    assert pairs == list(joined_messages(few)), "drawn in the same way each time"
    assert {label_of(entry) for _, entry in pairs} == {URGENT, CRISIS, BOTH, NONE}
    assert all(entry.text in entries and entry.text in text and text != entry.text for text, entry in pairs if entry)
    assert not any(is_held_out(entry.text) for _, entry in pairs if entry)


def test_a_question_more_leaves_nearly_every_message_with_the_one_beside_it():
    from scripts.train_danger import JOINED_SHARE, Beside

    questions = [f"what is test number {number} for" for number in range(200)]
    before, after = Beside(questions), Beside([*questions, "how is a septum found"])
    kept = sum(before.join(question) == after.join(question) for question in questions)
    assert kept > 190
    drawn = sum(before.is_drawn(question) for question in questions)
    assert drawn / len(questions) == pytest.approx(JOINED_SHARE, abs=0.1)
