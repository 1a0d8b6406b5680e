"""Which topics a message names, spelled more or less right."""

import pytest

from bot.paths import DATA
from bot.topics import TopicWords, load_topics

WORDS = TopicWords(
    {
        "antiphospholipid": ["antiphospholipid", "sticky blood", "APS"],
        "uterine": ["septum", "shape of the uterus", "womb"],
        "blood": ["blood test"],
        "pcos": ["PCOS"],
    }
)


@pytest.mark.parametrize(
    ("text", "topics"),
    [
        ("what is sticky blood", ["antiphospholipid"]),
        ("STICKY BLOOD and the womb", ["antiphospholipid", "uterine"]),
        ("antiphosfolipid", ["antiphospholipid"]),
        ("the shape of the uterus", ["uterine"]),
        ("a blood test", ["blood"]),  # the longest form wins
        ("pcso", []),  # too short to guess
        ("womb, womb, womb", ["uterine"]),
        ("how is that treated?", []),
        ("", []),
        ("🩸" * 100, []),
    ],
)
def test_the_topics_named_are_found_once_in_their_order(text, topics):
    assert list(WORDS.find(text).topics) == topics


def test_the_words_that_name_nothing_are_kept():
    assert WORDS.find("What about my septum?").other_words == ("what", "about", "my")


def test_only_the_topics_asked_for_are_read_from_the_file():
    words = load_topics(DATA / "topics.yml", only=["fibroids"])
    assert words.find("fibroids and thyroid").topics == ("fibroids",)
