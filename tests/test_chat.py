"""POST /api/chat: what is taken, what is refused and how, and what is answered without asking anyone."""

import json
import logging

import httpx
import pytest

from bot.web.conversations import Conversations

DANGER = "I am soaking a pad every hour"
JSON = {"Content-Type": "application/json"}
MAX_TEXT = 1_000  # characters, as the contract has it


def body(**fields) -> bytes:
    """Return the fields as JSON in ASCII, so that a row may hold what UTF-8 cannot, such as half a character."""
    return json.dumps(fields).encode("ascii")


def post(site, content: bytes, headers=JSON):
    return site.post("/api/chat", content=content, headers=headers)


# Refused.


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        # no JSON
        pytest.param(b"", 400, "bad_json", id="nothing"),
        pytest.param(b"hello", 400, "bad_json", id="words"),
        pytest.param(b'{"text": "hi"', 400, "bad_json", id="cut off"),
        pytest.param(b'{"text": "\xff"}', 400, "bad_json", id="not UTF-8"),
        pytest.param(b"[" * 5_000 + b"]" * 5_000, 400, "bad_json", id="nested 5,000 deep"),
        pytest.param(b'{"text":' * 1_500 + b"1" + b"}" * 1_500, 400, "bad_json", id="objects nested 1,500 deep"),
        pytest.param(b'{"text": ' + b"1" * 5_000 + b"}", 400, "bad_json", id="a number of 5,000 digits"),
        # JSON, but no request
        pytest.param(b'["text"]', 400, "bad_request", id="an array"),
        pytest.param(b"42", 400, "bad_request", id="a number"),
        pytest.param(b'"hello"', 400, "bad_request", id="a string"),
        pytest.param(b"null", 400, "bad_request", id="null"),
        pytest.param(b"NaN", 400, "bad_request", id="not a number"),
        pytest.param(body(text=42), 400, "bad_request", id="a number as text"),
        pytest.param(body(text=["hi"]), 400, "bad_request", id="a list as text"),
        pytest.param(body(text=True), 400, "bad_request", id="true as text"),
        pytest.param(body(choice={"id": "causes/pcos"}), 400, "bad_request", id="an object as choice"),
        pytest.param(body(text="hi", conversation=7), 400, "bad_request", id="a number as conversation"),
        # the fields
        pytest.param(body(), 400, "text_or_choice", id="neither field"),
        pytest.param(body(text=None, choice=None), 400, "text_or_choice", id="both null"),
        pytest.param(body(text="hi", choice="causes/pcos"), 400, "text_or_choice", id="both fields"),
        pytest.param(body(text="hi", message="hi"), 400, "unknown_field", id="an unknown field"),
        pytest.param(body(text="hi", sender="me"), 400, "unknown_field", id="a field of Rasa's own door"),
        pytest.param(body(**{"text": "hi", "\ud800": 1}), 400, "unknown_field", id="a field named by half a character"),
        # the text
        pytest.param(body(text=""), 400, "text_empty", id="empty text"),
        pytest.param(body(text=" \n\t "), 400, "text_empty", id="only blanks"),
        pytest.param(body(text="\x00\x1b\u200b\ufeff"), 400, "text_empty", id="only control characters"),
        pytest.param(body(text="\ud800"), 400, "text_empty", id="only half a character"),
        pytest.param(body(text="We wait for the next scan. " * 60), 400, "text_too_long", id="a long story"),
        pytest.param(body(text="a" * (MAX_TEXT + 1)), 400, "text_too_long", id="1,001 characters"),
        pytest.param(body(text="/" * (MAX_TEXT + 1)), 400, "text_too_long", id="1,001 slashes"),
        pytest.param(body(text="a" * 100_000), 413, "too_large", id="100 kB"),
        pytest.param(b" " * 100_000, 413, "too_large", id="100 kB of blanks"),
        # the choice
        pytest.param(body(choice="causes/unheard_of"), 400, "unknown_choice", id="an unknown choice"),
        pytest.param(body(choice=""), 400, "unknown_choice", id="an empty choice"),
        pytest.param(body(choice='/causes{"topic":"pcos"}'), 400, "unknown_choice", id="Rasa's command as choice"),
        pytest.param(body(choice="\ud800"), 400, "unknown_choice", id="half a character as choice"),
        # the conversation
        pytest.param(body(text="hi", conversation=""), 400, "unknown_conversation", id="an empty conversation"),
        pytest.param(body(text="hi", conversation="mine"), 400, "unknown_conversation", id="an id of one's own making"),
        pytest.param(body(text="hi", conversation="\ud800"), 400, "unknown_conversation", id="half a character as id"),
        pytest.param(
            body(text="hi", conversation=Conversations("another secret").issue()),
            400,
            "unknown_conversation",
            id="an id of another server",
        ),
    ],
)
def test_a_request_unlike_the_contract_is_refused_and_goes_no_further(site, rasa, clinic, content, status, code):
    response = post(site, content)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, code)
    assert error["message"].strip()
    assert clinic.emergency_number in error["message"]  # whoever sees it may be in danger
    assert rasa.asked == []


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}, {"Content-Type": "multipart/form-data"}])
def test_only_json_is_taken(site, rasa, headers):
    response = post(site, body(text="hi"), headers)
    assert (response.status_code, response.json()["error"]["code"]) == (415, "not_json")
    assert rasa.asked == []


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (body(text="hi"), {"Content-Encoding": "gzip"}, 415),
        ('{"text": "hi"}'.encode("utf-16"), {}, 400),
        ('{"text": "hi"}'.encode("utf-8-sig"), {}, 200),
    ],
    ids=["packed", "UTF-16", "UTF-8 with its mark"],
)
def test_only_plain_utf_8_is_taken(site, rasa, content, headers, status):
    response = post(site, content, {"Content-Type": "application/json", **headers})
    assert response.status_code == status


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_json_may_be_named_in_any_of_its_ways(site, rasa, content_type):
    assert post(site, body(text="hi"), {"Content-Type": content_type}).status_code == 200


