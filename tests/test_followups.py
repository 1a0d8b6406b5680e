"""What is said to a message in its conversation: from probabilities to decisions."""

import pytest

from bot.answers import FALLBACK
from bot.followups import SUBJECT, Conversation, load_cues, nameable_topics
from bot.gate import load_gate
from bot.links import Last, load_nearest
from bot.paths import DATA
from bot.topics import load_topics
from bot.yaml_files import YamlFault
from tests.test_action_answer import understood

FOLLOWUPS = DATA / "followups.yml"
PCOS = Last("causes/pcos", "pcos")
FIBROIDS_SEEN = Last("tests/imaging", "fibroids")


@pytest.fixture(scope="module")
def conversation(answers) -> Conversation:
    words = load_topics(DATA / "topics.yml", only={*nameable_topics(FOLLOWUPS, answers), SUBJECT})
    nearest = load_nearest(FOLLOWUPS, answers)
    return Conversation(answers, nearest, words, load_cues(FOLLOWUPS), load_gate(DATA / "gate.yml"))


def in_context(text: str, *entries: tuple[str, float, str]) -> dict:
    """Return a message parsed in a conversation; an entry is an id, its probability and the link to the last answer."""
    ranking = [{"id": id, "confidence": value, "link": link} for id, value, link in entries]
    return understood(text, meta__out_of_scope=0.9) | {"context_ranking": ranking}


def test_in_a_conversation_the_ranking_in_context_decides(conversation):
    message = in_context("what would they give her", ("treatments/pcos", 0.9, "treatments"))
    assert [decision.id for decision in conversation.decide(message, PCOS)] == ["treatments/pcos"]


def test_without_a_conversation_nothing_is_taken_from_it(conversation):
    (decision,) = conversation.decide(understood("how is that treated?", treatments__overview=0.95), None)
    assert decision.id == "treatments/overview"


@pytest.mark.parametrize(
    ("last", "text", "id"),
    [
        (PCOS, "how is that treated?", "treatments/pcos"),
        (PCOS, "and the treatment?", "treatments/pcos"),
        (PCOS, "and the tests then", "tests/hormones"),
        (FIBROIDS_SEEN, "and how are they treated", "treatments/fibroids"),
        (Last("basics/how_common", "how_common"), "and the causes?", "causes/overview"),
    ],
)
def test_a_facet_and_nothing_else_keeps_the_topic(conversation, last, text, id):
    (decision,) = conversation.decide(in_context(text, ("meta/not_covered", 0.9, "alone")), last)
    assert decision.id == id


def test_a_facet_whose_answer_was_just_given_asks_for_more_than_that(conversation):
    message = in_context("what would they test", ("tests/overview", 0.8, "alone"), ("tests/when", 0.1, "same"))
    (decision,) = conversation.decide(message, Last("tests/when", "when"))
    assert decision.id == "tests/overview"


def test_after_a_warning_sign_a_facet_alone_is_left_to_the_reader(conversation):
    message = in_context("what do they check", ("warning_signs/evaluation", 0.9, "warning_signs"))
    (decision,) = conversation.decide(message, Last("warning_signs/bleeding", "bleeding"))
    assert decision.id == "warning_signs/evaluation"


def test_a_follow_up_has_the_topic_of_the_conversation_not_that_of_the_id(conversation):
    message = in_context("what would they do with something so big", ("tests/imaging", 0.9, "tests"))
    (decision,) = conversation.decide(message, Last("causes/fibroids", "fibroids"))
    assert conversation.carried(decision, Last("causes/fibroids", "fibroids")) == FIBROIDS_SEEN


def test_the_nearest_in_context_says_that_it_is_only_that(conversation):
    message = in_context("what would one take", ("prevention/preconception", 0.9, "treatments"))
    (decision,) = conversation.decide(message, Last("causes/diabetes", "diabetes"))
    assert decision.instead


def test_the_same_answer_again_is_known_to_be_that(conversation):
    (decision,) = conversation.decide(in_context("tell me more", ("causes/pcos", 0.9, "same")), PCOS)
    assert (decision.id, decision.repeated) == ("causes/pcos", True)


