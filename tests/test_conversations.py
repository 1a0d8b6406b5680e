"""The conversations in tests/conversations/, through the trained model and the real action.

Each entry: `ask` what a visitor types, or `choose` a button; then `answer` the id that must come (or `not` one that
must not), `level` for an urgent reply, and `then` the ids of further replies. Every reply is also held to the promises
that all replies make.
"""

from pathlib import Path

import pytest
import yaml

FOLDER = Path(__file__).parent / "conversations"
GAPS = "known_gaps.yml"
pytestmark = pytest.mark.model


def entries():
    for path in sorted(FOLDER.glob("*.yml")):
        if path.name != GAPS:
            for entry in yaml.safe_load(path.read_text()):
                yield pytest.param(entry, id=f"{path.stem}: {entry.get('ask') or entry['choose']}")


def reply_to(entry: dict, bot) -> dict:
    replies = bot.ask(entry["ask"]) if "ask" in entry else bot.choose(entry["choose"])
    assert [reply["answer"] for reply in replies[1:]] == entry.get("then", [])
    return replies[0]


def as_expected(reply: dict, entry: dict) -> bool:
    if "not" in entry:
        return reply["answer"] != entry["not"]
    return reply["answer"] == entry["answer"] and reply["level"] == entry.get("level")


@pytest.mark.parametrize("entry", entries())
def test_a_visitor_gets_the_answer_meant(entry, bot):
    reply = reply_to(entry, bot)
    assert as_expected(reply, entry), f"{reply['answer']} {reply['level']} at {reply['confidence']}"
    assert reply["disclaimer"]
    assert reply["consultation"]["url"]
    assert reply["consultation"]["phone"]


def test_every_known_gap_is_still_open(bot):
    closed = [
        entry for entry in yaml.safe_load((FOLDER / GAPS).read_text()) if as_expected(reply_to(entry, bot), entry)
    ]
    assert not closed, "these pass now: move them to their own files"


def test_every_facet_has_conversations(answers):
    facets = {answer.facet for answer in answers.values()}
    assert facets <= {path.stem for path in FOLDER.glob("*.yml")}


def test_every_answer_can_be_chosen_and_comes_framed_with_its_sources(bot, answers, renderer):
    for id in answers:
        (reply,) = bot.choose(id)
        assert reply["answer"] == id
        assert reply["confidence"] == 1
        assert reply["disclaimer"] == renderer.reply(id)["disclaimer"]
        assert reply["sources"] == renderer.reply(id)["sources"]


def test_any_rasa_channel_gets_the_whole_reply_as_one_text_with_buttons_and_one_object(bot):
    texts = [part for part in bot.messages("can pcos cause miscarriage?") if "text" in part]
    assert len(texts) == 1
    reply = bot.ask("can pcos cause miscarriage?")[0]
    for words in (*reply["paragraphs"], reply["disclaimer"], reply["consultation"]["phone"]):
        assert words in texts[0]["text"]
    assert [button["payload"] for button in texts[0]["buttons"]] == [
        f'/{choice.partition("/")[0]}{{"topic": "{choice.partition("/")[2]}"}}'
        for choice in (button["choice"] for button in reply["next"])
    ]


def test_the_note_on_the_reference_entry_is_given_once_in_a_conversation(bot, renderer):
    note = renderer.frame.cautions["K1"]
    conversation = bot.new_conversation()
    first = bot.choose("causes/prolactin", conversation)[0]  # drawn from the entry alone
    second = bot.choose("causes/diabetes", conversation)[0]  # likewise
    assert note in first["paragraphs"]
    assert note not in second["paragraphs"]
    assert note in bot.choose("causes/diabetes")[0]["paragraphs"]  # another conversation