# Taken: what Rasa is asked.

EMOJI = "😀"  # 4 bytes in UTF-8, 12 in escaped JSON
FAMILY = "👩\u200d👩\u200d👧"  # one emoji of three, held together by joiners


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        pytest.param("can pcos cause miscarriage?", "can pcos cause miscarriage?", id="a question"),
        pytest.param("  \n what causes it \t", "what causes it", id="blanks around"),
        pytest.param("one\n\ttwo", "one\n\ttwo", id="a line break and a tab"),
        # the size
        pytest.param("a" * MAX_TEXT, "a" * MAX_TEXT, id="exactly 1,000 characters"),
        pytest.param(" " + "a" * MAX_TEXT + " ", "a" * MAX_TEXT, id="1,000 after trimming"),
        pytest.param(EMOJI * MAX_TEXT, EMOJI * MAX_TEXT, id="1,000 characters of 4 bytes"),
        # never a command
        pytest.param("/restart", "restart", id="a command"),
        pytest.param("//restart", "restart", id="a command behind a slash"),
        pytest.param(" / / restart", "restart", id="a command behind blanks and slashes"),
        pytest.param("soa\u200bking\u00ad a pad", "soaking a pad", id="a word cut by what takes no room"),
        pytest.param("\u200b/restart", "restart", id="a command behind a zero-width space"),
        pytest.param("/\u00a0/restart", "restart", id="a command behind a no-break space"),
        pytest.param("\x00/\x1f/restart", "restart", id="a command behind control characters"),
        pytest.param("\ud800/restart", "restart", id="a command behind half a character"),
        pytest.param('/causes{"topic":"x"}', 'causes{"topic":"x"}', id="a button's message typed by hand"),
        pytest.param("aspirin and/or heparin", "aspirin and/or heparin", id="a slash further in"),
        # letters as meant
        pytest.param("50\x00mg\x1b[31m\x7f", "50 mg [31m", id="control characters"),
        pytest.param("a\u202eb\u2066c\u200fd", "abcd", id="characters that turn the direction"),
        pytest.param("cafe\u0301", "café", id="an accent typed apart"),
        pytest.param("a\ud83db", "ab", id="half a character"),
        pytest.param(FAMILY, FAMILY, id="joiners inside an emoji"),
        pytest.param("🌼 你好 مرحبا", "🌼 你好 مرحبا", id="other scripts"),
    ],
)
def test_what_was_typed_is_asked_as_it_was_meant(site, rasa, keeps_the_contract, typed, asked):
    response = post(site, body(text=typed))
    assert response.status_code == 200, response.text
    keeps_the_contract(response.json()["replies"][0])
    assert [sent["message"] for sent in rasa.asked] == [asked]


@pytest.mark.parametrize("slashes", ["/", "////", " / / ", "/\u200b/"])
def test_only_slashes_are_a_message_and_no_command(site, rasa, slashes):
    assert post(site, body(text=slashes)).status_code == 200
    (sent,) = rasa.asked
    assert sent["message"].strip()
    assert "/" not in sent["message"]


def test_a_choice_is_asked_for_as_a_button_would(say, rasa):
    say(choice="causes/pcos")
    assert rasa.asked[0]["message"] == '/causes{"topic": "pcos"}'


def test_every_answer_can_be_chosen(say, answers, keeps_the_contract):
    for id in answers:
        (reply,) = say(choice=id)
        keeps_the_contract(reply)
        assert reply["answer"] == id


# Conversations.


