"""The evaluation: its split, its figures and its comparison, on small things."""

import numpy as np
import pytest

from scripts.evaluate import read_options
from scripts.evaluation import peers, plots, rasa_default, report
from scripts.evaluation.data import (
    CALIBRATION,
    PARTS,
    REPORTING,
    EvaluationPart,
    Example,
    Turn,
    load_examples,
    load_part,
    part_of,
)
from scripts.evaluation.figures import Figure, calibration_error, figure, figures_of
from scripts.evaluation.outcomes import outcomes_of
from scripts.evaluation.record import Recorded, load_record, worse_than_recorded, write_record


class StandInBot:
    """Answers every message with its own text, read as `kind id, kind id, …`; a choice offers its id."""

    def new_conversation(self):
        return "one"

    def ask(self, text, conversation=None):
        return [self.reply(*words.split()) for words in text.split(", ")]

    def choose(self, id, conversation=None):
        return [self.reply("answer", id)]

    def parse(self, text):
        return {}

    def reply(self, kind, id):
        offered = [{"label": "…", "choice": id}] if kind == "choice" else []
        return {"answer": "meta/fallback" if offered else id, "kind": kind, "next": offered, "confidence": 0.5}


def part(*messages: Turn, dialogues=()) -> EvaluationPart:
    return EvaluationPart(CALIBRATION, messages, tuple(dialogues), excluded=0)


def figures_by_name(whole: EvaluationPart) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures_of(outcomes_of(StandInBot(), whole))}


def ranked(score, right, wrong=None) -> peers.Ranked:
    right = np.array(right, dtype=bool)
    return peers.Ranked("one", np.array(score, dtype=float), right, ~right if wrong is None else np.array(wrong))


# The parts


def test_the_parts_share_no_message_and_leave_out_what_was_trained_on():
    parts = [load_part(name) for name in PARTS]
    texts = [{turn.ask for turn in one.messages} for one in parts]
    assert not texts[0] & texts[1]
    assert all(part_of(text) == one.name for one, own in zip(parts, texts, strict=True) for text in own)
    trained_on = {example.text.casefold() for example in load_examples()}
    assert not {text.casefold() for own in texts for text in own} & trained_on


def test_a_message_that_stands_in_the_training_data_is_left_out_and_counted():
    message = load_part(CALIBRATION, examples=[]).messages[0]
    shouted = Example(message.ask.upper(), message.label)
    left = load_part(CALIBRATION, examples=[shouted])
    assert message not in left.messages
    assert left.excluded == 1


def test_every_training_example_has_an_id_that_exists(answers):
    assert {example.id for example in load_examples()} <= set(answers)


def test_the_misses_of_the_reporting_part_are_never_shown():
    with pytest.raises(SystemExit):
        read_options(["--misses", "--part", REPORTING])


# The figures


@pytest.mark.parametrize(
    ("said", "right", "offered", "wrong", "turned_away"),
    [
        ("answer causes/pcos", 1, 1, 0, 0),
        ("answer causes/thyroid", 1, 1, 0, 0),  # the other acceptable answer
        ("answer tests/pcos", 0, 0, 1, 0),
        ("choice causes/pcos", 0, 1, 0, 0),
        ("choice tests/pcos", 0, 0, 0, 0),  # a question back is never a wrong answer
        ("fallback meta/fallback", 0, 0, 0, 0),
        ("not_covered meta/not_covered", 0, 0, 1, 1),
        ("answer causes/pcos, answer tests/pcos", 1, 1, 1, 0),  # a wrong second reply is a wrong answer too
    ],
)
def test_a_message_on_the_subject_is_judged_by_its_replies(said, right, offered, wrong, turned_away):
    figures = figures_by_name(part(Turn(("causes/pcos", "causes/thyroid"), said)))
    assert figures["on the subject: right answer served"].value == right
    assert figures["on the subject: right, or offered"].value == offered
    assert figures["any message: a wrong answer served"].value == wrong
    assert figures["on the subject: turned away"].value == turned_away


def test_only_typed_turns_after_the_first_are_follow_ups():
    first, tapped = Turn(("causes/pcos",), "answer tests/pcos"), Turn(("causes/pcos",), choice="causes/pcos")
    follow_up = Turn(("causes/pcos",), "answer causes/pcos")
    missed = Turn(("causes/pcos",), "choice causes/pcos")
    figures = figures_by_name(part(first, dialogues=[(first, follow_up, tapped), (first, missed)]))
    assert figures["follow-up turns right"].value == 0.5


