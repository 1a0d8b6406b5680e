"""What a message takes from the answer before it: the topic, the facet, or nothing."""

import pytest

from bot.answers import FALLBACK
from bot.followups import Conversation, Last, load_cues, nameable_topics
from bot.gate import load_gate
from bot.paths import DATA
from bot.topics import load_topics
from bot.yaml_files import YamlFault
from tests.test_action_answer import understood

PCOS = Last("causes/pcos", "pcos")


@pytest.fixture(scope="module")
def conversation(answers) -> Conversation:
    words = load_topics(DATA / "topics.yml", only=nameable_topics(DATA / "followups.yml", answers))
    return Conversation(answers, words, load_cues(DATA / "followups.yml", answers), load_gate(DATA / "gate.yml"))


@pytest.mark.parametrize(
    ("last", "message", "id"),
    [
        (PCOS, understood("how is that treated?", treatments__overview=0.9), "treatments/pcos"),
        (PCOS, understood("and the treatment?", treatments__overview=0.5), "treatments/pcos"),
        (PCOS, understood("how do they test for it", tests__overview=0.7), "tests/hormones"),  # speaks of PCOS too
        (PCOS, understood("what about fibroids", causes__fibroids=0.4, treatments__fibroids=0.4), "causes/fibroids"),
        (Last("treatments/pcos", "pcos"), understood("and thyroid?", causes__thyroid=0.9), "treatments/thyroid"),
        (Last("treatments/pcos", "pcos"), understood("why?", meta__out_of_scope=0.5), "causes/pcos"),
        (Last("treatments/pcos", "pcos"), understood("is it dangerous", meta__not_covered=0.5), "causes/pcos"),
        (PCOS, understood("tell me more", meta__menu=0.9), "treatments/pcos"),
        (PCOS, understood("can you tell me more about that?", meta__menu=0.9), "treatments/pcos"),
        (Last("tests/imaging", "fibroids"), understood("and how are they treated", treatments__overview=0.8),
         "treatments/fibroids"),  # the topic asked about, not that of the id
    ],
)  # fmt: skip
def test_a_follow_up_keeps_the_topic_or_the_facet(conversation, last, message, id):
    (decision,) = conversation.decide(message, last)
    assert decision.id == id


@pytest.mark.parametrize(
    "message",
    [
        understood("what tests are done for recurrent miscarriage?", tests__overview=0.95),
        understood("is it my fault?", support__blame=0.97),
        understood("how much does it cost", meta__not_covered=0.98),
        understood("and where does that come from?", meta__sources=0.95),
        understood("can fibroids be removed", treatments__fibroids=0.95),  # names its own topic
        understood("and for my husband?", tests__partner=0.9),
    ],
)
def test_a_complete_new_question_is_never_bent_by_the_old_topic(conversation, message):
    (decision,) = conversation.decide(message, PCOS)
    assert decision.id == message["answer_ranking"][0]["id"]


@pytest.mark.parametrize("text", ["tell me more", "why?", "how is that treated?"])
def test_without_a_conversation_nothing_is_taken_from_it(conversation, text):
    (decision,) = conversation.decide(understood(text, treatments__overview=0.95), None)
    assert decision.id == "treatments/overview"


def test_a_topic_alone_offers_its_cause_test_and_treatment(conversation):
    (decision,) = conversation.decide(understood("thyroid?", causes__thyroid=0.98), None)
    assert decision.id == FALLBACK
    assert decision.choices == ("causes/thyroid", "tests/hormones", "treatments/thyroid")


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
        assert conversation.carried(decision).topic == "fibroids"


def test_two_parts_of_which_one_is_unsure_get_one_reply(conversation):
    parts = [understood("what causes it", causes__overview=0.9), understood("and the other thing?", tests__blood=0.3)]
    message = {**understood("what causes it and the other thing?", causes__overview=0.9), "parts": parts}
    assert len(conversation.decide(message, None)) == 1


def test_a_nearest_answer_that_does_not_exist_is_refused_by_name(tmp_path, answers):
    path = tmp_path / "followups.yml"
    path.write_text((DATA / "followups.yml").read_text().replace("treatments/uterine", "treatments/uterin"))
    with pytest.raises(YamlFault, match="treatments/uterin does not exist"):
        load_cues(path, answers)
