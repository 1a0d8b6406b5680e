"""The model of follow-ups: links are learnt from what was asked after which answer, and what serves."""

import numpy as np
import pytest

from bot.encoder import MiniLMEncoder
from bot.links import LINKS, Last, Nearest, with_last
from bot.nlu.followup_model import Asked, FollowUpModel, FollowUps
from bot.topics import TopicWords

IDS = ["causes/pcos", "causes/thyroid", "treatments/pcos", "treatments/thyroid", "support/blame", "support/emotional"]
IDS += ["causes/overview", "tests/overview", "treatments/overview", "meta/not_covered", "safety/personal_advice"]
IDS += ["tests/partner", "meta/greet"]
TOPIC_WORDS = TopicWords({"pcos": ["pcos"], "thyroid": ["thyroid"]})
ALONE = np.full(len(IDS), 1 / len(IDS))
TREATED = ["how is that treated", "what is the treatment", "can they treat it", "is there a treatment", "treat it how"]
HURTS = ["does it hurt", "is it painful", "will it hurt", "how bad does it hurt", "painful?"]


@pytest.fixture(scope="module")
def asked() -> Asked:
    return Asked(IDS, Nearest(IDS, covers={}, instead={}), TOPIC_WORDS)


def by_link(asked: Asked, text: str, last: Last, link: str) -> dict[str, float]:
    row = asked.by_link(text, ALONE, last)[LINKS.index(link)]
    return {id: value for id, value in zip(IDS, row.tolist(), strict=True) if value}


@pytest.mark.parametrize(
    ("text", "link", "id"),
    [
        ("how is that treated", "treatments", "treatments/pcos"),
        ("and thyroid?", "other_topic", "causes/thyroid"),
        ("really?", "same", "causes/pcos"),
        ("and who finds it", "tests", "tests/overview"),  # there is no test of its own
        ("does it hurt", "meta/not_covered", "meta/not_covered"),
    ],
)
def test_a_link_leads_to_an_answer(asked, text, link, id):
    assert by_link(asked, text, Last("causes/pcos", "pcos"), link) == {id: 1.0}


def test_a_link_to_a_facet_leaves_the_answer_to_the_message(asked):
    found = by_link(asked, "I feel so alone", Last("causes/pcos", "pcos"), "support")
    assert found == {"support/blame": pytest.approx(0.5), "support/emotional": pytest.approx(0.5)}


def test_another_topic_in_words_nobody_listed_comes_from_the_message_by_itself(asked):
    alone = np.array([id == "causes/thyroid" for id in IDS], dtype=float)
    row = asked.by_link("and the gland?", alone, Last("treatments/pcos", "pcos"))[LINKS.index("other_topic")]
    assert IDS[row.argmax()] == "treatments/thyroid"


def test_it_learns_what_a_follow_up_asks_from_other_topics(asked, tmp_path):
    encoder = MiniLMEncoder()

    def pairs(texts, lasts):
        return encoder.embed([with_last(text, last) for text, last in zip(texts, lasts, strict=True)])

    texts = TREATED + HURTS
    lasts = [Last("causes/thyroid", "thyroid")] * len(texts)
    right = np.array(
        [[id == ("treatments/thyroid" if text in TREATED else "meta/not_covered") for id in IDS] for text in texts]
    )
    messages = FollowUps(texts, encoder.embed(texts), pairs(texts, lasts), np.tile(ALONE, (len(texts), 1)), lasts)
    FollowUpModel.fit(messages, right, asked, TOPIC_WORDS).save(tmp_path / "links.skops")
    model = FollowUpModel.load(tmp_path / "links.skops")

    unseen, last = "can one treat that", Last("causes/pcos", "pcos")
    new = FollowUps([unseen], encoder.embed([unseen]), pairs([unseen], [last]), ALONE[None, :], [last])
    links = model.probabilities(new, TOPIC_WORDS)
    assert links.sum() == pytest.approx(1.0)
    assert IDS[(links @ asked.by_link(unseen, ALONE, last)).argmax()] == "treatments/pcos"
