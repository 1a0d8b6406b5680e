"""What of a message is read: emoji by their names, and each of two questions."""

import pytest

from bot.nlu.parts import in_words, questions


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("What causes it? How is it treated?", ["What causes it?", "How is it treated?"]),
        ("what causes it and how is it treated", ["what causes it", "how is it treated"]),
        (
            "two questions: how common is it, and what does a semen test show?",
            ["how common is it", "what does a semen test show?"],
        ),
        ("I have PCOS. How do I book a visit?", ["How do I book a visit?"]),  # what is told is background
        ("is it the thyroid", []),  # one part is the whole message
        ("do smoking and drinking matter", []),  # 'and' joins two words, not two questions
        ("", []),
        ("Why? " * 50, ["Why?"] * 6),
    ],
)
def test_the_parts_that_ask_something(text, parts):
    assert questions(text) == parts


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("😢", "crying face"),
        ("😭😭😭", "loudly crying face"),  # said once
        ("❤️ 👍🏽", "heavy black heart thumbs up sign"),  # neither its variation nor the colour of a skin is read
        ("thanks ❤️", "thanks ❤️"),
        ("??", "??"),
        ("", ""),
    ],
)
def test_emoji_alone_are_read_by_their_names(text, read):
    assert in_words(text) == read