def test_whoever_is_named_beside_the_topic_is_not_what_the_talk_goes_on_about(conversation):
    (decision,) = conversation.decide(understood("husband typing. what is a septate one", causes__uterine=0.97), None)
    assert decision.id == "causes/uterine"
    assert conversation.carried(decision, None) == Last("causes/uterine", "uterine")


def test_an_unsure_follow_up_is_a_question_back(conversation):
    unsure = (("causes/pcos", 0.3, "causes"), ("tests/hormones", 0.3, "tests"), ("clinic/about", 0.3, "alone"))
    (decision,) = conversation.decide(in_context("and in that case there", *unsure), PCOS)
    assert (decision.id, len(decision.choices)) == (FALLBACK, 3)


def test_a_topic_alone_offers_its_cause_test_and_treatment(conversation):
    (decision,) = conversation.decide(understood("thyroid?", causes__thyroid=0.98), None)
    assert decision.id == FALLBACK
    assert decision.choices == ("causes/thyroid", "tests/hormones", "treatments/thyroid")


@pytest.mark.parametrize(
    ("text", "id", "confidence", "decided"),
    [
        ("cerclage", "treatments/cervix", 0.97, "treatments/cervix"),
        ("TSH", "tests/hormones", 0.97, "tests/hormones"),
        ("Do I have PCOS?", "safety/personal_advice", 0.97, "safety/personal_advice"),
        ("progesterone", "treatments/luteal", 0.6, FALLBACK),
    ],
)
def test_a_name_that_plainly_says_more_than_its_topic_is_no_topic_alone(conversation, text, id, confidence, decided):
    (decision,) = conversation.decide(understood(text, **{id.replace("/", "__"): confidence}), None)
    assert decision.id == decided


def test_a_topic_beside_the_subject_asks_for_the_link_between_them(conversation):
    (decision,) = conversation.decide(understood("thyroid miscarriage", causes__thyroid=0.9), None)
    assert decision.id == "causes/thyroid"


def test_a_message_that_speaks_of_miscarriage_is_never_off_the_subject(conversation):
    message = understood("facter five lieden miscariage", meta__out_of_scope=0.9, causes__clotting=0.09)
    (decision,) = conversation.decide(message, None)
    assert decision.id == "causes/clotting"


def test_a_topic_with_one_answer_needs_no_question_back(conversation):
    (decision,) = conversation.decide(understood("stress", causes__stress=0.98), None)
    assert decision.id == "causes/stress"


@pytest.mark.parametrize(
    ("message", "id"),
    [
        (understood("how is diabetes treated", causes__diabetes=0.9), "prevention/preconception"),
        (understood("is there a test for stress", causes__stress=0.9), "support/emotional"),
    ],
)
def test_where_facet_and_topic_have_no_answer_the_nearest_is_given_and_said_to_be_that(conversation, message, id):
    (decision,) = conversation.decide(message, None)
    assert (decision.id, decision.instead) == (id, True)


def test_a_question_back_a_refusal_and_a_gap_carry_the_topic_on(conversation):
    for message in (
        understood("fibroids?", causes__fibroids=0.9),
        understood("should I have my fibroids removed", safety__personal_advice=0.9),
        understood("what does fibroid surgery cost", meta__not_covered=0.95),
    ):
        (decision,) = conversation.decide(message, None)
        assert conversation.carried(decision, None).topic == "fibroids"


def test_a_feeling_told_meanwhile_leaves_the_talk_at_its_topic(conversation):
    (decision,) = conversation.decide(in_context("so I did this", ("support/blame", 0.9, "support")), PCOS)
    feeling = conversation.carried(decision, PCOS)
    assert feeling == Last("support/blame", "pcos")
    (decision,) = conversation.decide(in_context("and the treatment?", ("treatments/overview", 0.9, "alone")), feeling)
    assert decision.id == "treatments/pcos"


def test_a_question_back_without_a_topic_carries_its_likeliest_answer(conversation):
    message = understood("do I need that", tests__genetic=0.4, causes__clotting=0.35, tests__blood=0.2)
    (decision,) = conversation.decide(message, None)
    assert conversation.carried(decision, None) == Last("tests/genetic", "genetic")


def test_a_question_back_on_several_topics_leaves_the_talk_where_it_was(conversation):
    unsure = [("treatments/monitoring", 0.4, "alone"), ("treatments/genetic", 0.3, "alone")]
    (decision,) = conversation.decide(in_context("also while it grows?", *unsure), PCOS)
    assert decision.choices
    assert conversation.carried(decision, PCOS) is None


