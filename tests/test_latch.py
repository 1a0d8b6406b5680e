"""After a safety reply: the number stays first until the person has called, is safe, or it is not happening now."""

import asyncio

import cachetools
import httpx
import pytest

from bot.web import latch as module
from bot.web.latch import Latches

URGENT, CRISIS, CALM = "I am soaking a pad every hour", "I want to die", "what is pcos"
VIOLENCE = "my husband hits me"
HAVE_CALLED, NOT_NOW, CANNOT_CALL = "meta/thanks", "causes/pcos", "safety/urgent"


@pytest.fixture
def chat(site, rasa):
    """Return a function that takes turns of one conversation and gives the first reply to each."""
    started = {}

    def turn(**sent):
        answer = site.post("/api/chat", json=started | sent).json()
        started["conversation"] = answer["conversation"]
        return answer["replies"][0]

    return turn


def first_line(reply) -> str:
    return reply["paragraphs"][0]


@pytest.mark.parametrize(
    ("text", "line"), [(URGENT, "still_urgent"), (CRISIS, "still_crisis"), (VIOLENCE, "still_violence")]
)
def test_every_later_reply_starts_with_the_number(chat, renderer, text, line):
    words = getattr(renderer.frame, line)
    assert words not in chat(text=text)["paragraphs"]  # it has the number in its own words
    for sent in ({"text": CALM}, {"choice": "causes/pcos"}, {"text": CALM}):
        assert first_line(chat(**sent)) == words


def test_a_reply_that_cannot_be_given_starts_with_it_too(chat, rasa, renderer):
    chat(text=URGENT)
    rasa.respond = lambda request: (_ for _ in ()).throw(ConnectionError())
    reply = chat(text=CALM)
    assert (reply["kind"], first_line(reply)) == ("unavailable", renderer.frame.still_urgent)


@pytest.mark.parametrize("text", [URGENT, CRISIS])
def test_have_called_or_am_safe_ends_it(chat, clinic, renderer, text):
    chat(text=text)
    reply = chat(choice=HAVE_CALLED)
    assert reply["answer"] == HAVE_CALLED
    assert any(clinic.emergency_number in words for words in reply["paragraphs"])
    assert not first_line(chat(text=CALM)).startswith(renderer.frame.still_urgent[:10])


def test_without_danger_thanks_are_only_thanks(chat, renderer):
    assert chat(choice=HAVE_CALLED)["paragraphs"] == renderer.reply(HAVE_CALLED)["paragraphs"]


def test_not_now_gives_the_answer_with_what_to_call_for_and_ends_it(chat, rasa, renderer):
    tap = chat(text=URGENT)["next"][-1]["choice"]
    reply = chat(choice=tap)
    assert (reply["answer"], reply["kind"]) == (tap, "answer")
    assert reply["paragraphs"].count(renderer.frame.cautions["K6"]) == 1
    assert first_line(chat(text=CALM)) != renderer.frame.still_urgent


def test_the_same_sign_again_fires_again(chat, renderer):
    chat(choice=chat(text=URGENT)["next"][-1]["choice"])
    assert chat(text=URGENT)["kind"] == "urgent"
    assert first_line(chat(text=CALM)) == renderer.frame.still_urgent


def test_who_cannot_call_is_told_another_way_and_stays_in_danger(chat, clinic, renderer):
    chat(text=URGENT)
    reply = chat(choice=CANNOT_CALL)
    assert (reply["kind"], reply["paragraphs"]) == (
        "urgent",
        renderer.reply(CANNOT_CALL, variant="cannot_call")["paragraphs"],
    )
    assert clinic.emergency_number in first_line(reply)
    assert first_line(chat(text=CALM)) == renderer.frame.still_urgent


def test_a_crisis_after_an_urgent_reply_leaves_the_urgent_line(chat, renderer):
    chat(text=URGENT)
    chat(text=CRISIS)
    assert first_line(chat(text=CALM)) == renderer.frame.still_urgent


def test_despair_after_violence_gets_its_own_line(chat, renderer):
    chat(text=VIOLENCE)
    chat(text=CRISIS)
    assert first_line(chat(text=CALM)) == renderer.frame.still_crisis


def test_a_chat_that_is_forgotten_is_in_no_danger_that_we_know_of(site, rasa, renderer):
    answer = site.post("/api/chat", json={"text": URGENT}).json()
    site.delete(f"/api/conversations/{answer['conversation']}")
    again = site.post("/api/chat", json={"text": CALM, "conversation": answer["conversation"]}).json()
    assert first_line(again["replies"][0]) != renderer.frame.still_urgent


def test_another_visitor_sees_nothing_of_it(chat, site, renderer):
    chat(text=URGENT)
    (other,) = site.post("/api/chat", json={"text": CALM}).json()["replies"]
    assert first_line(other) != renderer.frame.still_urgent


def test_the_button_leads_where_rasa_would_have_answered(chat, rasa, renderer):
    reply = renderer.reply("safety/urgent", level="E", not_now="causes/pcos")
    rasa.respond = lambda request: httpx.Response(200, json=[{"custom": reply}])
    assert chat(text=URGENT)["next"][-1]["choice"] == "causes/pcos"


def test_it_ends_by_itself_after_half_an_hour(monkeypatch, renderer):
    assert module.LATCHED_S == 30 * 60
    now = 0.0
    kept = cachetools.TTLCache
    monkeypatch.setattr(module, "TTLCache", lambda size, ttl: kept(size, ttl, timer=lambda: now))
    latches = Latches()
    asyncio.run(latches.close("a", renderer.reply("safety/urgent")))
    assert asyncio.run(latches.of("a"))
    now = module.LATCHED_S + 1
    assert asyncio.run(latches.of("a")) is None


@pytest.mark.parametrize("id", ["meta/not_covered", "meta/out_of_scope", "meta/fallback", "support/emotional"])
def test_what_is_not_understood_in_an_emergency_is_not_left_at_that(chat, rasa, renderer, id):
    chat(text=URGENT)
    rasa.respond = lambda request: httpx.Response(200, json=[{"custom": renderer.reply(id)}])
    first, second, *_ = chat(text="could it just be wind")["paragraphs"]
    assert [first, second] == [renderer.frame.still_urgent, renderer.frame.still_unsure]


def test_what_the_documents_say_is_told_plainly_after_an_emergency(chat, renderer):
    chat(text=URGENT)
    assert renderer.frame.still_unsure not in chat(choice="causes/pcos")["paragraphs"]
