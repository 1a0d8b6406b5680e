"""The gate: what is answered, what is asked back, and what is said to be not understood, by expected cost."""

import pytest

from bot.answers import FALLBACK
from bot.gate import ADVICE, Costs, Decision, decide, load_gate
from bot.paths import DATA
from bot.yaml_files import YamlFault

COSTS = Costs(
    wrong=1.0,
    refusals_confused=0.5,
    facet_missed=0.6,
    advice_needless=0.6,
    offered=0.2,
    offered_missed=0.7,
    not_understood=0.6,
)


def test_a_sure_answer_is_served_with_its_probability():
    assert decide([("causes/pcos", 0.9), ("tests/hormones", 0.05)], COSTS) == Decision("causes/pcos", 0.9)


@pytest.mark.parametrize(("advice", "served"), [(0.45, ADVICE), (0.2, "meta/not_covered")])
def test_advice_is_refused_also_where_it_is_only_nearly_the_likeliest(advice, served):
    ranking = [("meta/not_covered", 1 - advice), (ADVICE, advice)]
    assert decide(ranking, COSTS).id == served


def test_where_two_are_near_the_nearest_three_are_offered():
    ranking = [("causes/pcos", 0.4), ("treatments/pcos", 0.3), ("tests/hormones", 0.2), ("causes/weight", 0.05)]
    decision = decide(ranking, COSTS)
    assert decision.id == FALLBACK
    assert decision.choices == ("causes/pcos", "treatments/pcos", "tests/hormones")


def test_safety_and_small_talk_are_never_among_the_choices():
    ranking = [("causes/pcos", 0.4), ("meta/greet", 0.1), ("safety/urgent", 0.1), ("treatments/pcos", 0.4)]
    assert decide(ranking, COSTS).choices == ("causes/pcos", "treatments/pcos")


@pytest.mark.parametrize(
    "ranking",
    [
        [("causes/pcos", 0.06), ("tests/blood", 0.05), ("treatments/cervix", 0.04)],  # nothing near: three wrong titles
        [("meta/greet", 0.3), ("causes/pcos", 0.2)],  # one choice is no choice
        [],
    ],
)
def test_where_nothing_is_near_it_was_not_understood(ranking):
    decision = decide(ranking, COSTS)
    assert (decision.id, decision.choices) == (FALLBACK, ())


def test_the_dearer_a_wrong_answer_the_surer_it_must_be():
    ranking = [("causes/pcos", 0.7), ("treatments/thyroid", 0.28)]
    assert decide(ranking, COSTS.model_copy(update={"wrong": 0.5})).id == "causes/pcos"
    assert decide(ranking, COSTS.model_copy(update={"wrong": 2.0})).choices


def test_another_side_of_the_right_topic_costs_less_than_a_wrong_answer():
    assert decide([("causes/pcos", 0.7), ("treatments/pcos", 0.3)], COSTS).id == "causes/pcos"
    assert decide([("causes/pcos", 0.7), ("treatments/thyroid", 0.3)], COSTS).choices


def test_which_of_two_refusals_is_said_costs_less_than_a_wrong_answer():
    assert decide([("meta/not_covered", 0.4), ("meta/out_of_scope", 0.4)], COSTS).id == "meta/not_covered"
    assert decide([("meta/not_covered", 0.3), ("meta/greet", 0.35)], COSTS).id == FALLBACK


def test_the_settings_that_ship_can_be_read():
    assert load_gate(DATA / "gate.yml").costs.wrong == 1.0


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (("wrong: 1.0", "wrong: 0"), "costs.wrong"),
        (("both_sure: 0.85", "both_sure: 85"), "both_sure"),
        (("facet_missed", "facet_mist"), "facet_missed"),
    ],
)
def test_a_faulty_setting_is_told_by_name(tmp_path, edit, named):
    path = tmp_path / "gate.yml"
    path.write_text((DATA / "gate.yml").read_text().replace(*edit))
    with pytest.raises(YamlFault, match=named):
        load_gate(path)