def test_a_question_back_on_one_topic_changes_the_subject(conversation):
    unsure = [("causes/cervix", 0.4, "alone"), ("tests/cervix", 0.35, "alone"), ("causes/pcos", 0.1, "same")]
    (decision,) = conversation.decide(in_context("the neck thing?", *unsure), PCOS)
    assert conversation.carried(decision, PCOS) == Last("causes/cervix", "cervix")


def test_an_answer_that_speaks_of_the_topic_keeps_it(conversation):
    last = Last("causes/fibroids", "fibroids")
    (decision,) = conversation.decide(in_context("which scan shows that", ("tests/imaging", 0.9, "alone")), last)
    assert conversation.carried(decision, last) == FIBROIDS_SEEN


def test_what_the_documents_do_not_say_carries_the_facet_that_was_named(conversation):
    (decision,) = conversation.decide(understood("what does the genetic test cost", meta__not_covered=0.95), None)
    assert conversation.carried(decision, None) == Last("tests/genetic", "genetic")


def test_a_safety_reply_carries_the_answer_that_waits_behind_it(conversation):
    danger = {"id": "safety/urgent", "variant": "same_day", "level": "D", "also_crisis": None}
    message = understood("I have factor V and my calf is swollen", causes__clotting=0.9) | {"danger": danger}
    (decision,) = conversation.in_danger(message, None)
    assert conversation.carried(decision, None) == Last("causes/clotting", "clotting")


def test_two_parts_of_which_one_is_unsure_get_one_reply(conversation):
    parts = [understood("what causes it", causes__overview=0.9), understood("and the other thing?", tests__blood=0.3)]
    message = {**understood("what causes it and the other thing?", causes__overview=0.9), "parts": parts}
    assert len(conversation.decide(message, None)) == 1


def test_who_says_never_mind_and_names_a_topic_begins_anew(conversation):
    message = in_context("Never mind. Fibroids?", ("treatments/fibroids", 0.9, "treatments"))
    message |= {"answer_ranking": understood("", causes__fibroids=0.5)["answer_ranking"]}
    (decision,) = conversation.decide(message, Last("treatments/pcos", "pcos"))
    assert set(decision.choices) == {"causes/fibroids", "tests/imaging", "treatments/fibroids"}


def test_a_new_topic_is_not_bent_by_the_old_one(conversation):
    message = in_context("perf. whats asherman", ("causes/genetic", 0.7, "causes"))
    message |= {"answer_ranking": understood("", causes__adhesions=0.9)["answer_ranking"]}
    (decision,) = conversation.decide(message, Last("treatments/genetic", "genetic"))
    assert decision.id == "causes/adhesions"


def test_two_parts_of_which_the_documents_cover_one_get_two_replies(conversation):
    covered, not_covered = (
        understood("what is a karyotype", tests__genetic=0.9),
        understood("and what does it cost?", meta__not_covered=0.9),
    )
    message = {
        **understood("what is a karyotype and what does it cost?", tests__genetic=0.9),
        "parts": [covered, not_covered],
    }
    assert [decision.id for decision in conversation.decide(message, None)] == ["tests/genetic", "meta/not_covered"]


def test_of_two_parts_the_refusal_to_advise_comes_first_in_its_own_words(conversation):
    parts = [
        understood("what is aps", causes__antiphospholipid=0.9),
        understood("do i have it", safety__personal_advice=0.9),
    ]
    message = {**understood("what is aps and do i have it", causes__antiphospholipid=0.9), "parts": parts}
    first, second = conversation.decide(message | {"advice_kind": "diagnosis"}, None)
    assert (first.id, first.variant, second.id) == ("safety/personal_advice", "diagnosis", "causes/antiphospholipid")


def test_a_nearest_answer_that_does_not_exist_is_refused_by_name(tmp_path, answers):
    path = tmp_path / "followups.yml"
    path.write_text(FOLLOWUPS.read_text().replace("treatments/uterine", "treatments/uterin"))
    with pytest.raises(YamlFault, match="treatments/uterin does not exist"):
        load_nearest(path, answers)
