"""The follow-ups that everybody types, each after every answer that it fits: none may depend on what it comes after.

Some of the phrases are training examples after a few answers; here they stand after all. What an answer leads to is
asked of bot/links.py, not of the model.
"""

import pytest

from bot.answers import load_answers
from bot.links import OVERVIEW, TOPIC_FACETS, load_nearest, topic_of
from bot.paths import ANSWERS, DATA

pytestmark = pytest.mark.model

RIGHT = 0.95  # of the answers that a phrase is asked after
IDS = list(load_answers(ANSWERS))
NEAREST = load_nearest(DATA / "followups.yml", IDS)
ON_A_TOPIC = [id for id in IDS if id.startswith(TOPIC_FACETS) and topic_of(id) != OVERVIEW]
CAUSES = [id for id in ON_A_TOPIC if id.startswith("causes/")]
NOT_TREATED = [id for id in ON_A_TOPIC if not id.startswith("treatments/")]


def the_answer_in(facet: str, last: str) -> set[str]:
    """Return the answer that a facet has on the topic of the last one, or its overview."""
    target = NEAREST.find(facet, topic_of(last))
    return {target.id if target else f"{facet}/{OVERVIEW}"}


def the_same(last: str) -> set[str]:
    return {last}


def the_same_or_its_cause(last: str) -> set[str]:
    return {last} | the_answer_in("causes", last)


@pytest.mark.parametrize(
    ("phrase", "lasts", "right"),
    [
        ("how is that treated?", NOT_TREATED, lambda last: the_answer_in("treatments", last)),
        ("how do they test for that", ON_A_TOPIC, lambda last: the_answer_in("tests", last)),
        ("and for my husband?", NOT_TREATED, lambda _: {"tests/partner", "causes/genetic"}),
        ("is it dangerous", CAUSES, the_same_or_its_cause),
        ("is it serious?", CAUSES, the_same_or_its_cause),
        ("tell me more", ON_A_TOPIC, the_same),
        ("why?", ON_A_TOPIC, the_same_or_its_cause),
        ("what does that mean", ON_A_TOPIC, the_same_or_its_cause),
        ("where does that come from?", ON_A_TOPIC, lambda last: {"meta/sources"} | the_same_or_its_cause(last)),
        ("does it hurt?", ON_A_TOPIC, lambda last: {"meta/not_covered", last}),
        ("should I do that?", ON_A_TOPIC, lambda _: {"safety/personal_advice"}),
        ("thanks", ON_A_TOPIC, lambda _: {"meta/thanks"}),
    ],
)
def test_a_plain_follow_up_is_understood_after_any_answer(bot, phrase, lasts, right):
    wrong = [last for last in lasts if reply_after(bot, last, phrase) not in right(last)]
    assert len(wrong) <= (1 - RIGHT) * len(lasts), f"{phrase!r} not understood after {', '.join(wrong)}"


def reply_after(bot, last: str, phrase: str) -> str:
    conversation = bot.new_conversation()
    bot.choose(last, conversation)
    return bot.ask(phrase, conversation)[0]["answer"]