def test_an_evaluation_without_such_messages_gives_no_number():
    assert np.isnan(figures_by_name(part(Turn(("causes/pcos",), "answer causes/pcos")))["danger recognised"].value)


def test_a_bot_that_is_as_sure_as_it_is_right_has_no_calibration_error():
    sure, right = np.array([0.75] * 4), np.array([1, 1, 1, 0])
    assert calibration_error(sure, right) == pytest.approx(0)
    assert calibration_error(np.ones(4), right) == pytest.approx(0.25)


def test_the_interval_holds_the_value_and_is_the_same_each_time():
    hits = np.array([1.0] * 30 + [0.0] * 10)
    one, two = (figure("one", lambda rows: float(hits[rows].mean()), len(hits)) for _ in range(2))
    assert one == two
    assert one.low < one.value < one.high


# The peers


def test_a_threshold_serves_most_right_for_the_wrong_it_may_serve():
    system = ranked(score=[4, 3, 2, 1], right=[True, False, True, True])
    assert peers.right_at(system, 0.0) == 0.25
    assert peers.right_at(system, 0.25) == 0.75


def test_messages_of_the_same_score_are_served_together():
    assert peers.right_at(ranked(score=[1, 1], right=[True, False]), 0.0) == 0


def test_a_peer_that_asks_again_is_not_wrong():
    system = peers.peer("one", [Turn(("causes/pcos",), "…")], ["meta/fallback"], np.ones(1))
    assert not system.wrong.any()


def test_bm25_finds_the_example_with_the_same_words():
    found, scores = peers.best_by_words(["thyroid tests", "🙂"], ["what is pcos", "which thyroid tests are done"])
    assert found[0] == 1
    assert scores[0] > scores[1] == 0


def test_rasas_default_pipeline_is_kept_without_a_text(tmp_path, monkeypatch):
    prediction = rasa_default.Prediction("causes/pcos", 0.9, refused=False)
    monkeypatch.setattr(rasa_default, "train", lambda examples, folder: folder)
    monkeypatch.setattr(rasa_default, "predict", lambda model, texts: [prediction for _ in texts])
    rasa_default.renew([Example("a", "causes/pcos")], ["my own words"], tmp_path / "kept.json")
    kept = rasa_default.load_kept(tmp_path / "kept.json")
    assert "words" not in (tmp_path / "kept.json").read_text()
    assert kept.of(["my own words"]) == [prediction]
    assert kept.of(["my own words", "others"]) is None


# The record and the report


def test_the_record_holds_a_figure_to_its_noise(tmp_path):
    before = Figure("right", 0.9, 0.88, 0.92, 500)
    write_record(part(), [before], tmp_path / "recorded.json")
    recorded = load_record(tmp_path / "recorded.json")
    assert recorded == {"right": Recorded(0.9, 0.02, 500)}
    assert worse_than_recorded([Figure("right", 0.881, 0, 1, 500)], recorded) == []
    assert len(worse_than_recorded([Figure("right", 0.87, 0, 1, 500)], recorded)) == 1
    assert worse_than_recorded([Figure("right", 0.87, 0, 1, 500, is_lower_better=True)], recorded) == []


def test_the_report_is_one_page_without_a_message(tmp_path):
    whole = part(
        Turn(("causes/pcos",), "answer causes/pcos", style="plain"), Turn(("tests/pcos",), "answer tests/pcos")
    )
    outcomes = outcomes_of(StandInBot(), whole)
    bot = peers.ours(outcomes.messages)
    report.write(report.Result(whole, outcomes, figures_of(outcomes), [bot, bot]), tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert page.count("<svg") == 4
    assert "answer causes/pcos" not in page
    assert "right answer served" in (tmp_path / "figures.json").read_text()


def test_a_right_answer_stands_in_the_diagonal():
    outcomes = outcomes_of(StandInBot(), part(Turn(("causes/pcos", "tests/pcos"), "answer tests/pcos"))).messages
    assert plots.group_of_reply(outcomes[0]) == plots.group_of("causes/pcos") == "causes"