def test_the_first_turn_starts_a_conversation_and_the_next_goes_on_with_it(site, rasa):
    first = site.post("/api/chat", json={"text": "hello"}).json()["conversation"]
    second = site.post("/api/chat", json={"text": "and tests?", "conversation": first}).json()["conversation"]
    assert first == second
    assert [sent["sender"] for sent in rasa.asked] == [first, first]


def test_two_visitors_never_share_a_conversation(site, rasa):
    one, two = (site.post("/api/chat", json={"text": "hello"}).json()["conversation"] for _ in range(2))
    assert one != two


def test_a_tampered_id_is_refused(site, rasa):
    id = site.post("/api/chat", json={"text": "hello"}).json()["conversation"]
    tampered = ("A" if id[0] != "A" else "B") + id[1:]
    response = site.post("/api/chat", json={"text": "hello", "conversation": tampered})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "unknown_conversation")


def test_a_conversation_of_null_is_a_new_one(site, rasa):
    assert site.post("/api/chat", json={"text": "hello", "conversation": None}).json()["conversation"]


# Danger is answered first.


@pytest.mark.parametrize(
    "typed", [DANGER, DANGER.upper(), f"/{DANGER}", f"\u200b {DANGER} ", f"What is PCOS? {DANGER}."]
)
def test_a_message_of_danger_is_answered_urgent(say, clinic, keeps_the_contract, typed):
    (reply,) = say(text=typed)
    keeps_the_contract(reply)
    assert (reply["answer"], reply["kind"], reply["level"]) == ("safety/urgent", "urgent", "E")
    assert clinic.emergency_number in reply["paragraphs"][0]


def test_danger_needs_nothing_behind_the_front_server(say, rasa, keeps_the_contract):
    rasa.respond = lambda request: httpx.Response(500)
    (reply,) = say(text=DANGER)
    keeps_the_contract(reply)
    assert reply["kind"] == "urgent"


def test_what_else_was_asked_is_answered_behind_the_number(say, rasa, renderer):
    urgent, other = renderer.reply("safety/urgent", not_now="causes/pcos"), renderer.reply("treatments/pcos")
    rasa.respond = lambda request: httpx.Response(200, json=[{"custom": urgent}, {"custom": other}])
    replies = say(text=f"{DANGER}. And how is PCOS treated?")
    assert [reply["answer"] for reply in replies] == ["safety/urgent", "treatments/pcos"]


def test_who_is_in_another_country_calls_the_number_there_first(say, clinic, renderer):
    (reply,) = say(text=f"I am in Portugal. {DANGER}")
    assert reply["paragraphs"][0] == renderer.frame.abroad
    assert clinic.emergency_number in reply["paragraphs"][1]


def test_danger_is_answered_at_any_turn_and_keeps_the_conversation(site, rasa):
    first = site.post("/api/chat", json={"text": "hello"}).json()["conversation"]
    second = site.post("/api/chat", json={"text": DANGER, "conversation": first}).json()
    third = site.post("/api/chat", json={"text": "what now", "conversation": first}).json()
    assert [reply["kind"] for reply in second["replies"]] == ["urgent"]
    assert first == second["conversation"] == third["conversation"]


# Privacy.


@pytest.mark.parametrize("typed", ["my very own words", f"my very own words: {DANGER}"])
@pytest.mark.parametrize("is_down", [False, True])
def test_the_log_has_the_answer_but_never_the_words_nor_the_whole_id(site, rasa, caplog, typed, is_down):
    if is_down:
        rasa.respond = lambda request: httpx.Response(500)
    with caplog.at_level(logging.DEBUG):
        answer = site.post("/api/chat", json={"text": typed}).json()
    assert answer["replies"][0]["answer"] in caplog.text
    assert "very own words" not in caplog.text
    assert answer["conversation"] not in caplog.text
    assert answer["conversation"][:8] in caplog.text


# A text beyond the limit.

STORY = "We have been trying for four years now and every time it is the same waiting room. "


@pytest.mark.parametrize("where", ["at the end", "at the start", "across a cut"])
def test_danger_in_a_text_that_is_too_long_is_answered(site, clinic, where):
    long = STORY * 30
    at = {"at the end": len(long), "at the start": 0, "across a cut": MAX_TEXT - 12}[where]
    response = site.post("/api/chat", json={"text": f"{long[:at]} I am soaking through a pad every hour. {long[at:]}"})
    assert response.status_code == 200
    reply = response.json()["replies"][0]
    assert reply["kind"] == "urgent"
    assert clinic.emergency_number in reply["paragraphs"][0]
    after = site.post("/api/chat", json={"conversation": response.json()["conversation"], "choice": "causes/pcos"})
    assert clinic.emergency_number in after.json()["replies"][0]["paragraphs"][0]
